"""Damped least squares: minima as scipy finds them, exact derivatives, many problems at once, runs that go on."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import nn
from torch.func import functional_call

from flamo import dsp, registry, system
from flamo.errors import InputError, NotFiniteError
from flamo_losses.complex_error import ComplexError
from flamo_losses.group_delay import GroupDelayError
from flamo_losses.magnitude import MagnitudeError
from flamo_trainers.least_squares import DampedLeastSquares
from flamo_trainers.levenberg_marquardt import LevenbergMarquardt


def network(seed=0):
    """A loop, a filter and gains: 11 parameters that learn."""
    torch.manual_seed(seed)
    kwargs = {"nfft": 16, "alias_decay_db": 20.0, "dtype": torch.float64}
    loop = system.Recursion(
        dsp.parallelDelay.from_physical(samples=[1.0, 2.0], isint=True, **kwargs),
        dsp.Matrix((2, 2), matrix_type="orthogonal", requires_grad=True, **kwargs),
    )
    eq = dsp.ParametricEQ((1, 1), 1, fs=48000, **kwargs)
    return system.Series(
        dsp.Gain((2, 1), requires_grad=True, **kwargs), loop, dsp.Gain((1, 2), requires_grad=True, **kwargs), eq
    )


IMPULSE = torch.ones(1, 9, 1, dtype=torch.complex128)
LOSSES = {"magnitude": MagnitudeError(), "complex": ComplexError(scale="linear"), "group delay": GroupDelayError()}


def residuals_of(net, loss, target):
    return lambda: {"it": loss.residuals(net(IMPULSE), target)}


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_are_exact_for_any_system_and_residual(name):
    with torch.no_grad():
        target = network(1)(IMPULSE)
    net = network()
    trainer = LevenbergMarquardt(net, residuals_of(net, LOSSES[name], target), starts=2)
    x = trainer.problem.starts(2)
    values, jacobian = trainer.problem.linearise(x)
    parameters = dict(net.named_parameters())

    def of(flat):  # reverse mode, one attempt at a time
        parts = flat.split([p.numel() for p in learned.values()])
        named = {n: part.reshape(p.shape) for (n, p), part in zip(learned.items(), parts, strict=True)}
        return LOSSES[name].residuals(functional_call(net, named, (IMPULSE,)), target)

    learned = {n: p for n, p in parameters.items() if p.requires_grad}
    for s in range(2):
        torch.testing.assert_close(values[0, s], of(x[0, s]).detach(), rtol=1e-10, atol=1e-12)
        by_reverse = torch.autograd.functional.jacobian(of, x[0, s])
        torch.testing.assert_close(jacobian[0, s].mT, by_reverse, rtol=1e-8, atol=1e-10 * by_reverse.abs().max().item())


def equaliser(frequency, gain_db, q):
    eq = dsp.ParametricEQ((1, 1), 2, nfft=64, fs=48000, dtype=torch.float64)
    eq.set(frequency=frequency, gain_db=gain_db, q=q)
    return eq


def test_scipy_finds_nothing_better_from_where_it_ends():
    impulse = torch.ones(1, 33, 1, dtype=torch.complex128)
    target = equaliser([2000.0, 9000.0], [4.0, -6.0], [0.8, 0.7])(impulse).detach()
    target = target + 0.1 * torch.as_tensor(np.random.default_rng(0).standard_normal(target.shape))
    eq = equaliser([1000.0, 12000.0], [1.0, -1.0], [0.6, 0.6])
    loss = ComplexError(scale="linear")
    trainer = LevenbergMarquardt(eq, lambda: {"it": loss.residuals(eq(impulse), target)}, starts=1)

    def linearised(flat):
        r, jacobian = trainer.problem.linearise(torch.as_tensor(flat)[None, None])
        return r[0, 0].numpy(), jacobian[0, 0].mT.numpy()

    for _ in range(60):
        trainer.step()
    trainer.load_best()
    x = trainer.problem.starts(1)[0, 0].numpy()
    best = optimize.least_squares(lambda f: linearised(f)[0], x, jac=lambda f: linearised(f)[1])
    assert trainer.best_loss == pytest.approx(2 * best.cost, rel=1e-6)  # scipy's cost is half of the sum
    assert loss(eq(impulse), target).item() == pytest.approx(trainer.best_loss, rel=1e-9)


def test_a_system_is_recovered_from_its_response():
    impulse = torch.ones(1, 33, 1, dtype=torch.complex128)
    truth = equaliser([2000.0, 9000.0], [4.0, -6.0], [0.8, 0.7])
    eq, target = equaliser([1000.0, 12000.0], [1.0, -1.0], [0.6, 0.6]), truth(impulse).detach()
    trainer = LevenbergMarquardt(eq, lambda: {"m": MagnitudeError().residuals(eq(impulse), target)}, starts=1)
    for _ in range(30):
        trainer.step()
    trainer.load_best()
    for name in ("frequency", "gain_db", "q"):
        torch.testing.assert_close(getattr(eq, name), getattr(truth, name), rtol=1e-4, atol=1e-4)


class Lines:
    """T straight lines through points: linear problems."""

    def __init__(self, count):
        rng = np.random.default_rng(0)
        self.a = torch.as_tensor(rng.standard_normal((count, 2, 7)))
        self.b = torch.as_tensor(rng.standard_normal((count, 1, 7)))
        self.parts = {"line": slice(None)}

    def starts(self, count):
        return torch.ones(len(self.a), count, 2, dtype=torch.float64)

    def linearise(self, x):
        return x @ self.a - self.b, self.a[:, None].expand(*x.shape, 7)


def test_many_problems_are_solved_at_once():
    problem = Lines(50)
    solver = DampedLeastSquares(problem, 3, 1.0)
    for _ in range(40):
        solver.step()
    cost, x = solver.best()
    for n in range(50):
        best, rest, *_ = np.linalg.lstsq(problem.a[n].T.numpy(), problem.b[n, 0].numpy(), rcond=None)
        np.testing.assert_allclose(x[n], best, rtol=1e-6)
        assert cost[n].item() == pytest.approx(rest[0])


def test_the_best_quarter_of_the_attempts_goes_on():
    solver = DampedLeastSquares(Lines(2), 16, 1.0)
    counts = []
    for _ in range(110):
        solver.step()
        counts.append(solver.x.shape[1])
    assert [counts.index(n) for n in (4, 1)] == [9, 29]


class Waves(Lines):
    """r = 2 + cos 8x, whose steps lead astray."""

    def linearise(self, x):
        return 2 + torch.cos(8 * x), -8 * torch.sin(8 * x)[..., None]

    def starts(self, count):
        return torch.linspace(0.05, 0.7, count, dtype=torch.float64)[None, :, None]


def test_only_steps_that_lower_the_sum_are_taken():
    solver = DampedLeastSquares(Waves(1), 9, 0.01)
    costs = []
    for _ in range(9):  # until some are left behind
        costs.append(solver.cost)
        solver.step()
    assert all((later <= earlier).all() for earlier, later in pairwise(costs))
    assert solver.cost.min() < 1.2


def test_the_sum_of_a_system_never_grows():
    net = network()
    target = network(1)(IMPULSE).detach()
    trainer = LevenbergMarquardt(net, residuals_of(net, LOSSES["magnitude"], target), starts=3)
    losses = [trainer.step().loss for _ in range(12)]
    assert all(later <= earlier for earlier, later in pairwise(losses))
    assert losses[-1] < losses[0]


def test_interrupted_and_resumed_is_uninterrupted():
    def made():
        net = network()
        return net, LevenbergMarquardt(net, residuals_of(net, LOSSES["magnitude"], target), starts=5)

    target = network(1)(IMPULSE).detach()
    _, whole = made()
    steps = [whole.step() for _ in range(24)]
    for at in (0, 20):
        _, first = made()
        for _ in range(at):
            first.step()
        state = first.state()
        _, second = made()
        second.restore(*state)
        assert second.step_number == at
        assert [second.step() for _ in range(at, 24)] == steps[at:]
        second.load_best()
        assert (second.best_loss, second.best_step) == (whole.best_loss, whole.best_step)
        assert second.problem.starts(1)[0, 0].equal(whole.solver.best()[1][0])
    with pytest.raises(InputError, match="does not fit this training"):
        second.restore({}, {"solver": {}})


def test_what_is_not_finite_at_every_start_is_told():
    net = nn.Linear(1, 1)
    trainer = LevenbergMarquardt(net, lambda: {"it": net.weight / 0.0})
    with pytest.raises(NotFiniteError, match="step 0: the residuals of every start are not finite"):
        trainer.step()


def test_a_step_into_what_is_not_finite_is_not_taken():
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 0.3)
    trainer = LevenbergMarquardt(net, lambda: {"it": (net.weight - 1.2).where(net.weight < 1.0, math.nan)}, starts=1)
    for _ in range(50):
        trainer.step()
    trainer.load_best()
    assert 0.9 < net.weight.item() < 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"starts": 0}, "starts must be at least 1"),
        ({"damping": 0.0}, "damping must be above 0"),
        ({"scatter": math.nan}, "scatter must be finite"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    net = nn.Linear(1, 1)
    with pytest.raises(ValueError, match=message):
        LevenbergMarquardt(net, lambda: {"it": net.weight}, **options)


def test_a_system_with_nothing_to_learn_and_complex_residuals_are_refused():
    with pytest.raises(ValueError, match="no parameter that learns"):
        LevenbergMarquardt(dsp.Gain((1, 1)), lambda: {})
    net = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="residual 'it' must be real"):
        LevenbergMarquardt(net, lambda: {"it": net.weight * 1j})


def test_it_is_a_component():
    assert registry.get("trainer", "lm") is LevenbergMarquardt
