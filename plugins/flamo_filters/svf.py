"""State-variable sections: one structure, three mixing values."""

from __future__ import annotations

import torch

from flamo_filters.rbj import Sections


def state_variable(
    f: torch.Tensor, R: torch.Tensor, mLP: torch.Tensor, mBP: torch.Tensor, mHP: torch.Tensor
) -> Sections:
    r"""The sections of a state-variable filter, by the bilinear transform.

    .. math::
        b = (f^2 m_{LP} + f m_{BP} + m_{HP},\; 2 f^2 m_{LP} - 2 m_{HP},\; f^2 m_{LP} - f m_{BP} + m_{HP}), \quad
        a = (f^2 + 2Rf + 1,\; 2f^2 - 2,\; f^2 - 2Rf + 1)

    Args:
        f: :math:`\tan(\omega/2)`.
        R: damping, 1/(2Q).
        mLP, mBP, mHP: how much of the lowpass, bandpass and highpass output makes the result.

    Returns:
        b, a: each (3, …); all arguments broadcast.

    Source: V. Välimäki and J. D. Reiss, All about audio equalization, Applied Sciences 6(5), 2016; arXiv 2409.08723.
    """
    low, band, high = f * f * mLP, f * mBP, mHP
    b = torch.broadcast_tensors(low + band + high, 2 * (low - high), low - band + high)
    a = torch.broadcast_tensors(f * f + 2 * R * f + 1, 2 * f * f - 2, f * f - 2 * R * f + 1)
    return torch.stack(b), torch.stack(a)
