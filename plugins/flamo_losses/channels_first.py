"""Losses of signals with channels before time."""

from __future__ import annotations

import torch
from torch import nn

from flamo.core.checks import checked_map
from flamo_losses.inputs import channels_of


class ChannelsFirst(nn.Module):
    """Another library's loss of signals (B, N, T), such as auraloss has, on signals (B, T, N).

    Args:
        criterion: a loss of (prediction, target).

    Raises:
        TypeError: the criterion cannot be called.
        ValueError: complex signals or shapes that differ.

    Shapes: prediction and target (B, T, N) → whatever the criterion makes of (B, N, T).

    >>> seen = ChannelsFirst(lambda prediction, target: prediction.shape)
    >>> seen(torch.ones(1, 100, 2), torch.ones(1, 100, 2))
    torch.Size([1, 2, 100])
    """

    def __init__(self, criterion: nn.Module) -> None:
        super().__init__()
        self.criterion = checked_map("criterion", criterion)

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        prediction, target = channels_of("ChannelsFirst", y_pred, y_true)
        return self.criterion(prediction.transpose(0, 1).contiguous(), target.transpose(0, 1).contiguous())
