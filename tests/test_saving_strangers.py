"""Files of strangers: refused by name, and never harmful."""

import contextlib
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import network
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

import flamo
from flamo import dsp, system
from flamo.errors import InputError
from flamo.saving import MOST_POINTS


@pytest.fixture
def file(tmp_path):
    return tmp_path / "system.safetensors"


def there_and_back(model, file):
    flamo.save(model, file)
    return flamo.load(file)


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
    "absurdly many bands": ({"node": {"parametric_eq": {"n_bands": 10**12}}}, "n_bands: must be at most 1000"),
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
    "a part tied to what it is in": (
        {"node": {"series": {"a": {"series": {"b": {"series": {}}}}}}, "ties": '{"a.b": "a"}', "tensors": {}},
        "a.b and a cannot be one",
    ),
    "parts tied to each other": (
        {
            "node": {"series": {n: {"series": {"c": {"series": {}}}} for n in "ab"}},
            "ties": '{"b.c": "a", "a.c": "b"}',
            "tensors": {},
        },
        "a.c and b cannot be one",
    ),
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
