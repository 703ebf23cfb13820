"""The numbers of the reference implementation's functions."""

import numpy as np
import pytest
import torch
from truth import golden, peak_error

from flamo import functional
from flamo.auxiliary import eq

FUNCTIONAL, _ = golden("functional")


@pytest.mark.parametrize("kind", ["lowpass", "highpass", "bandpass"])
def test_pass_filters(kind):
    low = torch.tensor([120.0, 900.0, 6000.0], dtype=torch.float64)
    cutoffs = (low, torch.tensor([300.0, 2500.0, 12000.0])) if kind == "bandpass" else (low,)
    gain = torch.tensor([-7.0, 0.5, 4.0], dtype=torch.float64)
    b, a = getattr(functional, f"{kind}_filter")(*cutoffs, gain, dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL[f"{kind}_filter_b"], atol=1e-12)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL[f"{kind}_filter_a"], atol=1e-12)


FREQUENCY = torch.tensor([120.0, 900.0, 6000.0], dtype=torch.float64)
GAIN = 10 ** (torch.tensor([-7.0, 0.5, 4.0], dtype=torch.float64) / 20)


@pytest.mark.parametrize("kind", ["low", "high"])
def test_shelving_filters(kind):
    b, a = functional.shelving_filter(FREQUENCY, GAIN, kind, dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL[f"shelving_filter_{kind}_b"], atol=1e-12)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL[f"shelving_filter_{kind}_a"], atol=1e-12)


def test_peak_filters():
    b, a = functional.peak_filter(FREQUENCY, GAIN, torch.tensor([0.5, 0.707, 3.0]), dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL["peak_filter_b"], atol=1e-9)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL["peak_filter_a"], atol=1e-9)


def test_conversions():
    np.testing.assert_allclose(functional.db2mag(20 * GAIN.log10()).numpy(), FUNCTIONAL["db2mag"], rtol=1e-12)
    np.testing.assert_allclose(functional.mag2db(FREQUENCY).numpy(), FUNCTIONAL["mag2db"], rtol=1e-12)
    np.testing.assert_allclose(functional.hertz2rad(FREQUENCY, 48000).numpy(), FUNCTIONAL["hertz2rad"], rtol=1e-12)
    z = functional.get_frequency_samples(5, dtype=torch.float64)
    np.testing.assert_allclose(z.numpy(), np.exp(1j * np.pi * np.arange(5) / 4), atol=1e-15)


@pytest.mark.parametrize("kind", ["low", "high"])
def test_proportional_shelves(kind):
    b, a = functional.prop_shelving_filter(FREQUENCY, 20 * GAIN.log10(), kind, dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL[f"prop_shelving_filter_{kind}_b"], atol=1e-12)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL[f"prop_shelving_filter_{kind}_a"], atol=1e-12)


def test_proportional_peaks():
    bandwidth = torch.tensor([80.0, 600.0, 4000.0], dtype=torch.float64)
    b, a = functional.prop_peak_filter(FREQUENCY, bandwidth, 20 * GAIN.log10(), dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL["prop_peak_filter_b"], atol=1e-12)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL["prop_peak_filter_a"], atol=1e-12)


@pytest.mark.parametrize("kind", [None, "lowpass", "highpass", "bandpass", "lowshelf", "highshelf", "peaking", "notch"])
def test_state_variable_filters(kind, capsys):
    damping = torch.tensor([0.5, 0.707, 3.0], dtype=torch.float64)
    b, a = functional.svf(FREQUENCY, damping, G=GAIN, filter_type=kind, dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL[f"svf_{kind}_b"], atol=1e-12)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL[f"svf_{kind}_a"], atol=1e-12)
    assert capsys.readouterr().out == ""  # the reference prints


@pytest.mark.parametrize("interval", [1, 3])
def test_bands(interval):
    center, shelving = eq.eq_freqs(interval, dtype=torch.float64)
    np.testing.assert_allclose(center.numpy(), FUNCTIONAL[f"eq_freqs_{interval}_center"], rtol=1e-12)
    np.testing.assert_allclose(shelving.numpy(), FUNCTIONAL[f"eq_freqs_{interval}_shelving"], rtol=1e-12)
    np.testing.assert_allclose(eq.octave_bands(interval), FUNCTIONAL[f"eq_freqs_{interval}_center"], rtol=1e-12)


def test_graphic_equalisers():
    gain_db = torch.from_numpy(FUNCTIONAL["geq_gain_db"])
    b, a = eq.geq(*eq.eq_freqs(dtype=torch.float64), 2.7, gain_db, dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL["geq_first"], atol=1e-12)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL["geq_second"], atol=1e-12)


def test_accurate_graphic_equalisers():
    """Command gains differ where the reference's iteration has not ended; the response is the same."""
    target = torch.from_numpy(FUNCTIONAL["accurate_geq_target_db"])
    b, a = eq.accurate_geq(target, *eq.eq_freqs(dtype=torch.float64), dtype=torch.float64)
    reference = (torch.from_numpy(FUNCTIONAL[f"accurate_geq_{part}"]) for part in ("first", "second"))
    ratio = functional.biquad2tf(b, a, 4096) / functional.biquad2tf(*reference, 4096)
    assert (20 * ratio.abs().log10()).abs().max() < 0.1


def test_sections_on_the_grid():
    h = functional.sosfreqz(torch.from_numpy(FUNCTIONAL["sosfreqz_in"]), 64)
    assert peak_error(h, FUNCTIONAL["sosfreqz_out"]) < 1e-12


def test_matrices():
    skew = functional.skew_matrix(torch.from_numpy(FUNCTIONAL["skew_in"]))
    np.testing.assert_array_equal(skew.numpy(), FUNCTIONAL["skew_out"])
    eigenvalues = functional.get_eigenvalues(skew)
    np.testing.assert_allclose(eigenvalues.real.abs().max().item(), FUNCTIONAL["eig_out"], atol=1e-12)


def test_where_a_response_starts():
    assert functional.find_onset(torch.from_numpy(FUNCTIONAL["onset_in"])) == FUNCTIONAL["onset_out"]


@pytest.mark.parametrize("kind", ["impulse", "sine", "sweep", "exp"])
def test_signals(kind):
    expected = FUNCTIONAL[f"signal_{kind}"]
    actual = functional.signal_gallery(1, *expected.shape[1:], kind, rate=2.0, dtype=torch.float64)
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-9)
