"""Error of complex spectra."""

from __future__ import annotations

import torch

from flamo_losses.frequency import FrequencyLoss
from flamo_losses.inputs import spectra_of


class ComplexError(FrequencyLoss):
    r"""Mean squared error of complex spectra.

    .. math:: e_k = \hat Y_k - Y_k

    weighted over frequency as :class:`~flamo_losses.frequency.FrequencyLoss` says.

    Args, errors: as :class:`~flamo_losses.frequency.FrequencyLoss`.

    Shapes: prediction and target (B, F, N) → scalar.

    >>> y = torch.ones(1, 513, 2)
    >>> ComplexError()(1j * y, y)
    tensor(2.)
    """

    def error(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        prediction, target = spectra_of("ComplexError", y_pred, y_true)
        return prediction - target
