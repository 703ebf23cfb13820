"""What keeps the bands of an equaliser from cancelling each other: residuals for pairs at one frequency."""

from __future__ import annotations

import math

import torch

WIDTH = 1 / 6  # octaves at which a pair starts to count
COST_DB = 0.3  # of a pair at one frequency, as an error in dB
FULL_DB = 1.0  # gains well above count in full


def apart(frequency: torch.Tensor, gain_db: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    r"""Residuals of all pairs of bands that are near each other with gains of opposite sign.

    .. math:: r_{ij} = c\,\big(1 - (\Delta_{ij} / w)^2\big)_+ \big(-\tanh(g_i / g_0) \tanh(g_j / g_0)\big)_+

    with the distance Δ in octaves, w = 1/6, c = 0.3 dB and g₀ = 1 dB: two bands that cancel each other need a high
    numerical accuracy, headroom, and mean nothing to whoever reads them.

    Args:
        frequency, gain_db: of the bands, (K, M).

    Returns:
        Residuals (pairs, M), and their derivatives by frequencies and by gains (pairs, K, M).

    >>> r, by_f, by_g = apart(torch.tensor([[1000.0], [1000.0]]), torch.tensor([[9.0], [-9.0]]))
    >>> round(r.item(), 3), by_f.shape
    (0.3, torch.Size([1, 2, 1]))
    """
    K, M = frequency.shape
    i, j = torch.triu_indices(K, K, 1)
    octaves = torch.log2(frequency[i] / frequency[j])
    near = (1 - (octaves / WIDTH).square()).clamp(min=0)
    sign = torch.tanh(gain_db / FULL_DB)
    against = (-sign[i] * sign[j]).clamp(min=0)
    active = (near > 0) & (against > 0)
    by_octave = COST_DB * against * torch.where(active, -2 * octaves / WIDTH**2 / math.log(2), 0.0)
    by_sign = COST_DB * torch.where(active, near, 0.0)
    steep = (1 - sign.square()) / FULL_DB
    by_frequency, by_gain = (frequency.new_zeros(len(i), K, M) for _ in range(2))
    pair = torch.arange(len(i))
    by_frequency[pair, i], by_frequency[pair, j] = by_octave / frequency[i], -by_octave / frequency[j]
    by_gain[pair, i], by_gain[pair, j] = -by_sign * sign[j] * steep[i], -by_sign * sign[i] * steep[j]
    return COST_DB * near * against, by_frequency, by_gain
