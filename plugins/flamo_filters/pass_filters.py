"""Lowpass, highpass and bandpass sections from frequencies in Hz and gains in dB."""

from __future__ import annotations

import math

import torch

from flamo.core import rbj
from flamo.core.constraints import Decibels
from flamo.core.rbj import Sections
from flamo_filters.arguments import Value, tensors


def lowpass_filter(
    fc: Value = 500.0,
    gain: Value = 0.0,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    r"""RBJ lowpass sections of Butterworth damping (:math:`\alpha = \sin\omega/\sqrt{2}`).

    Args:
        fc: cutoff frequency in Hz.
        gain: broadband gain in dB.
        fs: sampling frequency in Hz.
        device: of the result; None follows fc.
        dtype: of the result; coefficients are formed in float64.

    Returns:
        b, a: each (3, …), not normalised.

    >>> b, a = lowpass_filter(1000.0)
    >>> round((b.sum() / a.sum()).item(), 4)
    1.0
    """
    fc, gain = tensors((fc, gain), device)
    omega = fc * (2 * math.pi / fs)
    return _amplified(rbj.lowpass(omega, torch.sin(omega) / math.sqrt(2)), gain, dtype)


def highpass_filter(
    fc: Value = 10000.0,
    gain: Value = 0.0,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    r"""RBJ highpass sections of Butterworth damping; arguments and result as :func:`lowpass_filter`.

    >>> b, a = highpass_filter(1000.0)
    >>> b.sum().item()
    0.0
    """
    fc, gain = tensors((fc, gain), device)
    omega = fc * (2 * math.pi / fs)
    return _amplified(rbj.highpass(omega, torch.sin(omega) / math.sqrt(2)), gain, dtype)


def bandpass_filter(
    fc1: Value,
    fc2: Value,
    gain: Value = 0.0,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    r"""RBJ bandpass sections between two frequencies.

    The centre is their mean, the bandwidth their ratio in octaves.

    Args:
        fc1, fc2: lower and upper cutoff frequency in Hz.
        gain, fs, device, dtype: as :func:`lowpass_filter`.

    Returns:
        b, a: each (3, …), not normalised.

    >>> b, a = bandpass_filter(500.0, 2000.0)
    >>> b[1].item()
    0.0
    """
    fc1, fc2, gain = tensors((fc1, fc2, gain), device)
    omega = math.pi * (fc1 + fc2) / fs
    return _amplified(rbj.bandpass(omega, rbj.bandwidth_alpha(omega, torch.log2(fc2 / fc1))), gain, dtype)


def _amplified(sections: Sections, gain_db: torch.Tensor, dtype: torch.dtype) -> Sections:
    b, a = sections
    return (b * Decibels().inverse(gain_db)).to(dtype), a.to(dtype)
