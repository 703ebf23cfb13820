"""A cascade of second-order sections, evaluated at many points."""

from __future__ import annotations

import operator
from functools import reduce

import torch


def cascade(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    r"""The product over K sections of :math:`(b_0 + b_1 w + b_2 w^2) / (a_0 + a_1 w + a_2 w^2)`.

    Each polynomial is expanded about the nearer end of the frequency axis, :math:`c_0 + c_1 d + c_2 d^2` with
    :math:`d = 1 - w` or, where w is left of the imaginary axis, :math:`d = 1 + w`: there, where the three terms of the
    plain form cancel, these stay exact. d and c are formed in the precision of the arguments, the bulk of the work
    runs in ``dtype``.

    Args:
        b, a: numerators and denominators, shape (3, K, M), real.
        w: points z^-1, shape (F,), complex.
        dtype: complex type of the result.

    Returns:
        (F, M).

    >>> one_pole = torch.tensor([1.0, -0.5, 0.0]).double().reshape(3, 1, 1)
    >>> unit = torch.tensor([1.0, 0.0, 0.0]).double().reshape(3, 1, 1)
    >>> cascade(unit, one_pole, torch.tensor([1.0 + 0.0j, -1.0 + 0.0j]), torch.complex64)    # 1/(1 - 0.5), 1/(1 + 0.5)
    tensor([[2.0000+0.j],
            [0.6667+0.j]])
    """
    low = w.real >= 0
    h = torch.empty((w.shape[0], b.shape[2]), dtype=dtype, device=w.device)
    for half, sign in ((low, 1.0), (~low, -1.0)):
        d = (1.0 - sign * w[half])[:, None].to(dtype)  # (f, 1)
        ratios = _polynomial(b, d, sign) / _polynomial(a, d, sign)  # (K, f, M)
        h[half] = reduce(operator.mul, ratios)
    return h


def _polynomial(c: torch.Tensor, d: torch.Tensor, sign: float) -> torch.Tensor:
    """c0 + c1 w + c2 w² in terms of d = 1 - sign·w; (3, K, M), (f, 1) → (K, f, M)."""
    p = torch.stack((c[0] + sign * c[1] + c[2], -sign * c[1] - 2.0 * c[2], c[2]))
    p = p.to(d.dtype.to_real())[:, :, None]
    return (p[2] * d + p[1]) * d + p[0]
