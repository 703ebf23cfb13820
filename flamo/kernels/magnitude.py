"""Magnitudes of spectra, what most systems are trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from flamo.kernels import backend


def magnitude(x: torch.Tensor) -> torch.Tensor:
    """As ``torch.abs``, which takes several times as long for complex numbers, and so does its derivative.

    In complex64 on the CPU, where that pays; else it is torch's. The derivative is right for the smallest numbers, too,
    where torch's is not a number.

    >>> magnitude(torch.tensor([3.0 - 4.0j]))
    tensor([5.])
    """
    fused = x.dtype == torch.complex64 and backend.pays(x.numel(), x) and not backend.fused.given_up
    return _Magnitude.apply(x) if fused and not backend.transformed(x) else torch.abs(x)


class Magnitudes(TorchFunctionMode):
    """Within it, ``torch.abs`` and ``Tensor.abs`` are :func:`magnitude`.

    >>> with Magnitudes():
    ...     torch.tensor([3.0 - 4.0j]).abs()
    tensor([5.])
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return magnitude(*args) if func in _ABS and len(args) == 1 and not kwargs else func(*args, **(kwargs or {}))


_ABS = (torch.abs, torch.absolute, torch.Tensor.abs, torch.Tensor.absolute, torch.Tensor.__abs__)


class _Magnitude(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        dense = _dense(x)
        y = torch.empty_like(dense, dtype=torch.float32)
        numbers = y.numel()
        arguments = backend.planar(_row(dense)).numpy(), _row(y).numpy()
        if not backend.run("magnitude.forward", numbers, backend.shares(numbers), *arguments):
            torch.abs(dense, out=y)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor | None:
        (x,) = ctx.saved_tensors
        if torch.is_grad_enabled() or backend.transformed(grad):
            return backend.gradients(torch.abs, (x,), (True,), grad)[0]
        dense = _dense(x)
        out = torch.empty_like(dense)
        grad = torch.empty_like(dense, dtype=torch.float32).copy_(grad) if grad.stride() != out.stride() else grad
        numbers = out.numel()
        arguments = backend.planar(_row(dense)).numpy(), _row(grad).numpy(), backend.planar(_row(out)).numpy()
        if backend.run("magnitude.backward", numbers, backend.shares(numbers), *arguments):
            return out
        return backend.gradients(torch.abs, (x,), (True,), grad)[0]


def _dense(x: torch.Tensor) -> torch.Tensor:
    """x, or a copy of it, whose numbers lie side by side in memory, in whatever order."""
    x = x.detach().resolve_conj().resolve_neg()
    return x if torch.empty_like(x).stride() == x.stride() else x.contiguous()


def _row(x: torch.Tensor) -> torch.Tensor:
    """The numbers of a dense tensor as they lie in memory."""
    return x.detach().as_strided((x.numel(),), (1,))
