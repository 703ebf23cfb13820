"""Systems out of plain data: what is built, and what is said of data that cannot be used."""

import pytest
import torch
from nodes import DELAYS, NETWORK, WRONG
from torch import nn

import flamo
from flamo import dsp, system
from flamo.config.build import build_component, build_node, check_component, check_node
from flamo.core.constraints import Chain, Clamp, Decibels, Interval, Rows, Softplus
from flamo.errors import ConfigError, InputError

DEFAULTS = {"fs": 48000, "nfft": 64, "alias_decay_db": 30, "dtype": "float64"}


def test_a_network_is_what_code_makes_of_the_same_words():
    model = build_node(NETWORK, DEFAULTS)
    kwargs = {"nfft": 64, "alias_decay_db": 30.0, "dtype": torch.float64}
    delays = dsp.parallelDelay.from_physical(samples=DELAYS, isint=True, fs=48000, **kwargs)
    matrix = dsp.Matrix((8, 8), matrix_type="orthogonal", requires_grad=True, **kwargs)
    by_hand = system.Series(dsp.Gain((8, 1), **kwargs), system.Recursion(delays, matrix), dsp.Gain((1, 8), **kwargs))
    assert list(model._modules) == ["input_gain", "feedback_loop", "output_gain"]
    assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in by_hand.parameters()]
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), model.state_dict().values(), strict=True)))
    x = torch.ones(1, 33, 1, dtype=torch.complex128)
    assert model(x).equal(by_hand(x))


def test_what_a_node_says_comes_before_the_defaults():
    gains = build_node({"series": [{"gain": {"nfft": 64}}, "gain"]}, {"nfft": 64, "dtype": "float64", "fs": 1})
    assert [gain.dtype for gain in gains] == [torch.float64] * 2
    assert build_node({"gain": {"nfft": 64}}, {"nfft": 32}).nfft == 64
    with pytest.raises(ConfigError, match="device"):
        build_node("gain", {"device": "abacus"})


def test_a_default_of_another_form_is_not_the_one_that_is_meant(acme):
    assert build_node({"absorption": {"delays": [1.0]}}, {"nfft": [32, 64]}).nfft == 64


@pytest.mark.parametrize(
    ("samples", "others", "isint"),
    [
        ([100, 200.0], {}, True),
        ([100, 200.5], {}, False),
        ([100, 200], {"learn": True}, False),
        ([100, 200], {"isint": False}, False),
        (100, {"size": [3]}, True),
    ],
)
def test_delays_in_whole_samples_are_exact(samples, others, isint):
    delay = build_node({"parallel_delay": {"samples": samples, **others}}, {})
    assert delay.isint is isint
    expected = torch.as_tensor(samples).double().expand(delay.size)
    torch.testing.assert_close(delay.samples, expected, atol=0 if isint else 1e-3, rtol=0)


def test_physical_values_size_a_filter():
    low = build_node({"biquad": {"frequency": [100.0, 200.0], "filter_type": "highpass"}}, {"dtype": "float64"})
    assert low.size == (2, 2, 1, 1)
    torch.testing.assert_close(low.frequency.flatten(), torch.tensor([100.0, 200.0]).double())


@pytest.mark.parametrize(
    ("node", "constraint"),
    [
        ({"interval": {"low": 0, "high": 1}}, Interval(0.0, 1.0)),
        ("softplus", Softplus()),
        ({"softplus": None}, Softplus()),
        ({"chain": {"links": ["decibels", {"clamp": {"low": -60, "high": 0}}]}}, Chain((Decibels(), Clamp(-60, 0)))),
        ({"rows": {"rows": ["softplus", "decibels"], "dim": 0}}, Rows((Softplus(), Decibels()), 0)),
    ],
)
def test_a_map_is_a_constraint_by_name(node, constraint):
    assert build_node({"gain": {"size": [2, 2], "map": node}}, {}).map == constraint


def test_a_map_counts_where_the_constructor_has_none_or_another():
    assert build_node({"svf": {"map": "softplus"}}, {}).map == Softplus()
    assert build_node({"matrix": {"size": [2, 2], "matrix_type": "orthogonal", "map": "identity"}}, {}).map.elementwise
    bounded = build_node({"delay": {"samples": [[5.5]], "map": {"interval": {"low": 0, "high": 1}}}}, {})
    assert bounded.map == Interval(0, 1)
    assert bounded.samples.item() == pytest.approx(5.5, rel=1e-5)
    assert build_node({"gain_delay": {"map_gain": "softplus"}}, {}).map_gain == Softplus()


def test_a_series_within_a_series_stays_one():
    chain = build_node({"series": {"a": {"series": ["gain", "gain"]}, "b": "magnitude"}}, {})
    assert [type(part).__name__ for part in chain] == ["Series", "Magnitude"]
    assert list(chain.state_dict()) == ["a.0.param", "a.1.param"]


