"""Systems in files: what comes back is the same, and no file does harm."""

import contextlib
import json
from collections import OrderedDict

import pytest
import torch
from cases import CASES, build, draw
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from test_downstream import Learned, Switched
from torch import nn

import flamo
from flamo import dsp, system
from flamo.config.describe import describe
from flamo.core.constraints import Interval
from flamo.core.magnitude import Magnitude
from flamo.errors import InputError
from flamo.saving import MOST_POINTS

pytestmark = pytest.mark.filterwarnings("ignore:a delay of")  # some are longer than nfft, and wrap


@pytest.fixture
def file(tmp_path):
    return tmp_path / "system.safetensors"


def there_and_back(model, file):
    flamo.save(model, file)
    return flamo.load(file)


def network(nfft=64, n=3):
    kwargs = {"nfft": nfft, "alias_decay_db": 30.0, "dtype": torch.float64}
    feedback = OrderedDict(
        mixing=dsp.Matrix((n, n), matrix_type="orthogonal", requires_grad=True, **kwargs),
        attenuation=dsp.parallelGain((n,), map=Interval(0.0, 1.0), requires_grad=True, **kwargs),
    )
    delays = dsp.parallelDelay.from_physical(samples=list(range(3, 3 + n)), isint=True, **kwargs)
    loop = OrderedDict(input=dsp.Gain((n, 1), **kwargs), loop=system.Recursion(delays, feedback))
    reverb = system.Series(loop, OrderedDict(output=dsp.Gain((1, n), requires_grad=True, **kwargs)))
    core = system.Parallel(reverb, dsp.Biquad((1, 1), n_sections=2, **kwargs))
    layers = dsp.FFT(nfft, dtype=torch.float64), dsp.iFFTAntiAlias(nfft, alias_decay_db=30.0, dtype=torch.float64)
    return system.Shell(core, *layers)


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


# -- files of strangers ------------------------------------------------------------------------------------------------


def write(file, node, tensors=None, **metadata):
    """A file as anyone may write it."""
    metadata = {"flamo": "1", "system": node if isinstance(node, str) else json.dumps(node), **metadata}
    tensors = {"param": torch.zeros(1, 1)} if tensors is None else tensors
    save_file(tensors, file, {name: value for name, value in metadata.items() if value is not None})


