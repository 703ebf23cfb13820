"""A response times a spectrum, bin by bin."""

from __future__ import annotations

import math
from typing import Any

import torch

from flamo.kernels import backend

FEW = 4  # vectors a bin, beyond which a product of matrices in each bin is faster than sums along the bins


def filtered(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    r"""The product :math:`y_k = H_k x_k` in every bin k.

    Works along the bins, so that h, x and their gradients may lie in memory as they like.

    Args:
        h: (B or 1, F or 1, N_out, N_in), or (B or 1, F or 1, N) for a diagonal matrix.
        x: (B or 1, F, N_in, …), of the type of h.

    Returns:
        (B, F, N_out, …).

    >>> filtered(torch.tensor([[[2.0, 3.0]]]), torch.ones(1, 4, 2))[0, 0]
    tensor([2., 3.])
    """
    vectors = math.prod(x.shape[3:]) * (len(x) if len(h) == 1 else 1)
    empty = not h.numel() or not x.numel()
    learns = torch.is_grad_enabled() and (h.requires_grad or x.requires_grad)
    once = h.ndim == 3 and not learns  # one pass, in whatever layout
    if (h.ndim == 4 and vectors > FEW) or empty or once or backend.transformed(h, x):
        return _composed(h, x)
    rows = x.reshape(*x.shape[:3], -1).movedim(1, -1)  # (B, N_in, T, F)
    y = _Filtered.apply(h.movedim(1, -1), rows)
    return y.movedim(-1, 1).reshape(y.shape[0], y.shape[-1], y.shape[1], *x.shape[3:])


def mixed(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The product of a small matrix (N_out, N_in) and long rows (N_in, T).

    >>> mixed(torch.tensor([[2.0, 3.0]]), torch.ones(2, 4))
    tensor([[5., 5., 5., 5.]])
    """
    if backend.transformed(matrix, x) or torch.is_autocast_enabled(x.device.type):
        return matrix @ x
    return _Mixed.apply(matrix, x)


class _Mixed(torch.autograd.Function):
    """A column times a row is no product of matrices, in which libraries are slow, here and in the derivatives."""

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(matrix, x)
        return _times(matrix, x)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        matrix, x = ctx.saved_tensors
        need_matrix, need_x = ctx.needs_input_grad
        return grad @ x.mH if need_matrix else None, _times(matrix.mH, grad) if need_x else None


def _times(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return matrix * x if matrix.shape[1] == len(x) == 1 else matrix @ x


def _composed(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    if h.ndim == 3:
        return x * h.reshape(h.shape + (1,) * (x.ndim - 3))  # laid out as x, whose layout others share
    return torch.einsum("bfmn,bfn...->bfm...", h, x)


class _Filtered(torch.autograd.Function):
    """With the bins last: h (B, N_out, N_in, F) or (B, N, F), x (B, N_in, T, F)."""

    @staticmethod
    def forward(ctx: Any, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        laid, x_laid = h.contiguous(), x.contiguous()  # once: a change of layout takes longer than the product
        ctx.save_for_backward(h, x, laid, x_laid)
        wide, x = _wide(laid), x_laid
        if h.ndim == 3:
            return wide * x
        y = wide[:, :, 0] * x[:, None, 0]
        for n in range(1, x.shape[1]):
            y.addcmul_(wide[:, :, n], x[:, None, n])
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        given, laid = ctx.saved_tensors[:2], ctx.saved_tensors[2:]
        h, x = given if torch.is_grad_enabled() else laid  # what was given leads on to second derivatives
        need_h, need_x = ctx.needs_input_grad
        full = h.ndim == 4
        grad = grad.contiguous()[:, :, None] if full else grad.contiguous()
        conjugate = x.conj()
        gh = _summed(grad * (conjugate[:, None] if full else conjugate)) if need_h else None
        gx = _wide(h).conj() * grad if need_x else None
        return (
            None if gh is None else gh.sum_to_size(h.shape),
            None if gx is None else (gx.sum(1) if full else gx).sum_to_size(x.shape),
        )


def _wide(h: torch.Tensor) -> torch.Tensor:
    return h.unsqueeze(-2)


def _summed(wide: torch.Tensor) -> torch.Tensor:
    return wide.squeeze(-2) if wide.shape[-2] == 1 else wide.sum(-2)
