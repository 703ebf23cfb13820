"""The least-squares problem of an equaliser: its Jacobian, its starts, its bounds, and many curves as one."""

import numpy as np
import pytest
import torch
from equalisers import response_db

from flamo import dsp
from flamo.equalizer import Band
from flamo_losses.curve_error import CurveError

FREQUENCY = torch.logspace(1.4, 4.2, 40, dtype=torch.float64)[None]


def problem(curves=1, remove_mean=True, **kwargs):
    torch.manual_seed(0)
    eq = dsp.ParametricEQ((1, 1), 4, fs=48000, dtype=torch.float64, **kwargs)
    target = 5 * torch.randn(curves, 40, dtype=torch.float64)
    weight = torch.rand(curves, 40, dtype=torch.float64)
    return eq, eq.level_fit(FREQUENCY.repeat(curves, 1), target, weight, remove_mean=remove_mean)


@pytest.mark.parametrize("remove_mean", [True, False])
def test_the_sum_of_squares_is_the_curve_error(remove_mean):
    eq, fit = problem(remove_mean=remove_mean)
    x = fit.starts(3)
    residuals, _ = fit.linearise(x)
    f = tuple(FREQUENCY[0].tolist())
    weights = tuple(zip(f, (fit.root[0, 0] ** 2).tolist(), strict=True))
    loss = CurveError(f, weights, remove_mean=remove_mean)
    w = torch.exp(-2j * torch.pi * FREQUENCY[0] / 48000)
    for s in range(3):
        fit.assign(x[0, s])
        level = 20 * eq.transfer(w)[:, 0, 0].abs().log10()
        found = residuals[0, s, fit.parts["level"]].square().sum()
        torch.testing.assert_close(found, loss(level[None, :, None], fit.target[..., None]).detach())


@pytest.mark.parametrize("types", [None, ("highshelf", "peaking", "lowshelf", "peaking")])
def test_the_jacobian_is_exact_with_bands_that_work_against_each_other(types):
    eq, fit = problem(types=types)
    eq.set(frequency=[1000.0, 1020.0, 1050.0, 5000.0], gain_db=[6.0, -6.0, 3.0, -0.2], q=[1.0, 2.0, 3.0, 0.5])
    x = eq.param.detach()[..., 0, 0].flatten()[None, None].clone()
    values, jacobian = fit.linearise(x)
    assert values[..., fit.parts["bands apart"]].abs().max() > 0.1
    step = 1e-5
    for n in range(12):
        shift = torch.zeros_like(x)
        shift[..., n] = step
        numeric = (fit.linearise(x + shift)[0] - fit.linearise(x - shift)[0]) / (2 * step)
        torch.testing.assert_close(jacobian[:, :, n], numeric, rtol=1e-4, atol=2e-5)


def test_many_curves_of_different_lengths_are_one_problem():
    eq, fit = problem(3)
    single = [
        eq.level_fit(FREQUENCY[:, :n], fit.target[t : t + 1, :n], fit.root[t : t + 1, 0, :n] ** 2, remove_mean=True)
        for t, n in enumerate((40, 25, 33))
    ]
    stacked = type(fit).stacked(single)
    torch.manual_seed(1)
    x = stacked.starts(5)
    cost = stacked.linearise(x)[0].square().sum(-1)
    for t, one in enumerate(single):
        torch.manual_seed(1)
        torch.testing.assert_close(one.starts(5)[0], x[t])
        torch.testing.assert_close(one.linearise(x[t : t + 1])[0].square().sum(-1)[0], cost[t])


def test_a_start_reduces_the_error_and_keeps_the_bounds():
    eq, fit = problem(
        gain_max=6.0, gain_min=-3.0, f_min=[50.0, 100.0, 100.0, 2000.0], f_max=[50.0, 900.0, 900.0, 9000.0]
    )
    fit.target[:] = 4 * torch.exp(-((FREQUENCY / 300).log2() ** 2)) - 2 * torch.exp(-((FREQUENCY / 4000).log2() ** 2))
    x = fit.starts(1)
    zero = fit.weighted(fit.target[:, None].clone()).square().sum()
    assert fit.linearise(x)[0].square().sum() < 0.3 * zero
    fit.assign(x[0, 0])
    assert eq.frequency[0].item() == 50.0
    assert all(low <= f <= high for low, f, high in zip(eq.f_min, eq.frequency.flatten(), eq.f_max, strict=True))
    assert eq.gain_db.max() <= 6
    assert eq.gain_db.min() >= -3


def test_bands_that_are_alike_are_taken_in_the_order_of_their_frequencies():
    eq, fit = problem(types=("peaking", "highshelf", "peaking", "peaking"))
    x = fit.starts(2)
    for s in range(2):
        fit.assign(x[0, s])
        peaks = eq.frequency.flatten()[[0, 2, 3]]
        assert (peaks.diff() >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"types": ("peaking",)}, "types must name each of 4 bands, got 1"),
        ({"types": ("peaking", "notch", "peaking", "peaking")}, "lowshelf, peaking, highshelf, got 'notch'"),
        ({"f_min": (20.0, 30.0)}, "f_min must be one number, or one for each of 4 bands, got 2"),
        ({"gain_min": 30.0}, "need gain_min ≤ gain_max, got gain_min=30, gain_max=20"),
        ({"q_min": [1.0, 2.0, 3.0, 99.0]}, "q_min ≤ q_max, got .*q_min=\\[1.0, 2.0, 3.0, 99.0\\]"),
    ],
)
def test_a_wrong_bound_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        dsp.ParametricEQ((1, 1), 4, fs=48000, **arguments)


def test_a_value_whose_bounds_are_equal_stays():
    eq = dsp.ParametricEQ((1, 1), 2, f_min=[100.0, 5000.0], f_max=[100.0, 9000.0], dtype=torch.float64)
    eq.param.data.normal_()
    assert eq.frequency[0].item() == 100.0
    eq.set(frequency=[100.0, 6000.0], gain_db=2.0)
    with pytest.raises(ValueError, match="frequency must be within 100 to 100 Hz, got 120"):
        eq.set(frequency=[120.0, 6000.0])
    eq.transfer(torch.exp(torch.tensor([-0.1j, -0.5j], dtype=torch.complex128))).abs().sum().backward()
    assert eq.param.grad[0, 0].item() == 0.0
    assert np.isfinite(eq.param.grad.numpy()).all()


def test_bands_may_be_of_any_types_in_any_order():
    types = ("lowshelf", "peaking", "highshelf", "lowshelf", "peaking")
    eq = dsp.ParametricEQ((1, 1), 5, fs=48000, types=types, dtype=torch.float64)
    eq.set(
        frequency=[90.0, 400.0, 6000.0, 200.0, 3000.0], gain_db=[1.0, 2.0, -3.0, 4.0, -5.0], q=[0.5, 1.0, 0.7, 0.6, 3.0]
    )
    values = (getattr(eq, name).flatten().tolist() for name in ("frequency", "gain_db", "q"))
    bands = [Band(*band) for band in zip(types, *values, strict=True)]
    w = torch.exp(-2j * torch.pi * FREQUENCY[0] / 48000)
    level = 20 * eq.transfer(w)[:, 0, 0].abs().log10().detach()
    np.testing.assert_allclose(level, response_db(bands, FREQUENCY[0].numpy()), atol=1e-8)
