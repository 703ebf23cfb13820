"""Magnitudes over time and frequency. What they need is computed once for each length, device and dtype."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from flamo.core.checks import number
from flamo_losses.scales import hz_to_mel, mel_to_hz

LOWEST = 20.0
"""Frequency in Hz where linear spectrograms, and bands of decay, begin."""


def linear_spectrogram(x: torch.Tensor, nfft: int, hop: int, fs: float) -> torch.Tensor:
    r"""Magnitudes at frequencies that are evenly spaced from 20 Hz.

    .. math:: f_k = 20 + k\,\frac{f_s/2 - 20}{F}, \quad k = 0 \ldots F - 1, \quad F = \lfloor\mathrm{nfft}/2\rfloor + 1

    These are not the points of an FFT, so the chirp z-transform is used. Hann window, frames centred at multiples of
    ``hop``, the signal continued by reflection.

    Args:
        x: signals (…, T), T > nfft / 2.
        nfft: length of the window.
        hop: samples between frames.
        fs: sampling frequency in Hz.

    Returns:
        (…, F, frames).

    Raises:
        ValueError: the signal is too short.

    Source: L. R. Rabiner, R. W. Schafer and C. M. Rader, The chirp z-transform algorithm, IEEE Trans. Audio
    Electroacoust. 17, 1969.

    >>> linear_spectrogram(torch.ones(2, 100), 16, 4, 48000.0).shape
    torch.Size([2, 9, 26])
    """
    window, chirp = _chirps(nfft, float(fs), x.device, x.dtype)
    frames = _reflected(x, nfft).unfold(-1, nfft, hop)
    spectrum = torch.fft.fft(frames * window, n=len(chirp)) * chirp
    return torch.fft.ifft(spectrum)[..., : nfft // 2 + 1].abs().mT


def magnitude_spectrogram(x: torch.Tensor, nfft: int, hop: int, length: int | None = None) -> torch.Tensor:
    """Magnitudes at the points of the FFT, (…, nfft // 2 + 1, frames); frames as :func:`linear_spectrogram`.

    Args:
        x, nfft, hop: as there.
        length: of the Hann window, in the middle of nfft samples; None is nfft.

    >>> magnitude_spectrogram(torch.ones(2, 100), 16, 4).shape
    torch.Size([2, 9, 26])
    """
    length = nfft if length is None else length
    padded = _reflected(x, nfft)
    spectrum = torch.stft(
        padded.flatten(0, -2),
        nfft,
        hop,
        length,
        window=hann(length, x.device, x.dtype),
        center=False,
        return_complex=True,
    )
    return spectrum.abs().reshape(*x.shape[:-1], *spectrum.shape[1:])


def mel_spectrogram(
    x: torch.Tensor, nfft: int, hop: int, fs: float, bands: int, low: float = 0.0, length: int | None = None
) -> torch.Tensor:
    """Power in mel bands from ``low`` Hz to fs/2, (…, bands, frames); see :func:`magnitude_spectrogram`.

    >>> mel_spectrogram(torch.ones(2, 100), 16, 4, 48000.0, bands=2).shape
    torch.Size([2, 2, 26])
    """
    bank = mel_bank(bands, nfft, float(fs), low, x.device, x.dtype)
    return bank @ magnitude_spectrogram(x, nfft, hop, length).square()


def _reflected(x: torch.Tensor, nfft: int) -> torch.Tensor:
    half = nfft // 2
    if x.shape[-1] <= half:
        raise ValueError(f"a signal of {x.shape[-1]} samples is too short for nfft={nfft}: it needs {half + 1}")
    padded = torch.nn.functional.pad(x.reshape(-1, x.shape[-1]), (half, half), mode="reflect")
    return padded.reshape(*x.shape[:-1], -1)


def checked_overlap(overlap: float) -> float:
    """The overlap itself.

    Raises:
        TypeError, ValueError: it is not from 0 to below 1.
    """
    if not 0 <= number("overlap", overlap) < 1:
        raise ValueError(f"overlap must be at least 0 and below 1, got {overlap}")
    return overlap


def checked_rate(sample_rate: int) -> int:
    """The sampling frequency itself.

    Raises:
        TypeError, ValueError: it is not above twice the lowest frequency that is looked at.
    """
    if number("sample_rate", sample_rate) <= 2 * LOWEST:
        raise ValueError(f"sample_rate must be above {2 * LOWEST:g} Hz, got {sample_rate}")
    return sample_rate


# Outside of inference mode and of a default device: what is remembered must serve everyone.


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def hann(length: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """A periodic Hann window."""
    return torch.hann_window(length, dtype=torch.float64, device="cpu").to(device, dtype)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def mel_bank(bands: int, nfft: int, fs: float, low: float, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Triangles of unit area at equal steps of Slaney's mel scale from low to fs/2, (bands, nfft // 2 + 1)."""
    f = torch.arange(nfft // 2 + 1, dtype=torch.float64, device="cpu") * (fs / nfft)
    bottom, top = hz_to_mel(torch.tensor([low, fs / 2], dtype=torch.float64, device="cpu"))
    corners = mel_to_hz(torch.linspace(bottom, top, bands + 2, dtype=torch.float64, device="cpu"))[:, None]
    rising = (f - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - f) / (corners[2:] - corners[1:-1])
    triangles = torch.minimum(rising, falling).clamp(min=0.0) * 2.0 / (corners[2:] - corners[:-2])
    return triangles.to(device, dtype)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _chirps(nfft: int, fs: float, device: torch.device, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """The window with its chirp, and the spectrum of the chirp that it is convolved with."""
    from scipy.fft import next_fast_len  # here, since scipy takes long to import

    bins = nfft // 2 + 1
    start, step = 2 * math.pi * LOWEST / fs, 2 * math.pi * (fs / 2 - LOWEST) / fs / bins
    n = torch.arange(nfft, dtype=torch.float64, device="cpu")
    k = torch.arange(1 - nfft, bins, dtype=torch.float64, device="cpu")
    window = hann(nfft, torch.device("cpu"), torch.float64)
    down, up = torch.polar(window, -(start * n + step / 2 * n * n)), torch.polar(torch.ones_like(k), step / 2 * k * k)
    length = next_fast_len(nfft + bins - 1)
    chirp = torch.fft.fft(torch.nn.functional.pad(up, (0, length - len(up))).roll(1 - nfft))
    return down.to(device, dtype.to_complex()), chirp.to(device, dtype.to_complex())
