"""Sections of a state-variable filter."""

from __future__ import annotations

import math

import torch

from flamo.core.checks import choice
from flamo.core.rbj import Sections

TYPES = ("lowpass", "highpass", "bandpass", "lowshelf", "highshelf", "peaking", "notch")


def state_variable(
    f: torch.Tensor, R: torch.Tensor, mLP: torch.Tensor, mBP: torch.Tensor, mHP: torch.Tensor
) -> Sections:
    r"""The sections of a state-variable filter, by the bilinear transform.

    .. math::
        b = (f^2 m_{LP} + f m_{BP} + m_{HP},\; 2 f^2 m_{LP} - 2 m_{HP},\; f^2 m_{LP} - f m_{BP} + m_{HP}), \quad
        a = (f^2 + 2Rf + 1,\; 2f^2 - 2,\; f^2 - 2Rf + 1)

    Args:
        f: :math:`\tan(\omega/2)`.
        R: damping, 1/(2Q).
        mLP, mBP, mHP: how much of the lowpass, bandpass and highpass output makes the result.

    Returns:
        b, a: each (3, …); all arguments broadcast.

    Source: V. Välimäki and J. D. Reiss, All about audio equalization, Applied Sciences 6(5), 2016; arXiv 2409.08723.
    """
    low, band, high = f * f * mLP, f * mBP, mHP
    b = torch.broadcast_tensors(low + band + high, 2 * (low - high), low - band + high)
    a = torch.broadcast_tensors(f * f + 2 * R * f + 1, 2 * f * f - 2, f * f - 2 * R * f + 1)
    return torch.stack(b), torch.stack(a)


def mixing_values(filter_type: str, R: torch.Tensor, gain: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """mLP, mBP and mHP of a type; ``gain`` is that of a shelf's end, and the square of that of a notch."""
    one, zero = torch.ones_like(R), torch.zeros_like(R)
    simple = {"lowpass": (one, zero, zero), "highpass": (zero, zero, one), "bandpass": (zero, one, zero)}
    if filter_type in simple:
        return simple[filter_type]
    low, high = {"lowshelf": (one, gain), "highshelf": (gain, one)}.get(filter_type, (one, one))
    return low, 2 * R * torch.sqrt(gain), high


def svf(
    fc: torch.Tensor,
    R: torch.Tensor,
    m: torch.Tensor | None = None,
    G: torch.Tensor | None = None,
    filter_type: str | None = None,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    """State-variable sections from frequencies in Hz.

    Args:
        fc: frequency in Hz.
        R: damping, 1/(2Q).
        m: mixing values mLP, mBP and mHP, (3, …), where no filter_type fixes them; None is 1, 1, 1.
        G: linear gain of a shelf's end (the upper one of a lowshelf), the square of that of a peak or notch; None is 1.
        filter_type: None, 'lowpass', 'highpass', 'bandpass', 'lowshelf', 'highshelf', 'peaking' or 'notch'.
        fs: sampling frequency in Hz.
        device: of the result; None follows fc.
        dtype: of the result; coefficients are formed in float64.

    Returns:
        b, a: each (3, …), not normalised; fc, R and G broadcast.

    Raises:
        ValueError: an unknown filter_type.

    >>> b, a = svf(torch.tensor(1000.0), torch.tensor(0.7), filter_type="lowpass")
    >>> round((b.sum() / a.sum()).item(), 4)
    1.0
    """
    choice("filter_type", filter_type, (None, *TYPES))
    device = fc.device if device is None and isinstance(fc, torch.Tensor) else device
    mix = (1.0, 1.0, 1.0) if m is None else m
    fc, R, gain, mix = (
        torch.as_tensor(v, dtype=torch.float64, device=device) for v in (fc, R, 1.0 if G is None else G, mix)
    )
    fc, R, gain = torch.broadcast_tensors(fc, R, gain)
    values = mix.unbind() if filter_type is None else mixing_values(filter_type, R, gain)
    b, a = state_variable(torch.tan(math.pi * fc / fs), R, *values)
    return b.to(dtype), a.to(dtype)
