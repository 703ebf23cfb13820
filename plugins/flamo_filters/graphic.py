"""What graphic equalisers are made of: bands, and sections whose coefficients follow from a command gain.

Source: K. Prawda, V. Välimäki, S. J. Schlecht, Improved reverberation time control for feedback delay networks,
DAFx 2019; V. Välimäki and J. D. Reiss, All about audio equalization, Applied Sciences 6(5), 2016.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from flamo_filters.rbj import Sections

PEAK_Q = math.sqrt(2.7) / 1.7
Bands = tuple[torch.Tensor, torch.Tensor]  # centre frequencies, corners of the shelves


def eq_freqs(
    interval: int = 1,
    start_freq: float = 31.25,
    end_freq: float = 16000.0,
    device: torch.device | str | None = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Bands:
    """Centre frequencies of the bands in Hz, and the corners of the two shelves half a band outside of them.

    Args:
        interval: bands an octave.
        start_freq: the first band is one step above it, in Hz.
        end_freq: the last band is the first at or above it, in Hz.
        device, dtype: of the result.

    Raises:
        ValueError: interval below 1, or frequencies out of order.

    >>> eq_freqs()[0][[0, -1]]
    tensor([   62.5000, 16000.0000])
    """
    if interval < 1 or not 0 < start_freq < end_freq:
        raise ValueError(
            f"need interval >= 1 and 0 < start_freq < end_freq, got {interval}, {start_freq:g}, {end_freq:g}"
        )
    steps = math.ceil(interval * math.log2(end_freq / start_freq) - 1e-9)
    center = start_freq * 2.0 ** (torch.arange(1, steps + 1, dtype=torch.float64) / interval)
    half = 2.0 ** (0.5 / interval)
    shelving = torch.stack((center[0] / half, center[-1] * half))
    return center.to(device, dtype), shelving.to(device, dtype)


def bands_below(fs: float, interval: int, start_freq: float = 31.25, end_freq: float = 16000.0) -> Bands:
    """As :func:`eq_freqs`, in float64; raises ValueError where the last band is above fs/2."""
    center, shelving = eq_freqs(interval, start_freq, end_freq, dtype=torch.float64)
    if center[-1] > fs / 2:
        raise ValueError(f"fs must be at least {2 * center[-1]:g} Hz for these bands, got {fs}")
    return center, shelving


def init_gains(param: torch.Tensor) -> None:
    """Linear gains uniform between ±6 dB, in place."""
    nn.init.uniform_(param, -6.0, 6.0)
    param.data = 10 ** (param.data / 20)


def peak(omega: torch.Tensor, gain: torch.Tensor, q: float | torch.Tensor = PEAK_Q) -> Sections:
    """Peaks of a linear gain at ω in radians per sample, each (3, …)."""
    root, t, cos = torch.sqrt(gain), torch.tan(omega / (2 * q)), torch.cos(omega)
    middle = -2 * root * cos
    return torch.stack((root + gain * t, middle, root - gain * t)), torch.stack((root + t, middle, root - t))


def low_shelf(omega: torch.Tensor, gain: torch.Tensor) -> Sections:
    """Low shelves of a linear gain with the corner ω in radians per sample, each (3, …)."""
    t, root = torch.tan(omega / 2), torch.sqrt(gain)
    slope = math.sqrt(2) * t * torch.sqrt(root)
    b = root * torch.stack((root * t**2 + slope + 1, 2 * root * t**2 - 2, root * t**2 - slope + 1))
    return b, torch.stack((root + slope + t**2, 2 * t**2 - 2 * root, root - slope + t**2))


def high_shelf(omega: torch.Tensor, gain: torch.Tensor) -> Sections:
    """High shelves of a linear gain with the corner ω in radians per sample, each (3, …)."""
    b, a = low_shelf(omega, gain)
    return gain * a, b


def shelving_filter(
    fc: torch.Tensor,
    gain: torch.Tensor,
    type: str = "low",
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    """Second-order shelves.

    Args:
        fc: corner frequency in Hz.
        gain: linear gain of the shelf; arguments broadcast.
        type: 'low' or 'high'.
        fs: sampling frequency in Hz.
        device: of the result; None follows fc.
        dtype: of the result; coefficients are formed in float64.

    Returns:
        b, a: each (3, …), not normalised.

    Raises:
        ValueError: an unknown type.

    >>> b, a = shelving_filter(torch.tensor(1000.0), torch.tensor(2.0))
    >>> round((b.sum() / a.sum()).item(), 4)
    2.0
    """
    designs = {"low": low_shelf, "high": high_shelf}
    if type not in designs:
        raise ValueError(f"type must be one of {', '.join(designs)}, got {type!r}")
    omega, gain = _wide(fc, gain, fs, device)
    b, a = designs[type](omega, gain)
    return b.to(dtype), a.to(dtype)


def peak_filter(
    fc: torch.Tensor,
    gain: torch.Tensor,
    Q: torch.Tensor,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    """Second-order peaks.

    Args:
        fc: centre frequency in Hz.
        gain: linear gain at the centre; arguments broadcast.
        Q: quality factor.
        fs, device, dtype: as :func:`shelving_filter`.

    Returns:
        b, a: each (3, …), not normalised.

    >>> b, a = peak_filter(torch.tensor(12000.0), torch.tensor(2.0), torch.tensor(1.0))
    >>> round(((b[0] - b[2]) / (a[0] - a[2])).item(), 4)                 # at z = j
    2.0
    """
    omega, gain = _wide(fc, gain, fs, device)
    b, a = peak(omega, gain, torch.as_tensor(Q, dtype=omega.dtype, device=omega.device))
    return b.to(dtype), a.to(dtype)


def _wide(
    fc: torch.Tensor, gain: torch.Tensor, fs: float, device: torch.device | str | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """ω in radians per sample and the gain, in float64 and of one shape."""
    device = fc.device if device is None and isinstance(fc, torch.Tensor) else device
    fc, gain = (torch.as_tensor(v, dtype=torch.float64, device=device) for v in (fc, gain))
    omega, gain = torch.broadcast_tensors(2 * math.pi * fc / fs, gain)
    return omega, gain


def graphic_sections(
    gain_db: torch.Tensor, center: torch.Tensor, shelving: torch.Tensor, fs: float, dim: int
) -> Sections:
    """The sections of a graphic equaliser: plain gain, low shelf, peaks, high shelf.

    Args:
        gain_db: command gains in dB, bands + 3 of them along ``dim``.
        center, shelving: as :func:`eq_freqs` gives them, in Hz.
        fs: sampling frequency in Hz.
        dim: negative.

    Returns:
        b, a: each (3, …), in the shape of gain_db.
    """
    broadband, low, peaks, high = (10 ** (gain_db / 20)).split((1, 1, len(center), 1), dim)
    per_hertz, ones = 2 * math.pi / fs, (1,) * (-1 - dim)
    upper = per_hertz * shelving[1]  # beyond fs/2 the mirrored corner has the same magnitude, and stable poles
    zero, one = torch.zeros_like(broadband), torch.ones_like(broadband)
    parts = (
        (torch.stack((broadband, zero, zero)), torch.stack((one, zero, zero))),
        low_shelf(per_hertz * shelving[0] + zero, low),
        peak(per_hertz * center.reshape(-1, *ones) + torch.zeros_like(peaks), peaks),
        high_shelf(torch.minimum(upper, 2 * math.pi - upper) + zero, high),
    )
    b, a = (torch.cat(c, dim) for c in zip(*parts, strict=True))
    return b, a
