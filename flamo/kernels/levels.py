"""The level in dB of a cascade of second-order sections, with its exact derivatives, many cascades at once."""

from __future__ import annotations

import math

import torch

_DB = 10.0 / math.log(10.0)


def levels(coefficients: torch.Tensor, slopes: torch.Tensor, phi: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Levels of cascades on the unit circle, and their derivatives by the parameters of every section.

    .. math:: L(\omega) = 10 \sum_k \log_{10} \frac{|B_k(\omega)|^2}{|A_k(\omega)|^2}, \quad
              |B|^2 = (b_0 + b_1 + b_2)^2 - 4 (b_0 b_1 + 4 b_0 b_2 + b_1 b_2) \varphi + 16 b_0 b_2 \varphi^2

    with :math:`\varphi = \sin^2(\omega/2)`: real arithmetic. Since the sections add up in dB, a parameter of one
    changes its own term only, and all derivatives cost as much as P levels.

    Args:
        coefficients: b0, b1, b2, a0, a1, a2 of every section, (6, K, T, S): S cascades for each of T sets of points.
        slopes: their derivatives by the P parameters of their section, (P, 6, K, T, S).
        phi: sin²(ω/2) of the points, (T, F).

    Returns:
        Levels (T, S, F) and derivatives (T, S, K·P, F).

    >>> one = torch.tensor([1.0, 0.0, 0.0, 1.0, -0.5, 0.0]).double().reshape(6, 1, 1, 1)
    >>> level, slope = levels(one, torch.ones(1, 6, 1, 1, 1).double(), torch.tensor([[0.0, 1.0]]).double())
    >>> level.round(decimals=3), slope.shape                     # 20 lg 1/(1 - 0.5), 20 lg 1/(1 + 0.5)
    (tensor([[[ 6.0210, -3.5220]]], dtype=torch.float64), torch.Size([1, 1, 1, 2]))
    """
    P, _, K, T, S = slopes.shape
    both = torch.cat((coefficients[None], slopes))  # (1 + P, 6, K, T, S)
    quadratics = torch.stack((_quadratics(both[:, :3]), _quadratics(both[:, 3:])))  # (2, 1 + P, 3, K, T, S)
    rows = quadratics.permute(4, 0, 5, 1, 3, 2).reshape(T, -1, 3)
    basis = torch.stack((torch.ones_like(phi), phi, phi * phi), 1)  # (T, 3, F)
    upper, lower = torch.bmm(rows, basis).reshape(T, 2, S, 1 + P, K, -1).unbind(1)
    level = _DB * torch.log(upper[:, :, 0] / lower[:, :, 0]).sum(2)
    slope = upper[:, :, 1:].mul_(_DB / upper[:, :, :1]).sub_(lower[:, :, 1:].mul_(_DB / lower[:, :, :1]))
    return level, slope.transpose(2, 3).reshape(T, S, K * P, phi.shape[1])


def _quadratics(c: torch.Tensor) -> torch.Tensor:
    """Polynomials in φ of |c0 + c1 z⁻¹ + c2 z⁻²|², and below them their derivatives: (1 + P, 3, …) both."""
    c0, c1, c2 = c[:1].unbind(1)
    d0, d1, d2 = c[1:].unbind(1)
    total = c0 + c1 + c2
    value = torch.stack((total * total, -4 * (c0 * c1 + 4 * c0 * c2 + c1 * c2), 16 * c0 * c2), 1)
    ends = d0 * c2 + c0 * d2
    middle = d0 * c1 + c0 * d1 + d1 * c2 + c1 * d2
    slope = torch.stack((2 * total * (d0 + d1 + d2), -4 * (middle + 4 * ends), 16 * ends), 1)
    return torch.cat((value, slope))
