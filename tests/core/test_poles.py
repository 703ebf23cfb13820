"""Poles and stability, against polynomials and the time domain."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from scipy import signal
from scipy.stats import ortho_group
from torch import nn

from flamo import dsp, system

F64 = {"dtype": torch.float64}
SMALL = {"nfft": 64, **F64}


def delays(*samples, nfft=1024):
    return dsp.parallelDelay.from_physical(samples=list(samples), isint=True, nfft=nfft, **F64)


def network(gain, samples=(3, 5, 7)):
    """A feedback delay network of one gain in each loop."""
    mixing = dsp.Gain.from_physical(gain=gain * ortho_group.rvs(len(samples), random_state=0), nfft=1024, **F64)
    return system.Recursion(delays(*samples), system.Series(OrderedDict(mixing=mixing)))


def comb(gain, samples=3):
    return system.Recursion(delays(samples), dsp.parallelGain.from_physical(gain=[gain], nfft=1024, **F64))


def one_pole_loop(gain, pole=0.9):
    """A loop without delay but for that of its lowpass (1 - pole) / (1 - pole/z)."""
    lowpass = dsp.parallelSOSFilter.from_sos([[1 - pole, 0, 0, 1, -pole, 0]], nfft=256, **F64)
    return system.Recursion(lowpass, dsp.parallelGain.from_physical(gain=[gain], nfft=256, **F64))


def test_the_poles_of_sections_are_those_of_scipy():
    sos = np.concatenate((signal.butter(5, [0.001, 0.4], "bandpass", output="sos"), [[1, 0, 0, 1, -1.5, 0.56]]))
    poles = dsp.SOSFilter.from_sos(sos, **F64).poles()
    assert poles.shape == (1, 1, 6, 2)
    np.testing.assert_allclose(sorted(poles.flatten().abs()), sorted(np.abs(signal.sos2zpk(sos)[1])), rtol=1e-9)


@pytest.mark.parametrize(("a", "stable"), [([1, 0, 0.99], True), ([1, 0, 1.01], False), ([1, -2.5, 1.2], False)])
def test_sections_are_stable_inside_the_circle(a, stable):
    assert dsp.SOSFilter.from_sos([[1, 0, 0, *a]], **F64).is_stable() is stable


def test_sections_have_the_poles_of_their_state_space():
    biquad = dsp.Biquad((2, 3), n_sections=2, **F64)
    flat = biquad.poles().flatten()
    flat = flat[flat.abs().argsort(descending=True)]
    torch.testing.assert_close(biquad.state_space().poles().abs(), flat.abs())


@pytest.mark.parametrize(
    "make",
    [
        lambda: dsp.Biquad((2, 3), n_sections=2, **SMALL),
        lambda: dsp.parallelSVF((2,), n_sections=3, **SMALL),
        lambda: dsp.Filter((5, 2, 3), **SMALL),
        lambda: dsp.parallelFilter((5, 2), **SMALL),
        lambda: dsp.Delay((2, 3), isint=True, max_len=9, **SMALL),
        lambda: dsp.parallelGainDelay.from_physical(samples=[0.0, 3.0], gain=[2.0, -1.0], isint=True, **SMALL),
        lambda: dsp.HouseholderMatrix((3, 3), **SMALL),
        lambda: dsp.Gain((2, 2), nfft=64, map=lambda p: torch.exp(1j * p), **F64),
        lambda: system.Series(dsp.Gain((3, 2), **SMALL), dsp.Biquad((2, 3), **SMALL)),
        lambda: system.Parallel(dsp.Gain((3, 2), **SMALL), dsp.Filter((2, 3, 2), **SMALL)),
        lambda: system.Parallel(dsp.Gain((3, 2), **SMALL), dsp.Biquad((3, 2), **SMALL), sum_output=False),
        lambda: system.Recursion(dsp.Biquad((3, 2), **SMALL), dsp.Filter((4, 2, 3), **SMALL)),
        lambda: system.Series(
            nn.Identity(), dsp.Gain((2, 2), nfft=64, map=lambda p: 1j * p, **F64), delays(2, 3, nfft=64)
        ),
    ],
)
def test_the_state_space_has_the_transfer_function(make):
    module = make()
    s = module.state_space()
    z = torch.tensor(1.3 + 0.7j, dtype=torch.complex128)
    A, B, C, D = (t.to(torch.complex128) for t in (s.A, s.B, s.C, s.D))
    transfer = C @ torch.linalg.solve(z * torch.eye(len(A), dtype=z.dtype) - A, B) + D
    torch.testing.assert_close(transfer, module.probe(z), rtol=1e-9, atol=1e-12)


def test_the_poles_of_a_comb_are_roots():
    """z³ = 1/8."""
    np.testing.assert_allclose(comb(0.125).poles().abs().numpy(), 0.5, rtol=1e-12)


def test_the_poles_of_a_network_are_where_its_loop_is_singular():
    loop = network(0.9)
    poles = loop.poles()
    assert len(poles) == 3 + 5 + 7
    for z in poles:
        assert torch.linalg.svdvals(loop.probe_recursion(z))[-1] < 1e-12


def test_the_slowest_pole_is_the_decay_of_the_impulse_response():
    loop = network(0.8)
    shell = system.Shell(system.Series(dsp.Gain((3, 1), nfft=1024, **F64), loop), dsp.FFT(1024), dsp.iFFT(1024))
    level = shell.get_time_response()[0].abs().amax(1).numpy()
    envelope = np.array([level[n : n + 100].max() for n in (300, 400)])
    assert shell.poles()[0].abs().item() == pytest.approx((envelope[1] / envelope[0]) ** 0.01, rel=1e-3)


def test_a_lossless_network_has_its_poles_on_the_circle():
    loop = network(1.0)
    np.testing.assert_allclose(loop.poles().abs().numpy(), 1.0, rtol=1e-9)
    with pytest.raises(ValueError, match="too near the unit circle"):
        loop.is_stable()


@pytest.mark.parametrize(("gain", "stable"), [(0.5, True), (0.999, True), (-0.999, True), (1.001, False), (3.0, False)])
def test_a_loop_is_stable_as_its_poles_say(gain, stable):
    loop = network(gain)
    assert loop.is_stable() is stable
    assert bool((loop.poles().abs() < 1).all()) is stable
    assert loop.spectral_radius().item() == pytest.approx(abs(gain))


@pytest.mark.parametrize(("gain", "stable"), [(-50.0, False), (-15.0, True), (0.99, True), (1.01, False)])
def test_a_loop_gain_above_one_may_be_stable(gain, stable):
    """Closed, the pole of the lowpass moves to 0.9 / (1 - 0.1 gain)."""
    loop = one_pole_loop(gain)
    assert abs(loop.poles()[0].item()) == pytest.approx(abs(0.9 / (1 - 0.1 * gain)))
    assert loop.is_stable() is bool(abs(0.9 / (1 - 0.1 * gain)) < 1)


def test_long_and_fractional_delays_need_no_poles():
    loop = comb(0.9, 50000).set_nfft(1 << 16)
    with pytest.raises(ValueError, match=r"50000 states, more than max_order=2000"):
        loop.poles()
    assert loop.is_stable()
    fractional = system.Recursion(
        dsp.parallelDelay.from_physical(samples=[10.5], nfft=256, **F64),
        dsp.parallelGain.from_physical(gain=[1.5], nfft=256, **F64),
    )
    assert not fractional.is_stable()
    with pytest.raises(ValueError, match="fractional delays have no finite impulse response"):
        fractional.poles()


def test_anti_aliasing_does_not_make_a_loop_stable():
    loop = network(1.001).set_alias_decay_db(60.0)
    assert not loop.is_stable()
    assert loop.alias_decay_db == 60.0


def test_a_system_is_stable_if_its_parts_are():
    unstable = dsp.parallelSOSFilter.from_sos([[1, 0, 0, 1, 0, 1.01]], nfft=1024, **F64)
    chain = system.Series(dsp.parallelGain((1,), nfft=1024, **F64), unstable)
    assert not chain.is_stable()
    assert not system.Shell(chain).is_stable()
    assert not system.Recursion(unstable, dsp.parallelGain.from_physical(gain=[0.0], nfft=1024, **F64)).is_stable()
    assert system.Shell(comb(0.5)).is_stable()


def test_what_has_no_poles_says_so():
    with pytest.raises(TypeError, match="a Linear has no state-space form"):
        system.Series(dsp.Gain(), nn.Linear(1, 1)).poles()
    with pytest.raises(NotImplementedError, match="DSP has no state-space form"):
        dsp.DSP((1, 1)).poles()
    with pytest.raises(ValueError, match="path without delay"):
        system.Recursion(dsp.Gain.from_physical(gain=[[1.0]]), dsp.Gain.from_physical(gain=[[1.0]])).poles()
