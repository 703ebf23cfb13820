import auraloss
import numpy as np
import pytest
import torch
from scipy import signal

import flamo
from flamo_losses.scales import SCALES, hz_to_mel, mel_to_hz
from flamo_losses.spectrogram import linear_spectrogram, magnitude_spectrogram, mel_bank, mel_spectrogram

CPU = torch.device("cpu")


class OnTheGridOfTheFFT(flamo.mss_loss):
    """The forms on the spectrogram that others use."""

    def spectrogram(self, x, nfft, hop):
        return magnitude_spectrogram(x, nfft, hop)


@pytest.fixture
def signals():
    return torch.randn(2, 4800, 1), torch.randn(2, 4800, 1)


@pytest.mark.parametrize(
    ("arguments", "weights"),
    [
        ({"form": "yamamoto", "alpha": 0.5}, {"w_sc": 1.0, "w_log_mag": 0.5, "w_lin_mag": 0.0}),
        ({"form": "magenta"}, {"w_sc": 0.0, "w_log_mag": 1.0, "w_lin_mag": 1.0}),
        ({"p": 1}, {"w_sc": 0.0, "w_log_mag": 0.0, "w_lin_mag": 1.0}),
    ],
)
def test_the_forms_are_those_of_auraloss(signals, arguments, weights):
    lengths = [64, 256]
    theirs = auraloss.freq.MultiResolutionSTFTLoss(lengths, [n // 4 for n in lengths], lengths, **weights)
    ours = OnTheGridOfTheFFT(lengths, **arguments)(*signals)
    torch.testing.assert_close(ours, len(lengths) * flamo.ChannelsFirst(theirs)(*signals), rtol=1e-4, atol=0)


@pytest.mark.parametrize(("nfft", "hop"), [(64, 16), (65, 10)])
def test_magnitudes_are_those_of_scipy(nfft, hop):
    x = torch.randn(3, 500, dtype=torch.float64)
    padded = np.pad(x.numpy(), ((0, 0), (nfft // 2, nfft // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, nfft, -1)[:, ::hop] * signal.get_window("hann", nfft)
    np.testing.assert_allclose(magnitude_spectrogram(x, nfft, hop).mT, np.abs(np.fft.rfft(frames)), atol=1e-12)
    bins, fs = nfft // 2 + 1, 8000
    zoomed = np.abs(signal.zoom_fft(frames, [20, fs / 2], bins, fs=fs))
    np.testing.assert_allclose(linear_spectrogram(x, nfft, hop, fs).mT, zoomed, atol=1e-10)


def test_a_shorter_window_is_in_the_middle():
    x = torch.randn(1, 500, dtype=torch.float64)
    _, _, expected = signal.stft(
        x.numpy(),
        window=np.pad(signal.get_window("hann", 40), 12),
        nperseg=64,
        noverlap=48,
        boundary="even",
        padded=False,
    )
    expected = np.abs(expected) * signal.get_window("hann", 40).sum()
    inner = slice(2, 28)  # scipy continues the ends in another way
    np.testing.assert_allclose(magnitude_spectrogram(x, 64, 16, 40)[..., inner], expected[..., inner], atol=1e-12)


def test_mel_bands_are_triangles_of_unit_area_that_overlap_by_half():
    bank = mel_bank(40, 1 << 16, 48000.0, 20.0, CPU, torch.float64)
    torch.testing.assert_close(bank.sum(1) * 48000 / (1 << 16), torch.ones(40, dtype=torch.float64), rtol=1e-3, atol=0)
    centers = hz_to_mel(bank.argmax(1) * 48000.0 / (1 << 16))
    steps = centers.diff()
    torch.testing.assert_close(steps, steps.mean().expand(39), rtol=0.02, atol=0)
    assert mel_spectrogram(torch.ones(1, 600), 512, 128, 48000.0, 8).shape == (1, 8, 5)


def test_scales_are_monotonic_and_mel_has_an_inverse():
    f = torch.linspace(1.0, 24000.0, 5000, dtype=torch.float64)
    for scale in SCALES.values():
        assert (scale(f).diff() > 0).all()
    torch.testing.assert_close(mel_to_hz(hz_to_mel(f)), f)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: flamo.mss_loss([]), TypeError, "nfft must be a list of whole numbers"),
        (lambda: flamo.mss_loss(512), TypeError, "nfft must be a list of whole numbers, got 512"),
        (lambda: flamo.mss_loss([8]), ValueError, "nfft must be at least 16, got 8"),
        (lambda: flamo.mss_loss(overlap=1), ValueError, "overlap must be at least 0 and below 1, got 1"),
        (lambda: flamo.mss_loss(sample_rate=40), ValueError, "sample_rate must be above 40 Hz, got 40"),
        (lambda: flamo.mss_loss(p="nuc"), ValueError, "p must be 'fro' or a number of at least 1, got 'nuc'"),
        (lambda: flamo.mss_loss(p=0.5), ValueError, "p must be 'fro' or a number of at least 1, got 0.5"),
        (lambda: flamo.mss_loss(form="ddsp"), ValueError, "form must be one of None, yamamoto, magenta, got 'ddsp'"),
        (lambda: flamo.mel_mss_loss(noise_energy=0), ValueError, "noise_energy must be above 0, got 0"),
        (lambda: flamo.mss_loss(alpha="1"), TypeError, "alpha must be a number, got '1'"),
        (lambda: flamo.AveragePower(stride=4), ValueError, "stride must be two whole numbers, got 4"),
        (lambda: flamo.AveragePower(stride=(0, 4)), ValueError, "stride must be at least 1, got 0"),
        (lambda: flamo.edr_loss(512), ValueError, "nfft must be at least 20 ms at 48000 Hz, 960, got 512"),
        (lambda: flamo.edc_loss(n_fractions=0), ValueError, "fraction.* must be at least 1, got 0"),
        (lambda: flamo.edc_loss(sample_rate=100), ValueError, "no band of 1/1 octave"),
    ],
)
def test_a_wrong_argument_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_a_signal_that_is_too_short_is_named():
    short = torch.ones(1, 64, 1)
    with pytest.raises(ValueError, match="a signal of 64 samples is too short for nfft=128: it needs 65"):
        flamo.mss_loss()(short, short)
    with pytest.raises(ValueError, match="at least 16128 samples, got 64"):
        flamo.AveragePower()(short, short)


def test_the_noise_may_be_given(signals):
    loose, strict = (flamo.mss_loss([64], apply_mask=True, p=1, noise_energy=noise) for noise in (1e-9, 1.0))
    assert loose(*signals) == pytest.approx(flamo.mss_loss([64], p=1)(*signals).item(), rel=1e-3)
    assert strict(*signals) != loose(*signals)


@pytest.mark.parametrize("form", [None, "yamamoto", "magenta"])
def test_where_all_is_noise_there_is_no_loss(signals, form):
    assert flamo.mss_loss([64], apply_mask=True, noise_energy=1e9, form=form, log_term=True)(*signals) == 0


def test_where_the_target_is_silent_no_decay_is_compared(signals):
    assert flamo.edr_loss()(signals[0], torch.zeros_like(signals[1])) == 0


def test_averages_are_sums_over_regions():
    x = torch.randn(1, 17000, 1, dtype=torch.float64)
    window = np.outer(*[signal.get_window("hann", 64)] * 2)
    spectrogram = magnitude_spectrogram(x[..., 0], 1024, 256)[0].numpy()
    expected = signal.correlate2d(spectrogram, window, mode="valid")[::100, ::2]
    np.testing.assert_allclose(flamo.AveragePower(stride=(100, 2)).average_power(x, x)[1][0, 0], expected)
