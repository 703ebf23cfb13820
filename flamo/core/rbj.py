"""Second-order designs in scipy's order: b and a, each (3, …), not normalised.

Source: R. Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients (W3C Audio EQ Cookbook).
Angles are in radians per sample, amplitudes A = 10^(gain_db / 40); all arguments broadcast.
"""

from __future__ import annotations

import math

import torch

Sections = tuple[torch.Tensor, torch.Tensor]


def lowpass(omega: torch.Tensor, alpha: torch.Tensor) -> Sections:
    r"""Lowpass: :math:`b = \frac{1 - \cos\omega}{2}(1, 2, 1)`, :math:`a = (1 + \alpha, -2\cos\omega, 1 - \alpha)`."""
    half = torch.sin(omega / 2) ** 2  # (1 - cos ω)/2 without cancellation
    return torch.stack((half, 2 * half, half)), _poles(omega, alpha)


def highpass(omega: torch.Tensor, alpha: torch.Tensor) -> Sections:
    r"""Highpass: :math:`b = \frac{1 + \cos\omega}{2}(1, -2, 1)`, a as for the lowpass."""
    half = torch.cos(omega / 2) ** 2
    return torch.stack((half, -2 * half, half)), _poles(omega, alpha)


def bandpass(omega: torch.Tensor, alpha: torch.Tensor) -> Sections:
    r"""Bandpass with a peak gain of 0 dB: :math:`b = (\alpha, 0, -\alpha)`, a as for the lowpass."""
    alpha = alpha + torch.zeros_like(omega)
    return torch.stack((alpha, torch.zeros_like(alpha), -alpha)), _poles(omega, alpha)


def peaking(omega: torch.Tensor, alpha: torch.Tensor, amplitude: torch.Tensor) -> Sections:
    r"""Peak: :math:`b = (1 + \alpha A, -2\cos\omega, 1 - \alpha A)`, a the same with :math:`\alpha/A`."""
    return _poles(omega, alpha * amplitude), _poles(omega, alpha / amplitude)


def lowshelf(omega: torch.Tensor, slope: torch.Tensor, amplitude: torch.Tensor) -> Sections:
    r"""Low shelf; ``slope`` is the cookbook's :math:`2\sqrt{A}\,\alpha`."""
    up, down, cos = amplitude + 1, amplitude - 1, torch.cos(omega)
    b = torch.stack((up - down * cos + slope, 2 * (down - up * cos), up - down * cos - slope)) * amplitude
    return b, torch.stack((up + down * cos + slope, -2 * (down + up * cos), up + down * cos - slope))


def highshelf(omega: torch.Tensor, slope: torch.Tensor, amplitude: torch.Tensor) -> Sections:
    r"""High shelf; ``slope`` is the cookbook's :math:`2\sqrt{A}\,\alpha`."""
    up, down, cos = amplitude + 1, amplitude - 1, torch.cos(omega)
    b = torch.stack((up + down * cos + slope, -2 * (down + up * cos), up + down * cos - slope)) * amplitude
    return b, torch.stack((up - down * cos + slope, 2 * (down - up * cos), up - down * cos - slope))


def notch(omega: torch.Tensor, alpha: torch.Tensor) -> Sections:
    r"""Notch: :math:`b = (1, -2\cos\omega, 1)`, a as for the lowpass."""
    return _poles(omega, torch.zeros_like(alpha)), _poles(omega, alpha)


def allpass(omega: torch.Tensor, alpha: torch.Tensor) -> Sections:
    r"""Allpass: a as for the lowpass, b the same backwards."""
    a = _poles(omega, alpha)
    return a.flip(0), a


def section(omega: torch.Tensor, alpha: torch.Tensor, amplitude: torch.Tensor, type: str) -> Sections:
    """The design of a name: a function of this module. Only peaks and shelves have an amplitude."""
    match type:
        case "peaking":
            return peaking(omega, alpha, amplitude)
        case "lowshelf" | "highshelf":
            return (lowshelf if type == "lowshelf" else highshelf)(omega, 2 * torch.sqrt(amplitude) * alpha, amplitude)
    return _PLAIN[type](omega, alpha)


def bandwidth_alpha(omega: torch.Tensor, octaves: torch.Tensor) -> torch.Tensor:
    r""":math:`\alpha = \sin\omega\,\sinh(\tfrac{\ln 2}{2}\,BW\,\omega / \sin\omega)` of a bandwidth in octaves."""
    sin = torch.sin(omega)
    return sin * torch.sinh(math.log(2) / 2 * octaves * omega / sin)


def _poles(omega: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    return torch.stack(torch.broadcast_tensors(1 + alpha, -2 * torch.cos(omega), 1 - alpha))


_PLAIN = {"lowpass": lowpass, "highpass": highpass, "bandpass": bandpass, "notch": notch, "allpass": allpass}
