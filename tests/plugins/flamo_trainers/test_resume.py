"""Interrupted and resumed equals uninterrupted, bit for bit."""

import json

import pytest
import torch
import trainings
from trainings import OPTIMIZERS, SCHEDULES, STEPS, build, digest, finish, resumed

from flamo.checkpoints import Checkpoints
from flamo.errors import InputError

ALL = [(o, s) for o in OPTIMIZERS for s in SCHEDULES]


def saved(folder, optimizer, schedule, after):
    engine = build(optimizer, schedule)
    for _ in range(after):
        engine.step()
    Checkpoints(folder).save(after, *engine.state())


@pytest.mark.parametrize(("optimizer", "schedule"), ALL)
def test_a_resumed_training_is_the_uninterrupted_one(optimizer, schedule, tmp_path):
    steps, tensors, data = finish(build(optimizer, schedule))
    assert steps[-1].lr != steps[0].lr or schedule == "none"
    for after in range(STEPS + 1) if schedule == "plateau" else (0, 3):
        saved(tmp_path, optimizer, schedule, after)
        rest, resumed_tensors, resumed_data = resumed(tmp_path, optimizer, schedule)
        assert rest == steps[after:]
        assert resumed_tensors == tensors
        assert json.dumps(resumed_data) == json.dumps(data)


def test_so_it_is_in_a_fresh_process(tmp_path, run_python):
    expected = []
    for optimizer in OPTIMIZERS:
        saved(tmp_path / f"{optimizer}-one_cycle", optimizer, "one_cycle", 3)
        steps, *end = finish(build(optimizer, "one_cycle"))
        expected.append(f"{optimizer}-one_cycle {digest(steps[3:], *end)}")
    assert run_python(trainings.__file__, str(tmp_path)).stdout.splitlines() == sorted(expected)


def test_an_evaluation_is_what_the_next_step_measures_and_leaves_no_trace():
    def second(look):
        engine = build("adam", "plateau")
        if look:
            engine.evaluate()  # draws numbers, as the first step does
        engine.step()
        return engine.evaluate() if look else None, engine.step()

    (looked, step), (_, blind) = second(True), second(False)
    assert step == blind
    assert looked.number == step.number == 1
    assert looked.losses == pytest.approx(step.losses)


@pytest.mark.parametrize("other", [("sgd", "step"), ("adam", "cosine")])
def test_the_state_of_another_training_is_refused(other, tmp_path):
    saved(tmp_path, "adam", "step", 1)
    with pytest.raises(InputError, match="does not fit this training"):
        resumed(tmp_path, *other)


def test_the_state_of_another_system_is_refused():
    engine, other = build("adam", "none"), build("adam", "none")
    tensors, data = engine.state()
    for broken in ({**data, "net": {}}, {**data, "random": {}}, {}):
        with pytest.raises(InputError, match="does not fit this training"):
            other.restore(tensors, broken)
    with pytest.raises(InputError, match="does not fit this training"):
        other.restore({name: value for name, value in tensors.items() if "gain" not in name}, data)


def test_a_state_is_a_copy():
    engine = build("adam", "none")
    engine.step()
    tensors, data = engine.state()
    before = {name: value.clone() for name, value in tensors.items()}
    other = build("adam", "none", seed=3)
    other.restore(tensors, data)
    for one in (engine, other):
        one.step()
    assert all(torch.equal(tensors[name], value) for name, value in before.items())
