import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from flamo.checkpoints import Checkpoints
from flamo.errors import InputError
from flamo_trainers.state import pack, random_state, set_random_state, unpack

TENSORS = {
    "net/a.param": torch.arange(3.0),
    "flag": torch.tensor(True),
    "none": torch.empty(0),
    "double": torch.ones(2, 1, dtype=torch.float64),
}
DATA = {"text": 'é"\\n', "list": [1, None, 0.1], "$items": [[0, {}]]}


def filled(folder, *steps):
    checkpoints = Checkpoints(folder)
    return checkpoints, [checkpoints.save(step, TENSORS, {**DATA, "step": step}) for step in steps]


def test_what_is_saved_comes_back(tmp_path):
    checkpoints, (path,) = filled(tmp_path / "made" / "on demand", 100)
    loaded = checkpoints.latest()
    assert path.name == "step_00000100.safetensors"
    assert (loaded.path, loaded.step, loaded.damaged) == (path, 100, ())
    assert loaded.data == {**DATA, "step": 100}
    assert loaded.tensors.keys() == TENSORS.keys()
    for name, value in loaded.tensors.items():
        assert value.dtype == TENSORS[name].dtype
        assert torch.equal(value, TENSORS[name])


def test_other_tools_read_it(tmp_path):
    _, (path,) = filled(tmp_path, 1)
    assert torch.equal(load_file(path)["double"], TENSORS["double"])
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["data"])["text"] == DATA["text"]


def test_the_last_ones_are_kept(tmp_path):
    checkpoints, _ = filled(tmp_path, 1, 2, 10, 9999999, 100000000)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step_09999999.safetensors",
        "step_100000000.safetensors",
    ]
    assert checkpoints.latest().step == 100000000


def test_no_folder_and_no_file_is_no_checkpoint(tmp_path):
    assert Checkpoints(tmp_path / "none").latest() is None
    (tmp_path / "notes.txt").write_text("step_00000001.safetensors")
    (tmp_path / ".partial.safetensors").write_bytes(b"half")
    assert Checkpoints(tmp_path).latest() is None


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A folder of two checkpoints, and the bytes of the newer one."""
    folder = tmp_path_factory.mktemp("two")
    _, (_, newer) = filled(folder, 1, 2)
    return folder, newer, newer.read_bytes()


def refused(two, content):
    folder, newer, _ = two
    newer.write_bytes(content)
    loaded = Checkpoints(folder).latest()
    return loaded.step == 1 and len(loaded.damaged) == 1 and newer.name in loaded.damaged[0]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_shows(two, data):
    content = bytearray(two[2])
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    assert refused(two, bytes(content))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_truncated_file_is_refused_and_so_is_a_longer_one(two, data):
    whole = two[2]
    assert refused(two, whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert refused(two, whole + data.draw(st.binary(min_size=1, max_size=9)))


def test_a_flag_that_is_no_bool_is_damage(two):
    content = bytearray(two[2])
    place = content.rindex(b"\x01")
    content[place] = 3  # true as well, but not what was written
    assert refused(two, bytes(content))


@pytest.mark.parametrize(("was", "becomes"), [(b'"F64"', b'"I64"'), (b"[2,1]", b"[1,2]")])
def test_other_readings_of_the_same_bytes_are_damage(two, was, becomes):
    assert two[2].count(was) == 1
    assert refused(two, two[2].replace(was, becomes))


def test_a_folder_of_that_name_is_refused(tmp_path):
    checkpoints, _ = filled(tmp_path, 1)
    (tmp_path / "step_00000002.safetensors").mkdir()
    loaded = checkpoints.latest()
    assert loaded.step == 1
    assert "step_00000002.safetensors" in loaded.damaged[0]
    with pytest.raises(OSError, match=r"step_00000002.safetensors"):
        checkpoints.save(2, TENSORS, DATA)
    assert checkpoints.latest().step == 1
    assert not list(tmp_path.glob(".*"))


def test_another_version_is_refused_by_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr("flamo.checkpoints.VERSION", "9")
    checkpoints, _ = filled(tmp_path, 1)
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"step_00000001.safetensors \(version 9, this flamo reads 1\)"):
        checkpoints.latest()


def test_a_file_of_others_is_refused(tmp_path):
    save_file(TENSORS, tmp_path / "step_00000003.safetensors")
    with pytest.raises(InputError, match=r"no checkpoint is whole: step_00000003.safetensors \(version unknown"):
        Checkpoints(tmp_path).latest()


def test_where_all_are_damaged_all_are_named(tmp_path):
    checkpoints, paths = filled(tmp_path, 1, 2)
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"step_00000002.*step_00000001"):
        checkpoints.latest()


def test_a_write_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    checkpoints, (before,) = filled(tmp_path, 1)

    def full(number):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        checkpoints.save(2, TENSORS, DATA)
    assert list(tmp_path.iterdir()) == [before]
    assert checkpoints.latest().step == 1


def test_a_checkpoint_replaces_one_of_its_step_only_when_it_is_whole(tmp_path, monkeypatch):
    checkpoints, (path,) = filled(tmp_path, 1)
    seen = []
    monkeypatch.setattr(Path, "replace", lambda self, target: seen.append((self.read_bytes(), target)))
    checkpoints.save(1, TENSORS, {"new": True})
    assert seen[0][1] == path
    assert b"new" in seen[0][0]
    assert checkpoints.latest().data["step"] == 1


@pytest.mark.parametrize("data", [{"x": float("nan")}, {"x": {1, 2}}])
def test_data_that_json_cannot_hold_is_refused(tmp_path, data):
    with pytest.raises((ValueError, TypeError)):
        Checkpoints(tmp_path).save(1, TENSORS, data)
    assert not list(tmp_path.iterdir())


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.integers() | st.sampled_from(["$tensor", "$float", "a/b"]), inner)
    ),
)


@given(NESTED)
def test_nested_data_comes_back_from_json(value):
    text = json.dumps(pack(value, {}), allow_nan=False)
    assert repr(unpack(json.loads(text), {})) == repr(value)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128, torch.int64, torch.bool]
)
def test_tensors_come_back_with_their_type(dtype, tmp_path):
    value = torch.tensor([[1, 0], [2, 1]]).to(dtype)
    held = {"a": [value.T, (value[0, 0],)], "a/0": value}
    tensors = {}
    data = pack(held, tensors)
    Checkpoints(tmp_path).save(1, tensors, data)
    loaded = Checkpoints(tmp_path).latest()
    back = unpack(loaded.data, loaded.tensors)
    for one, other in zip([back["a"][0], back["a"][1][0], back["a/0"]], [value.T, value[0, 0], value], strict=True):
        assert one.dtype == dtype
        assert torch.equal(one, other)


def test_what_cannot_be_held_is_named():
    with pytest.raises(TypeError, match="a checkpoint cannot hold a set, which is at 'a/1'"):
        pack({"a": [0, {1}]}, {})


def test_random_numbers_go_on_from_where_they_were():
    import random

    import numpy as np

    held = json.loads(json.dumps(pack(random_state(), tensors := {})))
    first = (torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random(), torch.randn(1).item())
    set_random_state(unpack(held, tensors))
    assert first == (torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random(), torch.randn(1).item())