def test_parts_go_by_either_name():
    a = build_node({"recursion": {"feedforward": "gain", "feedback": "gain"}}, {})
    b = build_node({"recursion": {"fF": "gain", "fB": "gain"}}, {})
    c = build_node({"parallel": {"brA": "gain", "branchB": "gain", "sum_output": False}}, {})
    d = build_node({"shell": {"core": "gain", "input_layer": None, "output_layer": {"ifft": {"nfft": 2048}}}}, {})
    assert list(a._modules) == list(b._modules) == ["feedforward", "feedback"]
    assert (list(c._modules), c.sum_output) == (["branchA", "branchB"], False)
    assert [type(part) for part in d.children()] == [dsp.Gain, nn.Identity, flamo.iFFT]


@pytest.mark.parametrize("case", WRONG)
def test_wrong_data_is_told_where_and_how(case):
    node, path, message = WRONG[case]
    problem = check_node(node, {})[0]
    assert problem.path == path
    assert message in problem.message
    with pytest.raises(ConfigError) as error:
        build_node(node, {})
    assert message in str(error.value)


def test_a_good_node_has_no_problems():
    assert check_node(NETWORK, DEFAULTS) == []


def test_all_problems_come_at_once():
    node = {
        "series": {
            "a": {"gain": {"size": "2", "lern": True}},
            "b": "gian",
            "c": {"recursion": {"fB": {"fft": {"n": 1}}}},
        }
    }
    assert [problem.path for problem in check_node(node, {})] == [
        ("series", "a", "gain", "size"),
        ("series", "a", "gain", "lern"),
        ("series", "b"),
        ("series", "c", "recursion", "feedforward"),
        ("series", "c", "recursion", "fB", "fft", "n"),
    ]


def test_what_constructors_refuse_comes_at_once_too():
    node = {
        "series": {"a": {"gain": {"size": [0, 1]}}, "b": {"biquad": {"frequency": 50000}}, "c": {"fft": {"norm": "x"}}}
    }
    assert check_node(node, {}) == []
    with pytest.raises(ConfigError) as error:
        build_node(node, {})
    assert str(error.value).splitlines() == [
        "series.a.gain: every dimension of size must be at least 1, got (0, 1)",
        "series.b.biquad.frequency: must be within 0 to 24000 Hz, got 50000",
        "series.c.fft.norm: must be one of backward, ortho, forward, got 'x'",
    ]
    assert isinstance(error.value, InputError)


def test_parts_that_do_not_fit_are_a_problem_of_their_container():
    with pytest.raises(ConfigError, match=r"^series: Series: channels do not match"):
        build_node({"series": [{"gain": {"size": [2, 1]}}, {"gain": {"size": [1, 3]}}]}, {})
    with pytest.raises(ConfigError, match=r"^series: a part cannot be named 'forward'"):
        build_node({"series": {"forward": "gain"}}, {})


def test_components_of_a_stranger(acme):
    assert type(build_node({"acme/allpass": {"size": [2, 2], "nfft": 64, "learn": True}}, {})) is acme.Allpass
    absorption = build_node({"absorption": {"delays": [100.0, 200.0], "shape": {"any": [1, None]}}}, {})
    assert absorption.delays.tolist() == [100.0, 200.0]
    assert absorption.shape == {"any": [1, None]}
    learned = build_node({"absorption": {"delays": [1.0], "learn": True}}, {})
    assert learned.param.requires_grad
    split = build_node(
        {"split": {"branches": ["gain", "gain"], "named": {"c": "gain"}, "last": {"scaled": {"factor": 2}}}}, {}
    )
    assert list(split.state_dict()) == ["branches.0.param", "branches.1.param", "named.c.param"]
    assert split.last.factor == 2
    assert len(build_node({"reverb": {"delays": [3, 5]}}, {})) == 2
    paths = [p.path for p in check_node({"split": {"branches": ["gain", "x"], "named": {"c": "y"}, "last": 3}}, {})]
    assert paths == [("split", "branches", 1), ("split", "named", "c"), ("split", "last")]


def test_a_stranger_cannot_take_our_names_in_another_kind(acme):
    assert type(build_node("gain", {})) is dsp.Gain
    assert type(build_node({"series": {}}, {})) is system.Series
    assert type(build_node({"acme/series": {}}, {})) is acme.Allpass


def test_losses_are_built_the_same_way():
    assert isinstance(build_component("loss", {"mse": {"nfft": 8}}, {"nfft": 16}), flamo.mse_loss)
    assert build_component("loss", "mse", {"nfft": 16}).nfft == 16
    assert str(check_component("loss", "mae", {})[0]).startswith("unknown loss 'mae'")
    assert (
        check_component("loss", {"gain": {}}, {})[0].message == "unknown loss 'gain'; there is a processor of that name"
    )
