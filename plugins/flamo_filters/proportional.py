"""Proportional shelves and peaks: their response in dB at any frequency is nearly proportional to their gain in dB.

Source: J.-M. Jot, Proportional parametric equalizers: application to digital reverberation and environmental audio
processing, AES 139th Convention, 2015.
"""

from __future__ import annotations

import math

import torch

from flamo.core.checks import choice
from flamo.core.rbj import Sections
from flamo_filters.arguments import Value, tensors


def prop_shelving_filter(
    fc: Value,
    gain: Value,
    type: str = "low",
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    r"""First-order proportional shelves.

    .. math:: b = (t\sqrt k + 1,\; t\sqrt k - 1), \quad a = (t/\sqrt k + 1,\; t/\sqrt k - 1), \quad
        t = \tan(\pi f_c/f_s), \quad k = 10^{g/20}

    for a low shelf; a high shelf is the low shelf of gain 1/k, times k.

    Args:
        fc: frequency of half the gain in dB, in Hz.
        gain: gain of the shelf in dB.
        type: 'low' or 'high'.
        fs: sampling frequency in Hz.
        device: of the result; None follows fc.
        dtype: of the result; coefficients are formed in float64.

    Returns:
        b, a: each (2, …), not normalised; fc and gain broadcast.

    Raises:
        ValueError: an unknown type.

    >>> b, a = prop_shelving_filter(1000.0, 6.0)
    >>> round(20 * (b.sum() / a.sum()).log10().item(), 4)                 # at 0 Hz
    6.0
    """
    choice("type", type, ("low", "high"))
    fc, gain = tensors((fc, gain), device)
    t, k = torch.tan(math.pi * fc / fs), 10 ** (gain / 20)
    root = torch.sqrt(k if type == "low" else 1 / k)
    b, a = torch.stack((t * root + 1, t * root - 1)), torch.stack((t / root + 1, t / root - 1))
    return (b if type == "low" else k * b).to(dtype), a.to(dtype)


def prop_peak_filter(
    fc: Value,
    bw: Value,
    gain: Value,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    r"""Second-order proportional peaks.

    .. math:: b = (1 + t\sqrt k,\; -2c,\; 1 - t\sqrt k), \quad a = (1 + t/\sqrt k,\; -2c,\; 1 - t/\sqrt k), \quad
        t = \tan(\pi\,bw/f_s), \quad c = \cos(2\pi f_c/f_s), \quad k = 10^{g/20}

    Args:
        fc: centre frequency in Hz.
        bw: bandwidth in Hz.
        gain: gain at the centre in dB.
        fs, device, dtype: as :func:`prop_shelving_filter`.

    Returns:
        b, a: each (3, …), not normalised; all arguments broadcast.

    >>> b, a = prop_peak_filter(12000.0, 1000.0, 6.0)
    >>> round(20 * ((b[0] - b[2]) / (a[0] - a[2])).log10().item(), 4)     # at z = j
    6.0
    """
    fc, bw, gain = tensors((fc, bw, gain), device)
    t, root = torch.tan(math.pi * bw / fs), torch.sqrt(10 ** (gain / 20))
    middle = -2 * torch.cos(2 * math.pi * fc / fs)
    b = torch.stack((1 + t * root, middle, 1 - t * root))
    return b.to(dtype), torch.stack((1 + t / root, middle, 1 - t / root)).to(dtype)
