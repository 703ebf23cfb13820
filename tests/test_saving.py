"""Systems in files: what comes back is the same, and no file does harm."""

import json

import pytest
import torch
from cases import CASES, build, draw
from networks import network
from safetensors import safe_open
from test_downstream import Learned, Switched
from torch import nn

import flamo
from flamo import dsp, system
from flamo.config.describe import describe
from flamo.core.magnitude import Magnitude
from flamo.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:a delay of")  # some are longer than nfft, and wrap


@pytest.fixture
def file(tmp_path):
    return tmp_path / "system.safetensors"


def there_and_back(model, file):
    flamo.save(model, file)
    return flamo.load(file)


def impulse(nfft=64):
    return torch.eye(nfft, 1, dtype=torch.float64)[None]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_every_processor_comes_back(name, kwargs, dtype, file):
    processor = draw(build(name, dtype, alias_decay_db=20.0, **kwargs))
    again = there_and_back(processor, file)
    x = torch.randn(1, processor.grid.bins, processor.input_channels, dtype=dtype.to_complex())
    assert again(x).equal(processor(x))
    assert type(again) is type(processor)
    assert again.param.requires_grad == processor.param.requires_grad


def test_a_network_comes_back_with_names_order_and_flags(file):
    model = network()
    model.set_nfft(128).set_alias_decay_db(20.0)
    again = there_and_back(model, file)
    assert again(impulse(128)).equal(model(impulse(128)))
    assert str(again) == str(model)
    assert list(again.state_dict()) == list(model.state_dict())
    flags = [[(name, p.requires_grad) for name, p in m.named_parameters()] for m in (model, again)]
    assert flags[0] == flags[1]
    assert describe(again) == describe(model)


def test_what_came_back_learns_on(file):
    again = there_and_back(network(), file)
    again(impulse()).square().sum().backward()
    assert all(p.grad is not None for p in again.parameters() if p.requires_grad)


def test_it_comes_back_in_another_process(file, run_python):
    model = network()
    flamo.save(model, file)
    script = f"""
import sys, torch, flamo
assert "flamo.saving" not in sys.modules
model = flamo.load({str(file)!r})
torch.save(model(torch.eye(64, 1, dtype=torch.float64)[None]), "answer.pt")
"""
    run_python("-c", script)
    assert torch.load(file.parent / "answer.pt").equal(model(impulse()))


def test_the_same_system_gives_the_same_bytes(file):
    torch.manual_seed(1)
    flamo.save(network(), file)
    first = file.read_bytes()
    torch.manual_seed(1)
    flamo.save(network(), file)
    assert file.read_bytes() == first
    flamo.save(flamo.load(file), file)
    assert file.read_bytes() == first


def test_the_file_is_safetensors_with_a_description_in_json(file):
    flamo.save(network(), file)
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
        assert set(opened.keys()) == set(network().state_dict())
    assert metadata["flamo"] == "1"
    assert json.loads(metadata["system"]) == describe(network())
    assert json.loads(metadata["plugins"])["gains"]["distribution"] == "flamo"


def test_saving_and_loading_draw_no_random_numbers(file):
    model, state = network(), torch.get_rng_state()
    there_and_back(model, file)
    assert torch.get_rng_state().equal(state)


def test_a_system_goes_where_it_is_asked_to(file):
    flamo.save(network(), file)
    assert flamo.load(file, device="cpu").device == torch.device("cpu")
    with pytest.raises(InputError, match="device must be one of torch's, got 'abacus'"):
        flamo.load(file, device="abacus")


# -- what stands in several places -------------------------------------------------------------------------------------


def test_a_module_in_two_places_stays_one(file):
    gain = dsp.Gain((2, 2))
    chain = system.Series({"a": gain, "b": dsp.Gain((2, 2))})
    chain.add_module("c", system.Series(gain, Magnitude()))
    again = there_and_back(chain, file)
    assert again.a is again.c[0]
    assert again.a is not again.b
    assert list(again.state_dict()) == list(chain.state_dict())
    x = torch.ones(1, 1025, 2, dtype=torch.complex64)
    assert again(x).equal(chain(x))


def test_a_parameter_in_two_modules_stays_one(file):
    chain = system.Series(dsp.Gain((2, 2)), dsp.Filter((2, 2, 2)), dsp.Gain((2, 2)))
    chain[2].param = chain[0].param
    again = there_and_back(chain, file)
    assert again[2].param is again[0].param
    assert again[2].param.equal(chain[0].param)
    assert len(list(again.parameters())) == 2


