"""A cascade of second-order sections, evaluated at many points."""

from __future__ import annotations

import torch


def cascade(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    r"""The product over K sections of :math:`(b_0 + b_1 w + b_2 w^2) / (a_0 + a_1 w + a_2 w^2)`.

    Each polynomial is evaluated as :math:`c_0 + c_1 d + c_2 d^2` with :math:`d = 1 - w`: near z = 1, where the three
    terms of the plain form cancel, these stay exact. d and c are formed in the precision of the arguments, the bulk
    of the work runs in ``dtype``.

    Args:
        b, a: numerators and denominators, shape (3, K, M), real.
        w: points z^-1, shape (F,), complex.
        dtype: complex type of the result.

    Returns:
        (F, M).

    >>> one_pole = torch.tensor([1.0, -0.5, 0.0]).double().reshape(3, 1, 1)
    >>> unit = torch.tensor([1.0, 0.0, 0.0]).double().reshape(3, 1, 1)
    >>> cascade(unit, one_pole, torch.tensor([1.0 + 0.0j]), torch.complex64)     # 1 / (1 - 0.5)
    tensor([[2.+0.j]])
    """
    d = (1.0 - w)[:, None].to(dtype)
    numerators, denominators = (_delta(c).to(dtype.to_real()) for c in (b, a))
    h = torch.ones((w.shape[0], b.shape[2]), dtype=dtype, device=w.device)
    for k in range(b.shape[1]):
        h = h * (_at(numerators[:, k], d) / _at(denominators[:, k], d))
    return h


def _delta(c: torch.Tensor) -> torch.Tensor:
    return torch.stack((c[0] + c[1] + c[2], -c[1] - 2.0 * c[2], c[2]))


def _at(c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    return (c[2] * d + c[1]) * d + c[0]
