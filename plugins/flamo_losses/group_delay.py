"""Error of the group delay."""

from __future__ import annotations

import math

import torch

from flamo_losses.frequency import FrequencyLoss
from flamo_losses.inputs import spectra_of


class GroupDelayError(FrequencyLoss):
    r"""Mean squared error of the group delay in ms.

    .. math:: e_k = \hat\tau_k - \tau_k, \quad
              \tau_k = -\frac{1000}{2\pi} \frac{\arg(Y_{k+1} Y_k^*)}{f_{k+1} - f_k}

    in ms, where :math:`\tau_k` is the mean group delay between two bins: exact, whatever the distance of the bins, as
    long as prediction and target differ by less than nfft/2 samples. Weighted over frequency as
    :class:`~flamo_losses.frequency.FrequencyLoss` says. Next to a bin that is zero the group delay counts as 0.

    Args, errors: as :class:`~flamo_losses.frequency.FrequencyLoss`; also ValueError for spectra that are not complex.

    Shapes: prediction and target (B, F, N), complex → scalar.

    >>> w = torch.exp(-2j * torch.pi * torch.arange(513) / 1024)[None, :, None]
    >>> GroupDelayError(fs=1000)(w**7, w**4)                     # 3 samples are 3 ms
    tensor(9.0000)
    """

    def error(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        prediction, target = spectra_of("GroupDelayError", y_pred, y_true)
        if not (prediction.is_complex() and target.is_complex()):
            raise ValueError("GroupDelayError: prediction and target must be complex, a magnitude has no group delay")
        turns = (_step(prediction) - _step(target)) / (2 * math.pi)
        return (turns - turns.detach().round()) * (1000 * 2 * (prediction.shape[1] - 1) / self.fs)


def _step(y: torch.Tensor) -> torch.Tensor:
    """The phase from each bin to the next."""
    return (y[:, 1:] * y[:, :-1].conj()).angle()
