"""Poles and stability, against polynomials and the time domain."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from scipy import signal
from scipy.stats import ortho_group
from torch import nn

from flamo import dsp, system
from flamo.core import recursion

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
    filters = dsp.SOSFilter.from_sos(sos, **F64)
    assert filters.section_poles().shape == (1, 1, 6, 2)
    np.testing.assert_allclose(filters.poles().abs(), sorted(np.abs(signal.sos2zpk(sos)[1]))[::-1], rtol=1e-9)


def test_real_poles_far_apart_keep_their_digits():
    """z² - (1 + 1e-9) z + 1e-9."""
    near = dsp.SOSFilter.from_sos([[1, 0, 0, 1, -0.5 - 1e-9, 0.5e-9]], **F64).poles()[1]
    assert near.real.item() == pytest.approx(1e-9, rel=1e-12, abs=0)


@pytest.mark.parametrize(("a", "stable"), [([1, 0, 0.99], True), ([1, 0, 1.01], False), ([1, -2.5, 1.2], False)])
def test_sections_are_stable_inside_the_circle(a, stable):
    assert dsp.SOSFilter.from_sos([[1, 0, 0, *a]], **F64).is_stable() is stable


def test_sections_have_the_poles_of_their_state_space():
    biquad = dsp.Biquad((2, 3), n_sections=2, **F64)
    assert biquad.degree == 24
    torch.testing.assert_close(biquad.state_space().poles().abs(), biquad.poles().abs())


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
    assert not loop.is_stable()
    with pytest.raises(ValueError, match="too near the unit circle"):
        network(1.0, samples=(101, 211, 307)).is_stable()


@pytest.mark.parametrize(
    "matrix",
    [
        lambda: dsp.HouseholderMatrix((4, 4), nfft=1024, **F64),
        lambda: dsp.Matrix((4, 4), matrix_type="orthogonal", nfft=1024, **F64),
        lambda: dsp.Matrix((4, 4), matrix_type="hadamard", nfft=1024, **F64),
        lambda: dsp.Matrix((4, 4), matrix_type="rotation", nfft=1024, **F64),
    ],
)
def test_loops_around_matrices_that_keep_the_energy_are_lossless(matrix):
    poles = system.Recursion(delays(3, 5, 7, 11), matrix()).poles()
    assert len(poles) == 26
    np.testing.assert_allclose(poles.abs().numpy(), 1.0, rtol=1e-9)


@pytest.fixture(params=["poles", "Nyquist"])
def way(request, monkeypatch):
    """Both ways to tell whether a loop is stable."""
    monkeypatch.setattr(recursion, "EXACT_ORDER", 300 if request.param == "poles" else -1)
    return request.param


@pytest.mark.parametrize(("gain", "stable"), [(0.5, True), (0.999, True), (-0.999, True), (1.001, False), (3.0, False)])
def test_a_loop_is_stable_as_its_poles_say(gain, stable, way):
    loop = network(gain)
    assert loop.is_stable() is stable
    assert bool((loop.poles().abs() < 1).all()) is stable
    assert loop.spectral_radius().item() == pytest.approx(abs(gain))
    assert loop.grid.nfft == 1024


@pytest.mark.parametrize("gain", [-50.0, -15.0, 0.99, 1.01, 25.0])
def test_a_loop_gain_above_one_may_be_stable(gain, way):
    """Closed, the pole of the lowpass moves to 0.9 / (1 - 0.1 gain)."""
    loop = one_pole_loop(gain)
    assert abs(loop.poles()[0].item()) == pytest.approx(abs(0.9 / (1 - 0.1 * gain)))
    assert loop.is_stable() is bool(abs(0.9 / (1 - 0.1 * gain)) < 1)


@pytest.mark.parametrize("nfft", [64, 63])
@pytest.mark.parametrize("seed", range(12))
def test_random_loops_are_told_both_ways(seed, nfft, monkeypatch):
    torch.manual_seed(seed)
    kwargs = {"nfft": nfft, **F64}
    taps = dsp.Filter((4, 2, 2), **kwargs)
    sections = dsp.parallelSOSFilter.from_sos(
        np.stack([[signal.tf2sos([1, 0.3, 0], np.poly(0.8 * torch.rand(2).numpy()))[0]] for _ in range(2)]), **kwargs
    )
    gain = dsp.Gain.from_physical(gain=0.2 * torch.randn(2, 2), **kwargs)
    loop = system.Recursion(system.Series(taps, sections), gain)
    told = loop.is_stable()
    assert told is bool(loop.poles()[0].abs() < 1)
    monkeypatch.setattr(recursion, "EXACT_ORDER", -1)
    assert loop.is_stable() is told


def test_delays_and_resonances_finer_than_the_grid_are_followed(way):
    last = torch.zeros(129, 1, **F64)
    last[-1] = 2.0
    taps = dsp.parallelFilter((129, 1), nfft=128, **F64)
    taps.assign_value(last)
    assert not system.Recursion(taps, dsp.parallelGain.from_physical(gain=[1.0], nfft=128, **F64)).is_stable()
    sharp = signal.tf2sos(*signal.iirpeak(0.3, 2000))
    peak = dsp.parallelSOSFilter.from_sos(sharp, nfft=64, **F64)
    loop = system.Recursion(peak, dsp.parallelGain.from_physical(gain=[3.0], nfft=64, **F64))
    assert loop.poles()[0].abs() > 1
    assert loop.spectral_radius() < 0.1  # the resonance lies between the points
    assert loop.spectral_radius(1 << 18) > 2.9
    assert not loop.is_stable()


def test_a_loop_may_tame_an_unstable_path(monkeypatch):
    plant = dsp.parallelSOSFilter.from_sos([[1, 0, 0, 1, -1.1, 0]], nfft=64, **F64)
    loop = system.Recursion(plant, dsp.parallelGain.from_physical(gain=[-0.5], nfft=64, **F64))
    assert loop.poles()[0].real.item() == pytest.approx(1.1 / 1.5)
    assert loop.is_stable()
    monkeypatch.setattr(recursion, "EXACT_ORDER", -1)
    with pytest.raises(ValueError, match="one of its paths is not stable by itself"):
        loop.is_stable()


def test_plain_modules_in_a_loop_have_poles_and_stability():
    for dtype in (torch.float32, torch.complex64):
        matrix = nn.Linear(2, 2, bias=False, dtype=dtype)
        matrix.weight.data = torch.diag(torch.tensor([0.5, -0.25])).to(dtype)
        loop = system.Recursion(dsp.parallelDelay.from_physical(samples=[1.0, 1.0], nfft=64), matrix)
        torch.testing.assert_close(loop.poles().real, torch.tensor([0.5, -0.25]).double())
        assert loop.spectral_radius().item() == pytest.approx(0.5)


def test_complex_coefficients_need_poles(monkeypatch):
    kwargs = {"nfft": 64, "map": lambda p: 1j * p, **F64}
    gain = dsp.parallelGain((1,), **kwargs)
    gain.assign_value(torch.tensor([0.5]))
    loop = system.Recursion(delays(3, nfft=64), gain)
    assert loop.is_stable()
    monkeypatch.setattr(recursion, "EXACT_ORDER", -1)
    with pytest.raises(ValueError, match="its coefficients are complex"):
        loop.is_stable()


def test_long_and_fractional_delays_need_no_poles():
    loop = comb(0.9, 50000).set_nfft(1 << 16)
    with pytest.raises(ValueError, match=r"50000 states, more than max_order=1000"):
        loop.poles()
    with pytest.raises(ValueError, match=r"3 states, more than max_order=2"):
        comb(0.5).poles(max_order=2)
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
    assert system.Shell(comb(0.125)).poles()[0].abs().item() == pytest.approx(0.5)


def test_what_has_no_poles_says_so():
    with pytest.raises(TypeError, match="a Linear is no constant matrix"):
        system.Series(dsp.Gain(), nn.Linear(1, 1)).poles()
    hooked = dsp.Biquad()
    hooked.register_forward_hook(lambda module, inputs, output: -output)
    with pytest.raises(TypeError, match="this Biquad does not do what its parameters say"):
        system.Series(hooked).poles()
    with pytest.raises(NotImplementedError, match="DSP has no state-space form"):
        dsp.DSP((1, 1)).poles()
    with pytest.raises(ValueError, match="path without delay"):
        system.Recursion(dsp.Gain.from_physical(gain=[[1.0]]), dsp.Gain.from_physical(gain=[[1.0]])).poles()
