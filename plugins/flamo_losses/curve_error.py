"""Error of a level in dB at the points of a curve."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from flamo.core.checks import number
from flamo_losses.frequency import checked_pairs
from flamo_losses.inputs import spectra_of


class CurveError(nn.Module):
    r"""Mean squared error of a level in dB at the points of a curve, each of which counts the same unless weighted.

    .. math:: L = \frac{\sum_i w_i (\hat y_i - y_i - c)^2}{\sum_i w_i}

    in dB², averaged over items and channels.

    Args:
        frequency: of the points in Hz; a run from a configuration gives those of its curve. Needed for weights.
        weights: pairs of frequency in Hz and weight, interpolated linearly over log frequency; None is 1 throughout.
        ignore: pairs of frequencies in Hz between which points do not count.
        remove_mean: whether a broadband gain is free: c is the weighted mean difference of each channel, else 0.

    Raises:
        TypeError, ValueError: weights below 0 or not in ascending order, a band that is none, weights without
            frequencies, no point that counts, shapes that differ or are complex.

    Shapes: prediction and target (B, P, N), real → scalar.

    >>> y = torch.zeros(1, 3, 1)
    >>> CurveError()(y + 2, y).round(), CurveError(remove_mean=True)(y + 2, y)
    (tensor(4.), tensor(0.))
    """

    def __init__(
        self,
        frequency: tuple[float, ...] | None = None,
        weights: tuple[tuple[float, float], ...] | None = None,
        ignore: tuple[tuple[float, float], ...] = (),
        remove_mean: bool = False,
    ) -> None:
        super().__init__()
        self.frequency = None if frequency is None else tuple(number("frequency", f) for f in frequency)
        self.weights = None if weights is None else checked_pairs("weights", weights)
        self.ignore, self.remove_mean = tuple(_band(pair) for pair in ignore), remove_mean

    def weight(self, points: int) -> torch.Tensor:
        """The weight of every point, (P,) in float64, 1 in sum."""
        if not (self.weights or self.ignore):
            return torch.full((points,), 1 / points, dtype=torch.float64)
        if self.frequency is None or len(self.frequency) != points:
            known = 0 if self.frequency is None else len(self.frequency)
            raise ValueError(f"CurveError: weights need the frequencies of all {points} points, got {known}")
        f = np.asarray(self.frequency)
        weight = np.ones(points)
        if self.weights:
            at, values = zip(*self.weights, strict=True)
            weight = np.interp(np.log(f), np.log(at), values)
        for low, high in self.ignore:
            weight[(f >= low) & (f <= high)] = 0.0
        if not weight.sum() > 0:
            raise ValueError("CurveError: no point counts; leave some out of 'ignore', or give them a weight")
        return torch.from_numpy(weight / weight.sum())

    def residuals(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        """Real numbers, in one dimension, the sum of whose squares is the loss."""
        prediction, target = spectra_of("CurveError", y_pred, y_true)
        if prediction.is_complex() or target.is_complex():
            raise ValueError("CurveError: prediction and target must be levels in dB, got complex ones")
        error = prediction - target
        weight = self.weight(error.shape[1]).to(error).reshape(-1, *(1,) * (error.ndim - 2))
        if self.remove_mean:
            error = error - (weight * error).sum(1, keepdim=True)
        return (error * (weight * (error.shape[1] / error.numel())).sqrt()).flatten()

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        return self.residuals(y_pred, y_true).square().sum()


def _band(pair: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (number("ignore", f) for f in pair)
    except (TypeError, ValueError):
        raise TypeError(f"ignore must be pairs of frequencies in Hz, got {pair!r}") from None
    if not low < high:
        raise ValueError(f"ignore must be pairs of ascending frequencies in Hz, got {pair!r}")
    return low, high
