"""Errors of spectra, weighted over frequency."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from flamo.core.checks import choice, number, positive
from flamo_losses.scales import SCALES

Weights = tuple[tuple[float, float], ...]


class FrequencyLoss(nn.Module):
    r"""Base of losses on spectra that are weighted over frequency.

    .. math:: L = \frac{\sum_k w_k |e_k|^2}{\sum_k w_k}, \quad
              w_k = \big(s(f_{k + 1/2}) - s(f_{k - 1/2})\big)\, v(f_k)

    averaged over items and channels. A bin counts by the length that it, as far as it is in the band, has on the scale
    s, so that the whole scale counts evenly, and by the weight v. A subclass says what the error e is.

    Args:
        fs: sampling frequency in Hz.
        scale: 'linear', 'log', 'mel' (Slaney) or 'erb' (Glasberg and Moore).
        low: lower end of the band in Hz; above 0 for 'log'.
        high: upper end; None is fs/2.
        weights: pairs of frequency in Hz and weight, interpolated linearly on the scale and constant beyond the first
            and the last; None is 1 throughout.

    Raises:
        TypeError, ValueError: arguments out of their range; shapes that differ.

    Shapes: prediction and target (B, F, N) → scalar, for an even nfft = 2 (F - 1).
    """

    def __init__(
        self,
        fs: float = 48000,
        scale: Literal["linear", "log", "mel", "erb"] = "log",
        low: float = 20.0,
        high: float | None = None,
        weights: tuple[tuple[float, float], ...] | None = None,
    ) -> None:
        super().__init__()
        self.fs, self.scale = positive("fs", fs), choice("scale", scale, SCALES)
        self.low, self.high = _band(low, high, fs, scale)
        self.weights = None if weights is None else checked_pairs("weights", weights)

    def error(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        """The error e whose squared magnitude counts, (B, F, N), or (B, F - 1, N) where it is between the bins."""
        raise NotImplementedError(f"{type(self).__name__} must define error(y_pred, y_true)")

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        error = self.error(y_pred, y_true)
        square = (error * error.conj()).real if error.is_complex() else error.square()
        return self.over_band(square, y_pred.shape[1]).mean()

    def residuals(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        """Real numbers, in one dimension, the sum of whose squares is the loss."""
        error = self.error(y_pred, y_true)
        weights = self._weights(error, y_pred.shape[1]) * (error.shape[1] / error.numel())
        scaled = error * weights.sqrt()
        return (torch.view_as_real(scaled) if scaled.is_complex() else scaled).flatten()

    def over_band(self, error: torch.Tensor, bins: int) -> torch.Tensor:
        """The weighted mean of errors (B, bins, …), or (B, bins - 1, …) where they are between the bins: (B, 1, …)."""
        return (error * self._weights(error, bins)).sum(1, keepdim=True)

    def _weights(self, error: torch.Tensor, bins: int) -> torch.Tensor:
        plan = (float(self.fs), self.scale, self.low, self.high, self.weights)
        weights = _weights(plan, bins, error.shape[1], error.device, error.dtype.to_real())
        return weights.reshape(-1, *(1,) * (error.ndim - 2))


# Outside of inference mode and of a default device: what is remembered must serve everyone.


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _weights(plan: tuple[Any, ...], bins: int, cells: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Of cells around the bins, or between them; their sum is 1."""
    fs, scale, low, high, weights = plan
    first = -0.5 if cells == bins else 0.0
    edges = (torch.arange(cells + 1, dtype=torch.float64, device="cpu") + first) * (fs / 2 / (bins - 1))
    edges = edges.clamp(low, high)
    share = SCALES[scale](edges).diff()
    if weights is not None:
        at = SCALES[scale](torch.tensor([f for f, _ in weights], dtype=torch.float64, device="cpu"))
        middle = SCALES[scale]((edges[1:] + edges[:-1]) / 2)
        share = share * torch.from_numpy(np.interp(middle, at, [v for _, v in weights]))
    if share.sum() <= 0:
        raise ValueError(f"weights are 0 everywhere from {low:g} to {high:g} Hz")
    return (share / share.sum()).to(device, dtype)


def _band(low: float, high: float | None, fs: float, scale: str) -> tuple[float, float]:
    bottom, top = number("low", low), fs / 2 if high is None else number("high", high)
    if not 0 <= bottom < top <= fs / 2:
        raise ValueError(f"the band must be 0 ≤ low < high ≤ fs/2 = {fs / 2:g} Hz, got low={low} and high={high}")
    if scale == "log" and not bottom:
        raise ValueError("low must be above 0 on a logarithmic scale, got 0")
    return bottom, top


def checked_pairs(name: str, pairs: Any) -> Weights:
    """Pairs of frequency and weight as numbers; raises TypeError or ValueError for anything else."""
    try:
        checked = tuple((number(name, f), number(name, v)) for f, v in pairs)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be pairs of frequency and weight, got {pairs!r}") from None
    if not checked or not _ascending(f for f, _ in checked) or min(v for _, v in checked) < 0:
        raise ValueError(f"{name} must be at least 0, at frequencies above 0 that ascend, got {pairs!r}")
    return checked


def _ascending(values: Iterable[float]) -> bool:
    listed = [0.0, *values]
    return all(a < b for a, b in pairwise(listed))
