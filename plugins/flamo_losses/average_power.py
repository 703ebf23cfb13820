"""Difference of the power averaged over regions of time and frequency."""

from __future__ import annotations

import torch
from torch import nn

from flamo.core.checks import whole
from flamo_losses.inputs import channels_of, nonzero, unit_energy
from flamo_losses.spectrogram import hann, magnitude_spectrogram

_NFFT, _HOP, _REGION = 1024, 256, 64


class AveragePower(nn.Module):
    r"""Difference of spectrograms averaged over regions of time and frequency.

    .. math:: L = \frac{\|\bar X - \bar Y\|_F}{\|\bar X\|_F\,\|\bar Y\|_F}

    where a bar is the magnitude spectrogram (Hann window of 1024 samples, hop of 256) weighted with a Hann window over
    64 bins × 64 frames, for every ``stride``-th of its places. Each item and channel is compared on its own; the result
    is the mean over them.

    Args:
        energy_norm: whether each channel is divided by the root of its energy over all items first.
        name: accepted as in earlier versions.
        stride: steps of the region in bins and frames.
        device: accepted as in earlier versions; the loss follows its arguments.

    Raises:
        ValueError: a stride that is not two whole numbers of at least 1; complex signals or shapes that differ; less
            than 64 frames (16,128 samples).

    Shapes: prediction and target (B, T, N) → scalar. Source: arXiv 2409.08723.

    >>> y = torch.randn(1, 24000, 1)
    >>> AveragePower()(y, y)
    tensor(0.)
    """

    def __init__(
        self,
        energy_norm: bool = False,
        name: str = "Average Power",
        stride: tuple[int, int] = (4, 4),
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        if not isinstance(stride, (tuple, list)) or len(stride) != 2:
            raise ValueError(f"stride must be two whole numbers, got {stride!r}")
        self.energy_norm, self.name, self.device = energy_norm, name, device
        self.stride = (whole("stride", stride[0]), whole("stride", stride[1]))

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        return self.average_power(y_pred, y_true)[0]

    def average_power(
        self, y_pred: torch.Tensor, y_true: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The loss, and the averages (B, N, bins, frames) of prediction and target."""
        prediction, target = channels_of("AveragePower", y_pred, y_true)
        if self.energy_norm:
            prediction, target = unit_energy(prediction), unit_energy(target)
        x, y = self._averages(prediction), self._averages(target)
        norms = [z.flatten(2).norm(dim=2) for z in (x - y, x, y)]
        loss = (norms[0] / nonzero(norms[1]) / nonzero(norms[2])).mean()
        return loss, x.transpose(0, 1), y.transpose(0, 1)

    def window2d(self, window: torch.Tensor) -> torch.Tensor:
        """The product of a window over bins with itself over frames."""
        return torch.outer(window, window)

    def _averages(self, signal: torch.Tensor) -> torch.Tensor:
        if signal.shape[-1] < _HOP * (_REGION - 1):
            raise ValueError(
                f"AveragePower needs signals of at least {_HOP * (_REGION - 1)} samples, got {signal.shape[-1]}"
            )
        spectrogram = magnitude_spectrogram(signal, _NFFT, _HOP)
        window = self.window2d(hann(_REGION, signal.device, signal.dtype))[None, None]
        averages = torch.nn.functional.conv2d(spectrogram.flatten(0, 1)[:, None], window, stride=self.stride)
        return averages.reshape(*signal.shape[:2], *averages.shape[2:])
