"""Live systems as plain data, and back."""

import copy
import gc
import json
import pickle
import weakref

import pytest
import torch
from cases import CASES, build, draw
from test_downstream import Absorption, Learned, Switched
from torch import nn

from flamo import dsp, system
from flamo.config.build import build_node
from flamo.config.compare import differences
from flamo.config.describe import describe
from flamo.core.constraints import Chain, Clamp, Constraint, Decibels, Interval, Softplus
from flamo.core.magnitude import Magnitude
from flamo.core.recorded import NotData, recorded
from flamo.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:a delay of")  # some are longer than nfft, and wrap


def arguments(module):
    [given] = describe(module).values()
    return given


def rebuilt(module):
    """What comes back, by way of JSON."""
    again = build_node(json.loads(json.dumps(describe(module), allow_nan=False)), {})
    again.load_state_dict(module.state_dict())
    return again


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_every_processor_comes_back(name, kwargs, dtype):
    processor = draw(build(name, dtype, alias_decay_db=20.0, **kwargs))
    again = rebuilt(processor)
    assert describe(again) == describe(processor)
    assert list(describe(processor)) == [name]
    assert list(differences(processor, again)) == []
    x = torch.randn(1, processor.grid.bins, processor.input_channels, dtype=dtype.to_complex())
    assert again(x).equal(processor(x))


