"""Error of the magnitude in dB."""

from __future__ import annotations

from typing import Literal

import torch

from flamo.core.checks import number
from flamo_losses.frequency import FrequencyLoss
from flamo_losses.inputs import spectra_of


class MagnitudeError(FrequencyLoss):
    r"""Mean squared error of the magnitude in dB.

    .. math:: e_k = 20 \log_{10}|\hat Y_k| - 20 \log_{10}|Y_k| - c

    in dB, weighted over frequency as :class:`~flamo_losses.frequency.FrequencyLoss` says; the root of the loss is the
    usual error in dB.

    Args:
        fs: sampling frequency in Hz.
        scale: on which all frequencies count evenly: 'linear', 'log', 'mel' or 'erb'.
        low: lower end of the band in Hz; above 0 for 'log'.
        high: upper end; None is fs/2.
        weights: pairs of frequency in Hz and weight, interpolated linearly on the scale.
        remove_mean: whether the mean difference over the band of each item and channel is left out, as c.
        floor: in dB; magnitudes below count as that.

    Raises:
        TypeError, ValueError: arguments out of their range; shapes that differ.

    Shapes: prediction and target (B, F, N), spectra or magnitudes → scalar.

    >>> y = torch.ones(1, 513, 2)
    >>> MagnitudeError()(10 * y, y).round(), MagnitudeError(remove_mean=True)(10 * y, y).round()
    (tensor(400.), tensor(0.))
    """

    def __init__(
        self,
        fs: float = 48000,
        scale: Literal["linear", "log", "mel", "erb"] = "log",
        low: float = 20.0,
        high: float | None = None,
        weights: tuple[tuple[float, float], ...] | None = None,
        remove_mean: bool = False,
        floor: float = -120.0,
    ) -> None:
        super().__init__(fs, scale, low, high, weights)
        self.remove_mean, self.floor = remove_mean, number("floor", floor)

    def error(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        prediction, target = spectra_of("MagnitudeError", y_pred, y_true)
        bins, least = prediction.shape[1], 10 ** (self.floor / 20)
        x, y = (20 * z.abs().clamp(min=least).log10() for z in (prediction, target))
        error = x - y
        if self.remove_mean:
            error = error - self.over_band(error, bins)
        return error
