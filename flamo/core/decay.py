"""How the energy of an impulse response decays, broadband and in octave bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch

from flamo.core.checks import positive, whole

ORDER = 6  # of the Butterworth prototype: enough for class 1 at any fraction, with little ringing


def energy_decay_curve(h: torch.Tensor, dim: int = 1) -> torch.Tensor:
    r"""The energy that is still to come (Schroeder's backward integration).

    .. math:: E[n] = \sum_{m \ge n} h^2[m]

    Args:
        h: impulse responses, (B, T, N) or any other shape.
        dim: the dimension of time.

    Returns:
        The shape of h, linear energy.

    Source: M. R. Schroeder, New method of measuring reverberation time, J. Acoust. Soc. Am. 37, 1965.

    >>> energy_decay_curve(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[14., 13.,  9.]])
    """
    return h.square().flip(dim).cumsum(dim).flip(dim)


def energy_decay_db(h: torch.Tensor, dim: int = 1) -> torch.Tensor:
    r"""The energy decay curve in dB, 0 dB at its start.

    .. math:: L[n] = 10 \log_{10} \frac{E[n]}{E[0]}

    Args, shapes: as :func:`energy_decay_curve`. Silence gives 0 dB, see :func:`energy_db`.

    >>> energy_decay_db(torch.tensor([[3.0, 1.0]]))
    tensor([[  0., -10.]])
    """
    level = energy_db(energy_decay_curve(h, dim))
    return level - level.narrow(dim, 0, 1)


def energy_db(energy: torch.Tensor) -> torch.Tensor:
    r"""Energies in dB, :math:`10 \log_{10} E`.

    Those below the smallest normal number of the dtype count as that number, with a gradient of zero, so that silence
    has a finite level and finite gradients.

    >>> energy_db(torch.tensor([10.0, 0.0]))
    tensor([  10.0000, -379.2978])
    """
    return 10.0 * torch.log10(energy.clamp(min=torch.finfo(energy.dtype).tiny))


def octave_centers(fraction: int = 1) -> tuple[float, ...]:
    r"""Exact centre frequencies in Hz of the bands from 63 Hz to 16 kHz, 1/fraction octave wide.

    .. math:: f_x = 1000\, G^{x/b} \text{ for odd } b, \quad 1000\, G^{(2x+1)/(2b)} \text{ for even } b,
              \quad G = 10^{3/10}

    Raises:
        TypeError, ValueError: fraction is no whole number of at least 1.

    Source: IEC 61260-1:2014, 5.4.

    >>> [round(f) for f in octave_centers()]
    [63, 126, 251, 501, 1000, 1995, 3981, 7943, 15849]
    """
    b = whole("fraction", fraction)
    odd = b % 2
    return tuple(1000.0 * 10 ** (0.3 * (x + (1 - odd) / 2) / b) for x in range(-4 * b, 4 * b + odd))


def octave_filters(
    nfft: int,
    fs: float,
    fraction: int = 1,
    centers: Sequence[float] | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float64,
) -> tuple[torch.Tensor, tuple[float, ...]]:
    r"""Magnitude responses of fractional octave bands, for filters of zero phase.

    .. math:: |H(\omega)| = \Big(1 + \Big(\frac{t^2 - t_1 t_2}{t\,(t_2 - t_1)}\Big)^{2M}\Big)^{-1/2},
              \quad t = \tan(\omega/2)

    Butterworth bandpasses of order M = 6 after the bilinear transform, 3 dB down at the edges
    :math:`f_x G^{\pm 1/(2b)}`: class 1 of IEC 61260-1. Computed once for the same arguments.

    Args:
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        fraction: bands in an octave, b.
        centers: centre frequencies in Hz; None is :func:`octave_centers`, as far as the bands end below fs/2.
        device: None is the CPU.
        dtype: of the responses.

    Returns:
        Responses (F, bands) with F = nfft // 2 + 1, and the centre frequencies.

    Raises:
        TypeError, ValueError: an argument out of its range, a band that does not end below fs/2, no band.

    Source: IEC 61260-1:2014; the responses are those of ``pyfar.dsp.filter.fractional_octave_bands(order=6)``.

    >>> responses, centers = octave_filters(48000, 48000)
    >>> responses.shape, centers[4]
    (torch.Size([24001, 9]), 1000.0)
    >>> responses[[500, 1000, 2000], 4]
    tensor([0.0108, 1.0000, 0.0105], dtype=torch.float64)
    """
    whole("nfft", nfft), positive("fs", fs)
    half = 10 ** (0.15 / whole("fraction", fraction))
    if centers is None:
        chosen = tuple(f for f in octave_centers(fraction) if f * half < fs / 2)
    else:
        chosen = tuple(float(positive("centers", f)) for f in centers)
        if beyond := [f for f in chosen if f * half >= fs / 2]:
            raise ValueError(f"centers: the band around {beyond[0]:g} Hz does not end below fs/2 = {fs / 2:g} Hz")
    if not chosen:
        raise ValueError(f"there is no band of 1/{fraction} octave below fs/2 = {fs / 2:g} Hz")
    return _responses(nfft, float(fs), half, chosen, torch.device(device or "cpu"), dtype), chosen


def octave_bands_of(
    h: torch.Tensor, fs: float, fraction: int = 1, centers: Sequence[float] | None = None, dim: int = 1
) -> torch.Tensor:
    """A signal in fractional octave bands, filtered without phase.

    Args:
        h: signals, (B, T, N) or any other shape.
        fs: sampling frequency in Hz.
        fraction: bands in an octave.
        centers: as :func:`octave_filters`.
        dim: the dimension of time.

    Returns:
        The shape of h with the bands as a last dimension, (B, T, N, bands).

    Raises:
        TypeError, ValueError: as :func:`octave_filters`.

    >>> octave_bands_of(torch.randn(2, 4800, 1), fs=48000).shape
    torch.Size([2, 4800, 1, 9])
    """
    whole("fraction", fraction)
    n, dim = h.shape[dim], dim % h.ndim
    lowest = min(octave_centers(fraction) if centers is None else centers, default=1000.0)
    narrowest = positive("centers", lowest) * (10 ** (0.15 / fraction) - 10 ** (-0.15 / fraction))
    nfft = _fast_length(n + math.ceil(10 * fs / narrowest))  # what rings over the end is 60 dB down, and cut off
    responses, _ = octave_filters(nfft, fs, fraction, centers, h.device, h.dtype)
    spectrum = torch.fft.rfft(h.movedim(dim, -1), n=nfft)
    bands = torch.fft.irfft(spectrum[..., None, :] * responses.mT, n=nfft)[..., :n]
    return bands.movedim(-1, dim)


def _fast_length(n: int) -> int:
    """The least length of at least n that is a power of two, or three quarters or five eighths of one."""
    power = 1 << max(n - 1, 7).bit_length()
    return next(length for length in (power // 8 * 5, power // 4 * 3, power) if length >= n)


# Outside of inference mode and of a default device: what is remembered must serve everyone.


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _responses(
    nfft: int, fs: float, half: float, centers: tuple[float, ...], device: torch.device, dtype: torch.dtype
) -> torch.Tensor:
    k = torch.arange(nfft // 2 + 1, dtype=torch.float64, device="cpu")[:, None]
    f = torch.tensor(centers, dtype=torch.float64, device="cpu")
    t, t1, t2 = (torch.tan(math.pi * x) for x in (k / nfft, f / half / fs, f * half / fs))
    offset = (t * t - t1 * t2) / (t * (t2 - t1))  # infinite at 0, where the response is 0
    return (1.0 + offset ** (2 * ORDER)).rsqrt().to(device, dtype)
