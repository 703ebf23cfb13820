"""Scales of frequency: linear, logarithmic, mel and ERB rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch


def hz_to_mel(f: torch.Tensor) -> torch.Tensor:
    r"""Slaney's mel scale: :math:`3f/200` up to 1 kHz, :math:`15 + 27 \log_{6.4}(f/1000)` above.

    Source: M. Slaney, Auditory Toolbox, Interval Research Corporation, TR 1998-010.

    >>> hz_to_mel(torch.tensor([0.0, 1000.0, 6400.0]))
    tensor([ 0., 15., 42.])
    """
    return torch.where(f < 1000.0, f * 0.015, 15.0 + (f.clamp(min=1000.0) / 1000.0).log() * (27.0 / math.log(6.4)))


def mel_to_hz(mel: torch.Tensor) -> torch.Tensor:
    """Inverse of :func:`hz_to_mel`.

    >>> mel_to_hz(torch.tensor([15.0, 42.0]))
    tensor([1000., 6400.])
    """
    return torch.where(mel < 15.0, mel / 0.015, 1000.0 * torch.exp((mel - 15.0) * (math.log(6.4) / 27.0)))


def hz_to_erb(f: torch.Tensor) -> torch.Tensor:
    r"""Number of equivalent rectangular bandwidths below f: :math:`21.4 \log_{10}(1 + 0.00437 f)`.

    Source: B. R. Glasberg and B. C. J. Moore, Derivation of auditory filter shapes from notched-noise data, Hearing
    Research 47, 1990.

    >>> hz_to_erb(torch.tensor(1000.0))
    tensor(15.6215)
    """
    return 21.4 * torch.log10(1.0 + 0.00437 * f)


SCALES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "linear": lambda f: f,
    "log": torch.log2,
    "mel": hz_to_mel,
    "erb": hz_to_erb,
}
"""What maps a frequency in Hz to its place on the scale."""