GAIN = {"gain": {}}
BAD = {
    "of another format": ({"node": GAIN, "flamo": "2"}, "of the format '2', where this flamo reads '1'"),
    "without a version": ({"node": GAIN, "flamo": None}, "holds no system; only files written by flamo.save do"),
    "without a system": ({"node": GAIN, "system": None}, "holds no system"),
    "no JSON": ({"node": "{"}, "its system is no JSON"),
    "no mapping": ({"node": "[]"}, "its system is no mapping"),
    "NaN": ({"node": '{"gain": {"alias_decay_db": NaN}}'}, "must be a finite number"),
    "a long number": ({"node": '{"gain": {"nfft": 1' + 9999 * "0" + "}}"}, "its system is no JSON"),
    "a deep hole": ({"node": '{"series": [' * 3000 + "]}" * 3000}, "nested too deeply"),
    "deep lists": ({"node": '{"gain": {"size": ' + "[" * 100_000 + "]" * 100_000 + "}}"}, "nested too deeply"),
    "a deep system": ({"node": '{"series":{"a":' * 400 + '"gain"' + "}}" * 400}, "nested too deeply|damaged"),
    "an import path": ({"node": {"os:system": {}}}, "unknown component 'os:system'"),
    "an unknown component": ({"node": {"gian": {}}}, "did you mean 'gain'?"),
    "a loss": ({"node": {"mse": {}}}, "unknown component 'mse'"),
    "an absurd nfft": ({"node": {"gain": {"nfft": 10**12}}}, "its nfft=1000000000000 is more than"),
    "an absurd size": ({"node": {"gain": {"size": [10**6, 10**6]}}}, "asks for 1,000,000,000,000 numbers"),
    "a size beyond all": ({"node": {"gain": {"size": [10**30, 1]}}}, "system in it cannot be built"),
    "absurdly many bands": ({"node": {"parametric_eq": {"n_bands": 10**12}}}, "numbers"),
    "absurdly dense bands": ({"node": {"geq": {"octave_interval": 10**11}}}, "numbers"),
    "many large parts": ({"node": {"series": [{"filter": {"size": [2000, 50, 50]}}] * 100}}, "numbers"),
    "a missing tensor": ({"node": GAIN, "tensors": {}}, "the tensor param is missing"),
    "one more tensor": (
        {"node": GAIN, "tensors": {"param": torch.zeros(1, 1), "more": torch.zeros(1)}},
        "the tensor more is of no use",
    ),
    "another shape": (
        {"node": GAIN, "tensors": {"param": torch.zeros(2)}},
        r"must be \(1, 1\) of .*, not \(2,\)",
    ),
    "another type": ({"node": GAIN, "tensors": {"param": torch.zeros(1, 1).double()}}, "not .* of torch.float64"),
    "a plugin that is not there": (
        {"node": {"acme/comb": {}}, "plugins": '{"acme": {"distribution": "acme-dsp", "version": "1.2"}}'},
        "needs the plugin 'acme' of 'acme-dsp 1.2', which is not installed",
    ),
    "ties to nothing": ({"node": GAIN, "ties": '{"a": "b"}'}, "there is no a"),
    "ties that are no names": ({"node": GAIN, "ties": '{"param": 3}'}, "3 is no name"),
    "a module tied to its part": ({"node": {"series": ["gain"]}, "ties": '{"0.param": "0"}'}, "cannot be one"),
    "a tie of all to itself": ({"node": {"series": ["gain"]}, "ties": '{"0": ""}'}, "there is no|cannot be one"),
    "ties of unlike parts": ({"node": {"series": ["gain", "delay"]}, "ties": '{"1": "0"}'}, "1 and 0 cannot be one"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_by_name(case, file):
    arguments, reason = BAD[case]
    write(file, **arguments)
    with pytest.raises(InputError, match=reason) as error:
        flamo.load(file)
    assert str(error.value).startswith(f"{file}: ")


def test_files_that_are_none_are_refused_by_name(file):
    with pytest.raises(InputError, match=r"system\.safetensors: cannot be read"):
        flamo.load(file)
    with pytest.raises(InputError, match=r"cannot be read|not a safetensors file"):
        flamo.load(file.parent)
    for data in (b"", b"x", b"\xff" * 100, b"PK\x03\x04" * 50):
        file.write_bytes(data)
        with pytest.raises(InputError, match="not a safetensors file, or damaged"):
            flamo.load(file)
    save_file({"param": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="holds no system"):
        flamo.load(file)


def test_the_largest_grid_is_allowed(file):
    assert there_and_back(dsp.Gain(nfft=MOST_POINTS), file).nfft == MOST_POINTS
    with pytest.raises(InputError, match="is more than"):
        flamo.save(dsp.Gain(nfft=MOST_POINTS + 1), file)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    file = tmp_path_factory.mktemp("fuzz") / "good.safetensors"
    flamo.save(
        system.Series(network(16, 2).get_core().branchA, dsp.GEQ((1, 1), nfft=16, alias_decay_db=30.0).double()), file
    )
    return file.read_bytes(), file.with_name("mutated.safetensors")


def loads_or_is_refused(file):
    with contextlib.suppress(InputError):
        assert isinstance(flamo.load(file), nn.Module)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_loads(good, data):
    original, file = good
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(original) - 10)) % (len(damaged) - 8)
        how = data.draw(st.sampled_from(["replace", "insert", "delete", "cut"]))
        if how == "replace":
            damaged[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b'0159"{}[],:-e.')))
        elif how == "insert":
            damaged[at:at] = bytes([data.draw(st.sampled_from(b'019"{}[],:-e.'))])
            damaged[:8] = (int.from_bytes(damaged[:8], "little") + 1 & (1 << 64) - 1).to_bytes(8, "little")
        elif how == "delete":
            del damaged[at : at + min(data.draw(st.integers(1, 8)), len(damaged) - 16)]
        else:
            del damaged[max(at, 20) :]
    file.write_bytes(damaged)
    loads_or_is_refused(file)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 3, 10**5, 10**9, 10**20, 0.5, 1e300, -1e-300]),
    st.sampled_from(["", "gain", "delay", "series", "recursion", "interval", "acme/x", "os:system", "float64", "a.b"]),
    st.sampled_from(
        [[], {}, [[]], [1, 1], [2, 3, 4], ["gain"], {"gain": {}}, {"series": {"a": "fft"}}, {"a": {}, "b": {}}]
    ),
)


def places(node, path=()):
    """Every place in plain data."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in items:
        yield from places(value, (*path, name))


def put(node, path, value):
    """The data with something else in one place."""
    if not path:
        return value
    copied = node.copy()
    copied[path[0]] = put(node[path[0]], path[1:], value)
    return copied


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_description_with_junk_in_it_is_refused_or_loads(good, data):
    file = good[1]
    file.write_bytes(good[0])
    with safe_open(file, framework="pt") as opened:
        metadata, tensors = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    part = data.draw(st.sampled_from(["system", "system", "system", "plugins", "ties"]))
    parsed = json.loads(metadata[part])
    for _ in range(data.draw(st.integers(1, 2))):
        parsed = put(parsed, data.draw(st.sampled_from(list(places(parsed)))), data.draw(JUNK))
    save_file(tensors, file, metadata | {part: json.dumps(parsed)})
    loads_or_is_refused(file)


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
