"""A frozen processor computes its response once, and never gives one that is stale."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from flamo import dsp
from flamo.core.constraints import Constraint
from flamo.core.response import Response

NFFT = 64


class Counted(dsp.parallelGainDelay):
    computed = 0

    def on_grid(self, param):
        Counted.computed += 1
        return super().on_grid(param)


@pytest.fixture
def line():
    Counted.computed = 0
    return Counted.from_physical(samples=[3.0, 5.5], gain=[1.0, -2.0], nfft=NFFT)


def spectrum():
    return torch.ones(1, NFFT // 2 + 1, 2, dtype=torch.complex64)


def fresh(module, nfft=NFFT):
    """The answer of a copy that remembers nothing."""
    return copy.deepcopy(module)(torch.ones(1, nfft // 2 + 1, 2, dtype=module.dtype.to_complex()))


def test_a_frozen_response_is_computed_once(line):
    assert torch.equal(line(spectrum()), line(spectrum()))
    line.response()
    assert Counted.computed == 1


def test_a_parameter_that_moves_and_stops(line):
    """One that moved is computed twice before it is remembered again; then what else changes counts, too."""
    line(spectrum())
    for _ in range(3):
        edit_in_place(line)
        for _ in range(3):
            assert torch.equal(line(spectrum()), fresh(line))
    Counted.computed = 0
    line(spectrum())
    assert Counted.computed == 0
    line.gain_db_offset = torch.tensor(1.0)
    line(spectrum())
    line(spectrum())
    assert Counted.computed == 1
    for _ in range(3):
        edit_in_place(line)
        line.set_alias_decay_db(float(line.alias_decay_db) + 10.0)
        assert torch.equal(line(spectrum()), fresh(line))
    line.set_alias_decay_db(50.0)
    assert torch.equal(line(spectrum()), fresh(line))


def edit_data(m):
    m.param.data.mul_(0.5)


def edit_in_place(m):
    with torch.no_grad():
        m.param.add_(0.01)


def new_data(m):
    m.param.data = m.param.data * 0.5


def new_parameter(m):
    m.param = nn.Parameter(m.param.detach() * 0.5, requires_grad=False)


def load(m):
    m.load_state_dict({"param": m.param.detach() * 0.5})


def new_map(m):
    m.map = dsp.parallelGainDelay(requires_grad=True).map


@pytest.mark.filterwarnings("ignore:a delay of")
@pytest.mark.parametrize(
    "change",
    [
        *(edit_data, edit_in_place, new_data, new_parameter, load, new_map),
        lambda m: m.assign_value(0.5 * m.param.detach()),
        lambda m: m.set(gain_db=-3.0),
        lambda m: m.set_alias_decay_db(20.0),
        lambda m: setattr(m, "alias_decay_db", 20.0),
        lambda m: m.alias_decay_db.add_(20.0),
        lambda m: setattr(m, "fs", 44100),
        lambda m: setattr(m, "isint", True),
        lambda m: setattr(m, "unit", 50),
    ],
)
def test_a_change_is_heard_at_once(line, change):
    before = line(spectrum())
    change(line)
    after = line(spectrum())
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after, fresh(line))


def test_the_grid_and_the_type_are_heard(line):
    line(spectrum())
    assert line.set_nfft(32)(torch.ones(1, 17, 2, dtype=torch.complex64)).shape == (1, 17, 2)
    assert line.double().response().tensor.dtype == torch.complex128


def test_what_learns_is_computed_each_time(line):
    line(spectrum())
    line.param.requires_grad_(True)
    for _ in range(2):
        line(spectrum()).abs().sum().backward()
    assert line.param.grad.abs().min() > 0
    assert Counted.computed == 3


def test_an_external_parameter_is_neither_remembered_nor_answered_from_memory(line):
    own, other = line(spectrum()), line(spectrum(), 2 * line.param.detach())
    assert not torch.allclose(own, other)
    torch.testing.assert_close(line(spectrum()), own)


def test_an_attribute_that_a_subclass_reads_is_heard():
    class Scaled(dsp.DSP):
        def __init__(self):
            self.scale = torch.tensor(1.0)
            super().__init__((2,), nfft=NFFT)
            self.initialize_class()

        diagonal = True

        def transfer(self, w, param=None):
            w, value = self.operands(w, param)
            return self.scale * value + torch.zeros_like(w)

    scaled = Scaled()
    before = scaled(spectrum())
    scaled.scale.mul_(2.0)
    torch.testing.assert_close(scaled(spectrum()), 2 * before)


def test_tensors_in_tuples_and_constraints_are_heard():
    @dataclass(frozen=True)
    class Scale(Constraint):
        by: torch.Tensor

        def __call__(self, raw):
            return raw * self.by

    class Scaled(dsp.parallelGain):
        scales = None

        def on_grid(self, param):
            return Response(self.scales[0] * super().on_grid(param).tensor)

    mapped, scaled = dsp.parallelGain((2,), nfft=NFFT, map=Scale(torch.tensor([1.0, 2.0]))), Scaled((2,), nfft=NFFT)
    scaled.scales = (torch.tensor([1.0, 2.0]),)
    for module, held in ((mapped, mapped.map.by), (scaled, scaled.scales[0])):
        before = module(spectrum())
        held.mul_(3.0)
        torch.testing.assert_close(module(spectrum()), 3 * before)
    mapped.map, scaled.scales = Scale(torch.ones(2)), (torch.ones(2),)
    for module in (mapped, scaled):
        assert torch.equal(module(spectrum()), fresh(module))


def test_an_edit_while_a_response_is_computed_is_heard_afterwards(line):
    class Interrupted(Counted):
        def on_grid(self, param):
            response = super().on_grid(param)
            response.tensor  # noqa: B018
            if Counted.computed == 1:
                edit_in_place(self)  # as another thread may
            return response

    line.__class__ = Interrupted
    line(spectrum())
    assert torch.equal(line(spectrum()), fresh(line))


def test_what_cannot_be_compared_is_not_remembered():
    factor = [1.0]
    gain = dsp.parallelGain((2,), nfft=NFFT, map=lambda p: factor[0] * p)
    before = gain(spectrum())
    factor[0] = 3.0
    torch.testing.assert_close(gain(spectrum()), 3 * before)


def test_a_map_that_learns_is_not_remembered():
    class Bent(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, p):
            return self.scale * p

    gain = dsp.parallelGain((2,), nfft=NFFT, map=Bent())
    for _ in range(2):
        gain(spectrum()).abs().sum().backward()
    assert gain.map.scale.grad is not None


def test_copies_and_files_hold_no_memory(line):
    line(spectrum())
    assert len(pickle.dumps(line)) < 5000
    copied = copy.deepcopy(line)
    copied.param.data.mul_(2.0)
    assert not torch.allclose(copied(spectrum()), line(spectrum()))


def test_what_inference_remembers_serves_training(line):
    with torch.inference_mode():
        line(spectrum())
    x = spectrum().requires_grad_()
    line(x).abs().sum().backward()
    assert x.grad.abs().max() > 0


def test_what_is_computed_within_a_transform_is_not_remembered(line):
    torch.func.grad(lambda x: line(x).abs().sum())(spectrum().real)
    copy.deepcopy(line.response().tensor)  # torch refuses to copy what it has marked
    assert Counted.computed == 2
    torch.func.grad(lambda x: line(x).abs().sum())(spectrum().real)
    assert Counted.computed == 2


def test_threads_share_a_frozen_processor(line):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: line(spectrum()), range(64)))
    assert all(torch.equal(answer, answers[0]) for answer in answers)


def test_functional_parameters_are_no_memory(line):
    line(spectrum())
    stack = torch.stack([line.param.detach() * s for s in (1.0, 2.0)])
    both = torch.vmap(lambda p: torch.func.functional_call(line, {"param": p}, (spectrum(),)))(stack)
    torch.testing.assert_close(both[0], line(spectrum()))
    assert not torch.allclose(both[0], both[1])
