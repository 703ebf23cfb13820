import numpy as np
import pyfar as pf
import pytest
import torch

from flamo.core.decay import (
    ORDER,
    energy_decay_curve,
    energy_decay_db,
    octave_bands_of,
    octave_centers,
    octave_filters,
)


def test_an_exponential_decays_by_its_slope():
    n = torch.arange(4800, dtype=torch.float64)
    level = energy_decay_db(10 ** (-n / 800)[None, :, None])  # 20 dB in 800 samples, and in the energy as well
    torch.testing.assert_close(level[0, :2400, 0], -20 * n[:2400] / 800, atol=1e-4, rtol=0)


def test_energy_counts_from_the_end_in_each_channel_alone():
    h = torch.randn(2, 100, 3, dtype=torch.float64)
    expected = np.cumsum(h.numpy()[:, ::-1] ** 2, axis=1)[:, ::-1]
    np.testing.assert_allclose(energy_decay_curve(h), expected)
    np.testing.assert_allclose(energy_decay_curve(h.movedim(1, -1), dim=-1).movedim(-1, 1), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silence_has_finite_levels_and_gradients(dtype):
    h = torch.zeros(1, 64, 2, dtype=dtype)
    h[0, 3, 1] = 1.0
    h.requires_grad_()
    energy_decay_db(h).square().sum().backward()
    assert energy_decay_db(h).isfinite().all()
    assert h.grad.isfinite().all()


@pytest.mark.parametrize("fraction", [1, 2, 3])
def test_centres_are_those_of_iec_61260(fraction):
    exact = pf.constants.fractional_octave_frequencies_exact(fraction, (63, 16000))[0]
    np.testing.assert_allclose(octave_centers(fraction), [f for f in exact if 63 < f < 16000], rtol=1e-12)


@pytest.mark.parametrize("fraction", [1, 3])
def test_bands_are_those_of_pyfar(fraction):
    nfft, fs = 1 << 17, 48000
    filters = pf.dsp.filter.fractional_octave_bands(None, fraction, fs, (60, 16500), order=ORDER)
    truth = np.abs(filters.impulse_response(nfft).freq[:, 0])
    np.testing.assert_allclose(octave_filters(nfft, fs, fraction)[0].mT, truth, atol=1e-6)


@pytest.mark.parametrize("fraction", [1, 3])
@pytest.mark.parametrize("center", [63.0957, 1000.0, 7943.28])
def test_bands_are_of_class_1(fraction, center):
    nfft, fs = 1 << 17, 48000
    lower, upper, frequencies = pf.constants.fractional_octave_filter_tolerance(center, fraction, tolerance_class=1)
    [response], grid = octave_filters(nfft, fs, fraction, [center])[0].mT, np.arange(nfft // 2 + 1) * fs / nfft
    inside = (grid > frequencies[0]) & (grid < min(frequencies[-1], fs / 2))
    level = 20 * np.log10(response.numpy()[inside] + 1e-30)
    at = np.log(grid[inside])
    assert (level <= np.interp(at, np.log(frequencies), upper) + 1e-6).all()
    assert (level >= np.interp(at, np.log(frequencies), lower) - 1e-6).all()


def test_a_signal_in_bands_has_the_energy_that_the_bands_let_through():
    h = torch.zeros(1, 9600, 2, dtype=torch.float64)
    h[0, 4800, 1] = 1.0
    bands = octave_bands_of(h, 48000)
    response, _ = octave_filters(48000, 48000)
    through = (response[:1].square() + 2 * response[1:-1].square().sum(0) + response[-1:].square())[0] / 48000
    torch.testing.assert_close(bands[0, :, 1].square().sum(0), through, rtol=1e-3, atol=0)
    assert not bands[0, :, 0].any()
    np.testing.assert_allclose(bands[0, 4800 - 99 : 4800, 1].flip(0), bands[0, 4801:4900, 1], atol=1e-12)


def test_what_rings_over_the_end_does_not_come_back_at_the_start():
    h = torch.zeros(1, 4800, 1, dtype=torch.float64)
    h[0, -1] = 1.0
    long = torch.nn.functional.pad(h, (0, 0, 96000, 0))
    expected = octave_bands_of(long, 48000)[:, -4800:]
    assert (octave_bands_of(h, 48000) - expected).abs().max() < 1e-3 * expected.abs().max()


def test_bands_are_differentiable_and_computed_once(monkeypatch):
    h = torch.randn(1, 60, 2, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda x: octave_bands_of(x, 480.0, centers=[60.0, 120.0]), h)
    octave_bands_of(h, 48000)
    monkeypatch.setattr(torch, "tan", None)
    octave_bands_of(h, 48000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"centers": [16000.0], "fs": 44100}, r"the band around 16000 Hz does not end below fs/2 = 22050 Hz"),
        ({"centers": [0.0]}, "centers must be above 0"),
        ({"fraction": 0}, "fraction must be at least 1"),
        ({"fs": -1}, "fs must be above 0"),
        ({"fs": 100}, "no band of 1/1 octave below fs/2 = 50 Hz"),
        ({"centers": []}, "no band"),
    ],
)
def test_what_has_no_bands_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        octave_bands_of(torch.ones(1, 100, 1), **({"fs": 48000} | arguments))
