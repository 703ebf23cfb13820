"""Mean squared error."""

from __future__ import annotations

import math

import torch
from torch import nn


class mse_loss(nn.Module):
    r"""Mean squared error of the prediction summed over channels.

    .. math:: L = \frac{1}{B F} \sum_{b,f} \Big(\sum_n \hat y_{bfn} - y_{bf}\Big)^2

    Args:
        nfft: accepted as in earlier versions; not used.
        device: likewise; the loss follows its arguments.

    Raises:
        ValueError: shapes that do not fit.

    Shapes: prediction (B, F, N), target (B, F) or (B, F, 1) → scalar. Source: arXiv 2409.08723.

    >>> mse_loss()(torch.ones(1, 4, 2), torch.zeros(1, 4, 1))
    tensor(4.)
    """

    def __init__(self, nfft: int | None = None, device: torch.device | str = "cpu") -> None:
        super().__init__()
        self.nfft, self.device = nfft, device

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        return self._error(y_pred, y_true).abs().square().mean()

    def residuals(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        """Real numbers, in one dimension, the sum of whose squares is the loss."""
        error = self._error(y_pred, y_true)
        scaled = error / math.sqrt(error.numel())
        return (torch.view_as_real(scaled) if scaled.is_complex() else scaled).flatten()

    def _error(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        total = y_pred.sum(dim=-1)
        target = y_true.squeeze(-1) if y_true.ndim == y_pred.ndim else y_true
        if target.shape != total.shape:
            raise ValueError(
                f"mse_loss: a prediction {tuple(y_pred.shape)} needs a target {(*total.shape, 1)}, "
                f"got {tuple(y_true.shape)}"
            )
        return total - target
