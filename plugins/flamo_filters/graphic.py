"""What graphic equalisers are made of: sections whose coefficients follow from a command gain.

Source: K. Prawda, V. Välimäki, S. J. Schlecht, Improved reverberation time control for feedback delay networks,
DAFx 2019; V. Välimäki and J. D. Reiss, All about audio equalization, Applied Sciences 6(5), 2016.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from flamo.core.checks import choice
from flamo.core.memory import remembered
from flamo.core.rbj import Sections
from flamo_filters.arguments import Value, tensors

PEAK_Q = math.sqrt(2.7) / 1.7
SILENCE_DB = -1e5  # no number holds such a gain, but powers of it are numbers, other than those of minus infinity


Powers = dict[int, Any]  # Σ_p c_p g^(p/4) as {p: c_p}
Design = tuple[tuple[Powers, ...], tuple[Powers, ...]]  # b and a of a section, in powers of its gain


def _peak(omega: Any, q: Any, of: Any) -> Design:
    t, cos = of.tan(omega / (2 * q)), of.cos(omega)
    return ({2: 1, 4: t}, {2: -2 * cos}, {2: 1, 4: -t}), ({2: 1, 0: t}, {2: -2 * cos}, {2: 1, 0: -t})


def _low_shelf(omega: Any, of: Any) -> Design:
    t = of.tan(omega / 2)
    slope, square = math.sqrt(2) * t, t * t
    b = {4: square, 3: slope, 2: 1}, {4: 2 * square, 2: -2}, {4: square, 3: -slope, 2: 1}
    return b, ({2: 1, 1: slope, 0: square}, {2: -2, 0: 2 * square}, {2: 1, 1: -slope, 0: square})


def _high_shelf(omega: Any, of: Any) -> Design:
    b, a = _low_shelf(omega, of)
    return tuple({p + 4: c for p, c in row.items()} for row in a), b


def _at(design: Design, gain: torch.Tensor) -> Sections:
    """The coefficients of a linear gain, each (3, …)."""
    root = torch.sqrt(torch.sqrt(gain))
    rows = [[sum(c * root**p for p, c in row.items()) for row in rows] for rows in design]
    b, a = (torch.stack(torch.broadcast_tensors(*r)) for r in rows)
    return b, a


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
    designs = {"low": _low_shelf, "high": _high_shelf}
    fc, gain = tensors((fc, gain), device)
    return _classic(_at(designs[choice("type", type, designs)](2 * math.pi * fc / fs, torch), gain), dtype)


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
    return _classic(_at(_peak(2 * math.pi * fc / fs, Q, torch), gain), dtype)


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
    gain_db = torch.as_tensor(gain_db, dtype=torch.float64, device=device)
    if len(gain_db) != len(center_freq) + 3:
        raise ValueError(f"gain_db must have {len(center_freq) + 3} gains (bands + 3), got {len(gain_db)}")
    q = math.sqrt(R) / (float(R) - 1)
    center, shelving = torch.as_tensor(center_freq), torch.as_tensor(shelving_freq)
    b, a = graphic_sections(gain_db, center, shelving, fs, -gain_db.ndim, q)
    return b.to(dtype), a.to(dtype)


def graphic_sections(
    gain_db: torch.Tensor,
    center: torch.Tensor,
    shelving: torch.Tensor,
    fs: float,
    dim: int,
    q: float = PEAK_Q,
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
    where = gain_db.dtype, gain_db.device
    weights, nepers = _weights(tuple(center.tolist()), tuple(shelving.tolist()), float(fs), q, *where)
    gains = gain_db.clamp(min=SILENCE_DB).movedim(dim, 0)
    coefficients = weights @ torch.exp(gains.reshape(len(gains), 1, -1) * nepers)  # (bands + 3, 6, …)
    rows = coefficients.transpose(0, 1).reshape(6, *gains.shape).movedim(1, dim)
    return rows[:3], rows[3:]


@remembered(maxsize=64)
def _weights(
    center: tuple[float, ...],
    shelving: tuple[float, ...],
    fs: float,
    q: float,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the powers of each gain count in each coefficient, (bands + 3, 6, powers); these powers of 1 dB in nepers,
    (powers, 1)."""
    low, high = (2 * math.pi * f / fs for f in shelving)
    high = min(high, 2 * math.pi - high)  # beyond fs/2 the mirrored corner has the same magnitude, and stable poles
    broadband = ({4: 1}, {}, {}), ({0: 1}, {}, {})
    peaks = [_peak(2 * math.pi * f / fs, q, math) for f in center]
    weights = torch.zeros(len(center) + 3, 6, 7, dtype=torch.float64, device="cpu")
    for band, (b, a) in enumerate((broadband, _low_shelf(low, math), *peaks, _high_shelf(high, math))):
        for row, powers in enumerate((*b, *a)):
            for power, c in powers.items():
                weights[band, row, power] = c
    return weights.to(device, dtype), math.log(10) / 80 * torch.arange(7, dtype=dtype, device=device)[:, None]
