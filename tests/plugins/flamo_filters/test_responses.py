"""Responses from coefficients, against scipy and numpy."""

import numpy as np
import pytest
import torch
from scipy import linalg, signal

from flamo import functional

SOS = signal.butter(6, [0.001, 0.4], "bandpass", output="sos")


def grid(nfft):
    return 2 * np.pi * np.arange(nfft // 2 + 1) / nfft


@pytest.mark.parametrize("nfft", [64, 63, 1])
def test_sosfreqz_is_that_of_scipy(nfft):
    expected = signal.freqz_sos(SOS, worN=grid(nfft))[1]
    np.testing.assert_allclose(functional.sosfreqz(torch.from_numpy(SOS), nfft).numpy(), expected, atol=1e-10)


def test_biquads_of_several_channels():
    b, a = (torch.from_numpy(np.stack([SOS[:, c], SOS[::-1, c]], -1)) for c in ((0, 1, 2), (3, 4, 5)))  # (K, 3, 2)
    h = functional.biquad2tf(b.movedim(1, 0), a.movedim(1, 0), 64)
    expected = signal.freqz_sos(SOS, worN=grid(64))[1]
    np.testing.assert_allclose(h.numpy(), np.stack([expected, expected], -1), atol=1e-10)


@pytest.mark.parametrize("length", [1, 3, 8, 9, 20])
def test_a_polynomial_on_the_grid(length):
    """More coefficients than nfft wrap: z^-nfft is 1 on the grid."""
    c = torch.randn(2, length, 3, dtype=torch.float64)
    expected = np.einsum("anb,fn->afb", c.numpy(), np.exp(-1j * np.outer(grid(8), np.arange(length))))
    np.testing.assert_allclose(functional.poly_freq_response(c, 8, dim=1).numpy(), expected, atol=1e-12)


def test_single_sections_at_control_frequencies():
    frequencies = [0.0, 100.0, 1234.5, 20000.0]
    gain_db, h, omega = functional.probe_sos(
        torch.from_numpy(SOS.T.copy()), frequencies, 64, 48000, dtype=torch.float64
    )
    assert (gain_db.shape, h.shape, omega.shape) == ((4, 6), (33, 6), (33, 6))
    for k, section in enumerate(SOS):
        expected = np.abs(signal.freqz(section[:3], section[3:], worN=frequencies, fs=48000)[1])
        np.testing.assert_allclose(10 ** (gain_db[:, k].numpy() / 20), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            h[:, k].numpy(), signal.freqz(section[:3], section[3:], worN=grid(64))[1], atol=1e-10
        )
    np.testing.assert_allclose(omega[:, 0].numpy(), grid(64))
    scaled, _, odd = functional.probe_sos(torch.from_numpy(3 * SOS.T), frequencies, 63, 48000, dtype=torch.float64)
    torch.testing.assert_close(scaled, gain_db)
    np.testing.assert_allclose(odd[:, 0].numpy(), grid(63))


def test_a_cascade_whose_products_leave_the_range_of_float32():
    B = torch.full((3, 50), 1e-2 + 1e-2j)
    h = functional.stable_cascade_response(B, 2 * B, dim=1)
    assert h.dtype == torch.complex64
    torch.testing.assert_close(h, torch.full((3,), 2.0**-50 + 0j))
    assert functional.stable_cascade_response(B, B, 1, torch.complex128).dtype == torch.complex128


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: functional.sosfreqz(torch.ones(2, 5)), r"sos must be \(K, 6\), got \(2, 5\)"),
        (lambda: functional.sosfreqz(torch.ones(6)), r"sos must be \(K, 6\)"),
        (lambda: functional.biquad2tf(torch.ones(2, 4), torch.ones(2, 4), 8), r"must both be \(3, K, …\)"),
        (lambda: functional.biquad2tf(torch.ones(3, 4), torch.ones(3, 5), 8), r"got \(3, 4\) and \(3, 5\)"),
        (lambda: functional.probe_sos(torch.ones(2, 6), [1.0], 8, 48000), r"sos must be \(6, bands\)"),
        (
            lambda: functional.svf(torch.ones(1), torch.ones(1), filter_type="comb"),
            "filter_type must be one of None, lowpass",
        ),
        (lambda: functional.prop_shelving_filter(100.0, 1.0, "middle"), "type must be one of low, high"),
        (lambda: functional.find_onset(torch.ones(4, 2)), "rir must be one channel"),
        (lambda: functional.HadamardMatrix(6), "power of two, got 6"),
        (lambda: functional.RotationMatrix(6), "power of two, got 6"),
        (lambda: functional.RotationMatrix(8)(torch.ones(2)), "needs 3 angles, got 2"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_proportional_filters_scale_with_the_sampling_frequency():
    for design, values in (("prop_shelving_filter", (100.0, 6.0)), ("prop_peak_filter", (100.0, 50.0, 6.0))):
        slow = getattr(functional, design)(*values, fs=16000)
        fast = getattr(functional, design)(*(3 * v for v in values[:-1]), values[-1], fs=48000)
        torch.testing.assert_close(slow, fast)


def test_shelves_and_peaks_of_one_element_are_vectors():
    for shape in ((), (1,), (1, 1)):
        fc, gain = torch.full(shape, 1000.0), torch.full(shape, 2.0)
        assert functional.shelving_filter(fc, gain)[0].shape == (3,)
        assert functional.peak_filter(fc, gain, gain)[1].shape == (3,)


def test_a_response_that_starts_at_once_starts_at_zero():
    assert functional.find_onset(functional.signal_gallery(1, 1000, 1).flatten()) == 0


def test_matrices_as_modules():
    hadamard = functional.HadamardMatrix(8, dtype=torch.float64)
    np.testing.assert_array_equal(np.sign(hadamard(torch.ones(8, 8)).numpy()), linalg.hadamard(8))
    assert not list(hadamard.state_dict())
    theta = torch.tensor([0.1, 0.2, 2.0], requires_grad=True)
    rotation = functional.RotationMatrix(8)(theta)
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(8))
    torch.testing.assert_close(rotation[0, 0], torch.cos(theta[0]) * torch.cos(theta[1]) * np.sqrt(0.5))  # cut at π/4
    rotation[0, 1].backward()
    assert theta.grad[0] != 0
    cut = functional.RotationMatrix(2, min_angle=0.1, max_angle=0.2)
    torch.testing.assert_close(cut(torch.tensor([-3.0]))[0, 0], torch.cos(torch.tensor(0.1)))
    raw = torch.rand(3, 4, 4)
    both = functional.RotationMatrix(4)(raw)
    torch.testing.assert_close(both[2], functional.RotationMatrix(4)(raw[2, 0, :2]))
