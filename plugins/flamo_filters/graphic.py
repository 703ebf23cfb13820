"""What graphic equalisers are made of: sections whose coefficients follow from a command gain.

Source: K. Prawda, V. Välimäki, S. J. Schlecht, Improved reverberation time control for feedback delay networks,
DAFx 2019; V. Välimäki and J. D. Reiss, All about audio equalization, Applied Sciences 6(5), 2016.
"""

from __future__ import annotations

import math

import torch

from flamo.core.checks import choice
from flamo_filters.arguments import Value, tensors
from flamo_filters.rbj import Sections

PEAK_Q = math.sqrt(2.7) / 1.7


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
    fc: Value,
    gain: Value,
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
        b, a: each (3, …), or (3,) for arguments of one element; not normalised.

    Raises:
        ValueError: an unknown type.

    >>> b, a = shelving_filter(torch.tensor(1000.0), torch.tensor(2.0))
    >>> round((b.sum() / a.sum()).item(), 4)
    2.0
    """
    designs = {"low": low_shelf, "high": high_shelf}
    fc, gain = tensors((fc, gain), device)
    return _classic(designs[choice("type", type, designs)](2 * math.pi * fc / fs, gain), dtype)


def peak_filter(
    fc: Value,
    gain: Value,
    Q: Value,
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
        b, a: each (3, …), or (3,) for arguments of one element; not normalised.

    >>> b, a = peak_filter(torch.tensor(12000.0), torch.tensor(2.0), torch.tensor(1.0))
    >>> round(((b[0] - b[2]) / (a[0] - a[2])).item(), 4)                 # at z = j
    2.0
    """
    fc, gain, Q = tensors((fc, gain, Q), device)
    return _classic(peak(2 * math.pi * fc / fs, gain, Q), dtype)


def _classic(sections: Sections, dtype: torch.dtype) -> Sections:
    """Sections of arguments of one element as (3,), as in earlier versions."""
    b, a = (c.to(dtype).flatten() if c.numel() == 3 else c.to(dtype) for c in sections)
    return b, a


def geq(
    center_freq: torch.Tensor,
    shelving_freq: torch.Tensor,
    R: Value,
    gain_db: torch.Tensor,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    r"""The sections of a graphic equaliser: plain gain, low shelf, peaks, high shelf.

    Args:
        center_freq: centre frequencies of the peaks in Hz, (bands,).
        shelving_freq: corners of the two shelves in Hz, (2,).
        R: ratio of the bandwidth edges of the peaks, whose Q is :math:`\sqrt R / (R - 1)`.
        gain_db: command gains in dB, (bands + 3, …).
        fs: sampling frequency in Hz.
        device: of the result; None follows gain_db.
        dtype: of the result; coefficients are formed in float64.

    Returns:
        b, a: each (3, bands + 3, …), not normalised.

    Raises:
        ValueError: another number of gains.

    >>> b, a = geq(torch.tensor([1000.0]), torch.tensor([700.0, 1400.0]), 2.7, torch.tensor([6.0, 0.0, 0.0, 0.0]))
    >>> round(20 * (b.sum(0) / a.sum(0)).prod().log10().item(), 4)        # at 0 Hz
    6.0
    """
    device = gain_db.device if device is None else device
    center, shelving, gain_db, R = (
        torch.as_tensor(v, dtype=torch.float64, device=device) for v in (center_freq, shelving_freq, gain_db, R)
    )
    if len(gain_db) != len(center) + 3:
        raise ValueError(f"gain_db must have {len(center) + 3} gains (bands + 3), got {len(gain_db)}")
    b, a = graphic_sections(gain_db, center, shelving, fs, -gain_db.ndim, torch.sqrt(R) / (R - 1))
    return b.to(dtype), a.to(dtype)


def graphic_sections(
    gain_db: torch.Tensor,
    center: torch.Tensor,
    shelving: torch.Tensor,
    fs: float,
    dim: int,
    q: float | torch.Tensor = PEAK_Q,
) -> Sections:
    """The sections of a graphic equaliser: plain gain, low shelf, peaks, high shelf.

    Args:
        gain_db: command gains in dB, bands + 3 of them along ``dim``.
        center, shelving: as :func:`~flamo_filters.bands.eq_freqs` gives them, in Hz.
        fs: sampling frequency in Hz.
        dim: negative.
        q: of the peaks.

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
        peak(per_hertz * center.reshape(-1, *ones) + torch.zeros_like(peaks), peaks, q),
        high_shelf(torch.minimum(upper, 2 * math.pi - upper) + zero, high),
    )
    b, a = (torch.cat(c, dim) for c in zip(*parts, strict=True))
    return b, a
