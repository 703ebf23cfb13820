"""What keeps the bands of an equaliser from cancelling each other: residuals for pairs at one frequency."""

from __future__ import annotations

from typing import Any

import torch

WIDTH = 1 / 6  # octaves at which a pair starts to count
COST_DB = 0.3  # of a pair at one frequency, as an error in dB
FULL_DB = 1.0  # gains well above count in full


def apart(map: Any, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Residuals of all pairs of bands that are near each other with gains of opposite sign.

    .. math:: r_{ij} = c\,\big(1 - (\Delta_{ij} / w)^2\big)_+ \big(-\tanh(g_i / g_0) \tanh(g_j / g_0)\big)_+

    with the distance Δ in octaves, w = 1/6, c = 0.3 dB and g₀ = 1 dB: two bands that cancel each other need a high
    numerical accuracy, headroom, and mean nothing to whoever reads them.

    Args:
        map: of raw parameters (K, 3, M, 1) to frequency, Q and gain.
        raw: (K, 3, M).

    Returns:
        Residuals (pairs, M) and their derivatives by the raw parameters (pairs, K, 3, M).
    """
    K, _, M = raw.shape
    i, j = torch.triu_indices(K, K, 1)
    with torch.enable_grad():
        leaf = raw.detach().requires_grad_()
        values = map(leaf[..., None])[..., 0]
        (slope,) = torch.autograd.grad(values.sum(), leaf)  # elementwise
        pairs = values.detach()[torch.stack((i, j))].requires_grad_()  # (2, pairs, 3, M)
        octaves = (pairs[0, :, 0] / pairs[1, :, 0]).log2()
        near = (1 - (octaves / WIDTH).square()).clamp(min=0)
        signs = torch.tanh(pairs[:, :, 2] / FULL_DB)
        residual = COST_DB * near * (-signs[0] * signs[1]).clamp(min=0)
        (by_value,) = torch.autograd.grad(residual.sum(), pairs)
    jacobian = raw.new_zeros(len(i), K, 3, M)
    number = torch.arange(len(i))
    for side, band in enumerate((i, j)):
        jacobian[number, band] = by_value[side] * slope[band]
    return residual.detach(), jacobian