def test_tensors_that_share_memory_are_refused(file):
    both = torch.randn(4, 2)
    chain = system.Series(dsp.Gain((2, 2)), dsp.Gain((2, 2)))
    chain[0].param.data, chain[1].param.data = both[:2], both[2:]
    there_and_back(chain, file)  # one memory, but no element twice
    chain[1].param.data = both[1:3]
    with pytest.raises(InputError, match=r"0\.param and 1\.param share memory"):
        flamo.save(chain, file)


# -- what cannot be saved ----------------------------------------------------------------------------------------------


def changed(change):
    model = network()
    change(model.get_core().branchA.input)
    return model


def assign(name, value):
    return lambda module: setattr(module, name, value)


REFUSED = {
    "a lambda": (changed(assign("map", lambda p: p)), "its map <lambda> is a function"),
    "a replaced forward": (changed(assign("forward", lambda x: x)), "its forward was replaced by a function"),
    "a replaced response": (changed(assign("freq_response", lambda p: p)), "its freq_response was replaced"),
    "a hook": (changed(lambda m: m.register_forward_hook(lambda *a: None)), "has a forward hook"),
    "an extra part": (changed(lambda m: m.add_module("extra", nn.Identity())), "is a part that the constructors"),
    "other channels": (changed(assign("input_channels", 2)), "its input_channels was changed"),
    "an extra parameter": (changed(assign("bias", nn.Parameter(torch.zeros(2)))), r"bias is \(2,\) of float32"),
    "another shape": (
        changed(assign("param", nn.Parameter(torch.zeros(2, 2).double()))),
        r"its param is \(2, 2\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_system_that_would_come_back_different_is_refused(case, file):
    model, reason = REFUSED[case]
    with pytest.raises(InputError, match=rf"^_Shell__core\.branchA\.input.*: .*{reason}"):
        flamo.save(model, file)
    assert list(file.parent.iterdir()) == []


def test_what_only_the_constructor_calls_may_be_replaced(file):
    model = changed(assign("init_param", lambda: None))
    assert there_and_back(model, file)(impulse()).equal(model(impulse()))


def test_classes_of_ones_own_are_refused(file):
    for model in (Learned(dsp.Gain()), Switched((2, 1)), nn.Linear(2, 2)):
        with pytest.raises(InputError, match="component"):
            flamo.save(model, file)
    with pytest.raises(TypeError, match="model must be a module, got dict"):
        flamo.save({}, file)


def test_a_system_that_contains_itself_is_refused(file):
    chain = system.Series(dsp.Gain())
    chain.add_module("itself", chain)
    with pytest.raises(InputError, match="contains itself"):
        flamo.save(chain, file)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "no" / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match=r"x|folder.*: cannot be written"):
            flamo.save(dsp.Gain(), path)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_an_existing_file_survives_a_refusal(file):
    flamo.save(dsp.Gain(), file)
    before = file.read_bytes()
    with pytest.raises(InputError):
        flamo.save(dsp.Gain(map=torch.sigmoid), file)
    assert file.read_bytes() == before


# -- components of strangers -------------------------------------------------------------------------------------------


def test_a_system_with_a_strangers_components_comes_back(acme, file, monkeypatch, fresh_registry):
    split = acme.Split([acme.Allpass((1, 1), nfft=64)], {"b": dsp.Gain((1, 1), nfft=64)}, acme.Scaled(0.5))
    chain = system.Series(split, acme.Reverb([3, 5]), acme.Absorption(torch.tensor([100.0, 50.0])))
    again = there_and_back(chain, file)
    x = torch.randn(1, 33, 1, dtype=torch.complex64)
    assert again(x).equal(chain(x))
    monkeypatch.setenv("FLAMO_DISABLE_PLUGINS", "acme")
    fresh_registry.plugins.cache_clear()
    with pytest.raises(InputError, match=r"needs the plugin 'acme' of 'acme 1\.2', which is disabled here"):
        flamo.load(file)


def test_a_replaced_part_within_a_strangers_composite_is_refused(acme, file):
    reverb = acme.Reverb([3, 5])
    reverb[1].feedback = dsp.Gain((2, 2), nfft=64)
    with pytest.raises(InputError, match=r"^1\.feedback \(Gain\): would come back as a Matrix"):
        flamo.save(reverb, file)


def test_importing_flamo_stays_light(run_python):
    run_python("-c", "import sys, flamo; assert not {'torch', 'pydantic', 'safetensors'} & sys.modules.keys()")