CHANGES = {
    "nfft": (dsp.Biquad((1, 1)), lambda m: m.set_nfft(64), {"nfft": 64}),
    "decay": (dsp.Biquad((1, 1)), lambda m: m.set_alias_decay_db(30.1), {"alias_decay_db": 30.1}),
    "dtype": (dsp.Biquad((1, 1), filter_type="bandpass"), lambda m: m.double(), {"dtype": "float64"}),
    "learned": (dsp.Delay((1, 1)), lambda m: m.param.requires_grad_(True), {"learn": True}),
    "frozen": (
        dsp.Delay((1, 1), requires_grad=True),
        lambda m: m.param.requires_grad_(False),
        {"learn": False, "map": {"softplus": {}}},
    ),
    "map": (
        dsp.Gain((1, 1)),
        lambda m: setattr(m, "map", Interval(0, 1)),
        {"map": {"interval": {"low": 0, "high": 1, "dim": -1}}},
    ),
    "map of a lambda": (
        dsp.Gain((1, 1), map=lambda p: p),
        lambda m: setattr(m, "map", Softplus()),
        {"map": {"softplus": {}}},
    ),
    "map of a matrix": (
        dsp.Matrix((2, 2), matrix_type="hadamard"),
        lambda m: setattr(m, "map", Chain((Decibels(), Clamp(-1.0, 1.0)))),
        {"map": {"chain": {"links": [{"decibels": {}}, {"clamp": {"low": -1.0, "high": 1.0}}]}}},
    ),
    "an attribute": (dsp.Delay((1, 1)), lambda m: setattr(m, "isint", True), {"isint": True}),
    "a transform": (
        dsp.FFTAntiAlias(8),
        lambda m: m.set_nfft(16).set_dtype(torch.float64),
        {"nfft": 16, "dtype": "float64"},
    ),
    "numbers in tensors": (dsp.parallelDelay((2,), max_len=torch.tensor(40.0)), lambda m: m, {"max_len": 40}),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_was_changed_after_construction_counts(case):
    module, change, expected = CHANGES[case]
    module = copy.deepcopy(module)
    change(module)
    assert expected.items() <= arguments(module).items()
    again = rebuilt(module)
    assert getattr(again, "map", None) == getattr(module, "map", None)
    assert list(differences(module, again)) == []


def test_the_map_of_a_constructor_is_not_repeated():
    assert "map" not in arguments(dsp.Matrix((2, 2), matrix_type="orthogonal"))
    assert arguments(dsp.GainDelay((1, 1), map_gain=Softplus()))["map_gain"] == {"softplus": {}}


def test_containers_are_described_from_their_live_parts():
    loop = system.Recursion(dsp.Gain(), dsp.Gain())
    chain = system.Series(dsp.Gain(), loop)
    loop.feedback = system.Series(dsp.Gain((1, 1), nfft=2048), nn.Identity())
    chain.prepend(dsp.Gain())
    both = system.Parallel(chain, dsp.Gain(), sum_output=True)
    both.sum_output = False
    model = system.Shell(both, None, Magnitude())
    node = describe(model)["shell"]
    parts = node["core"]["parallel"]["branchA"]["series"]
    assert list(parts) == ["2", "0", "1"]
    assert list(parts["1"]["recursion"]["feedback"]["series"]) == ["0", "1"]
    assert node["input_layer"] == {"identity": {}}
    assert node["core"]["parallel"]["sum_output"] is False
    again = rebuilt(model)
    assert list(again.state_dict()) == list(model.state_dict())
    assert str(again) == str(model)


def test_describing_draws_no_random_numbers():
    gain, state = dsp.Gain((3, 3)), torch.get_rng_state()
    describe(gain)
    assert torch.get_rng_state().equal(state)


def with_function(name):
    gain = dsp.Gain((1, 1))
    setattr(gain, name, lambda *args: args[0])
    return gain


class Own(dsp.Gain):
    """A class of one's own."""


class Odd(Constraint):
    """A constraint of one's own."""

    def __call__(self, raw):
        return raw


REFUSED = {
    "a lambda": (dsp.Gain((1, 1), map=lambda p: p), "its map <lambda> is a function.*such as Interval"),
    "a function of torch": (dsp.Gain((1, 1), map=torch.sigmoid), "its map sigmoid is a function"),
    "a lambda put there": (with_function("map"), "its map <lambda> is a function"),
    "a lambda for gains": (dsp.GainDelay((1, 1), map_gain=lambda p: p), "its argument map_gain is a function"),
    "a constraint of one's own": (dsp.Gain((1, 1), map=Odd()), "Odd has no name; constraints are identity"),
    "a transform": (dsp.Transform(lambda x: x), "its argument transform is a function; use the component magnitude"),
    "a module of torch": (nn.Linear(2, 2), "a module of torch is no component; use gain"),
    "another module of torch": (nn.ReLU(), "no component; register"),
    "a Sequential": (nn.Sequential(), "use series instead"),
    "one's own class": (Own((1, 1)), r"no plugin offers .*Own; register its class as a component \(docs/plugins.md\)"),
    "one's own shell": (Learned(dsp.Gain()), "no plugin offers .*Learned"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_described_is_refused_by_name(case):
    module, reason = REFUSED[case]
    with pytest.raises(InputError, match=rf"^the system \({type(module).__name__}\): .*{reason}"):
        describe(module)
    with pytest.raises(InputError, match=rf"^branchB\.b \({type(module).__name__}\): "):
        describe(wrapped(module))


def wrapped(module):
    """A system with a module deep in it."""
    inner = system.Series({"a": nn.Identity()})
    inner.add_module("b", module)
    both = system.Parallel(nn.Identity(), nn.Identity())
    both.branchB = inner
    return both


def test_constructors_of_any_form_are_recorded():
    assert recorded(dsp.Gain((2, 1), map=torch.sigmoid, nfft=8)) == (
        ((2, 1),),
        {"map": NotData("a function"), "nfft": 8},
    )
    with_own = Absorption(torch.tensor([1.0, 2.0]), nfft=64)
    assert recorded(with_own)[0][0].tolist() == [1.0, 2.0]
    assert recorded(Switched((2, 1), nfft=8)) == (((2, 1),), {"nfft": 8})
    assert recorded(system.Recursion(dsp.Gain(), fB=dsp.Gain())) == ((NotData("a Gain"),), {"fB": NotData("a Gain")})


def test_records_are_values():
    size = [2, 1]
    gain = dsp.Gain(size)
    size[0] = 3
    assert recorded(gain) == (([2, 1],), {})
    delays = torch.tensor([1.0, 2.0])
    with_tensor = Absorption(delays, nfft=64)
    delays.zero_()
    assert recorded(with_tensor)[0][0].tolist() == [1.0, 2.0]
    for copied in (copy.deepcopy(gain), copy.copy(gain), pickle.loads(pickle.dumps(gain))):
        assert recorded(copied) == recorded(gain)
    assert list(gain.state_dict()) == ["param"]


def test_records_keep_nothing_alive():
    class Many(dsp.DSP):
        def __init__(self, taps, part):
            super().__init__((1, 1))

    taps, part = torch.zeros(100_000), dsp.Gain()
    gone = weakref.ref(taps), weakref.ref(part)
    many = Many(taps, part)
    del taps, part
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert recorded(many)[0] == (NotData("a tensor of 100000 numbers"), NotData("a Gain"))


def test_components_of_a_stranger_are_described_by_their_qualified_names(acme):
    split = acme.Split([acme.Allpass((1, 1), nfft=64)], {"b": dsp.Gain()}, acme.Scaled(0.5))
    node = describe(split)["acme/split"]
    allpass = {"size": [1, 1], "nfft": 64, "learn": False, "alias_decay_db": 0.0, "dtype": "float32"}
    assert node["branches"] == [{"acme/allpass": allpass}]
    assert node["last"] == {"acme/scaled": {"factor": 0.5}}
    assert list(node["named"]) == ["b"]
    assert list(differences(split, rebuilt(split))) == []


def test_tensors_among_the_arguments_of_a_stranger_come_back(acme):
    absorption = acme.Absorption(torch.tensor([0.1, 200.0]), shape=(1, "a"))
    assert arguments(absorption)["shape"] == [1, "a"]
    again = rebuilt(absorption)
    assert again.delays.equal(absorption.delays)
    with pytest.raises(InputError, match=r"its argument delays is a tensor of torch.float64"):
        describe(acme.Absorption(torch.tensor([0.1]).double()))
    with pytest.raises(InputError, match=r"its argument config is a set"):
        describe(acme.Absorption(torch.tensor([0.1]), config={1}))
    with pytest.raises(InputError, match=r"its argument shape is a function"):
        describe(acme.Absorption(torch.tensor([0.1]), shape=print))


def test_a_composite_of_a_stranger_is_its_arguments(acme):
    reverb = acme.Reverb([3, 5])
    reverb.set_nfft(128)
    assert describe(reverb) == {"acme/reverb": {"delays": [3, 5], "nfft": 128}}
