"""A bank of delays, on the frequency grid or anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from flamo.kernels import backend

BLOCK = 256  # bins that share a table in the plain version
ELEMENTS = 1 << 18  # of a temporary in it


def delay_bank(m: torch.Tensor, nfft: int, gamma: float, dtype: torch.dtype) -> torch.Tensor:
    r"""The delays :math:`w_k^m = \gamma^m e^{-j 2\pi k m / \mathrm{nfft}}` for k = 0 … nfft // 2.

    The phase is formed as k·m modulo nfft, in whole numbers for the whole part of m: exact, where ω·m loses digits with
    every octave of m.

    Args:
        m: delays in samples, shape (M,), real, of the precision in which phases are to be formed.
        nfft: number of FFT points.
        gamma: radius of the points.
        dtype: complex type of the result.

    Returns:
        (F, M), the bins of a delay next to each other in memory.

    >>> delay_bank(torch.tensor([2.0]).double(), nfft=8, gamma=1.0, dtype=torch.complex64)[1].imag    # a quarter turn
    tensor([-1.])
    """
    if backend.transformed(m):
        return _composed(m, nfft, gamma, dtype)
    return _Delays.apply(m, nfft, gamma, dtype)


def delay_at(w: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """w^m at any complex points, the principal branch where m is no whole number."""
    return torch.polar(w.abs() ** samples, w.angle() * samples)


class _Delays(torch.autograd.Function):
    """The delays with their derivative, (ln γ - jω) H."""

    @staticmethod
    def forward(ctx: Any, m: torch.Tensor, nfft: int, gamma: float, dtype: torch.dtype) -> torch.Tensor:
        ctx.save_for_backward(m)
        ctx.arguments = nfft, gamma, dtype
        bins = nfft // 2 + 1
        h = torch.empty_strided((bins, len(m)), (1, bins), dtype=dtype, device=m.device)
        if not _fused_forward(m, nfft, gamma, h.T):
            for where, block in _blocks(m, nfft, gamma):
                h.T[:, where] = block
        return h

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (m,) = ctx.saved_tensors
        nfft, gamma, dtype = ctx.arguments
        if torch.is_grad_enabled() or backend.transformed(grad):
            return backend.gradients(_composed, (m, nfft, gamma, dtype), ctx.needs_input_grad, grad)
        grad = grad.T.to(dtype)
        sums = _fused_backward(m, nfft, gamma, grad)
        return (_backward(m, nfft, gamma, grad) if sums is None else sums).to(m), None, None, None


def _phases(m: torch.Tensor, nfft: int, k: torch.Tensor) -> torch.Tensor:
    """2π·km/nfft, modulo 2π for the whole part of m: (M,), (K,) → (M, K)."""
    whole = m.detach().floor()
    turns = torch.remainder(whole, nfft).to(torch.int64)[:, None] * k % nfft
    return (turns.to(m.dtype) + (m - whole)[:, None] * k) * (2 * math.pi / nfft)


def _composed(m: torch.Tensor, nfft: int, gamma: float, dtype: torch.dtype) -> torch.Tensor:
    """Of torch operations: differentiable as often as you like."""
    phases = _phases(m, nfft, torch.arange(nfft // 2 + 1, device=m.device))
    return torch.polar((gamma**m)[:, None].expand_as(phases), -phases).T.to(dtype)


def _blocks(m: torch.Tensor, nfft: int, gamma: float) -> Iterator[tuple[slice, torch.Tensor]]:
    """Runs of bins: where they are, and the delays there in the precision of m, (M, f)."""
    bins = nfft // 2 + 1
    table = torch.arange(min(BLOCK, bins), device=m.device)
    starts = torch.arange(0, bins, len(table), device=m.device)
    inside = torch.polar(torch.ones_like(m)[:, None].expand(-1, len(table)), -_phases(m, nfft, table))
    outside = torch.polar((gamma**m)[:, None].expand(-1, len(starts)), -_phases(m, nfft, starts))
    quarter = torch.stack((inside, 1j * inside), 1)  # a product of complex numbers as one of real matrices: faster
    turned = torch.view_as_real(quarter).flatten(2)  # (M, 2, 2·table)
    rows = max(1, ELEMENTS // max(1, len(m) * len(table)))
    for row in range(0, len(starts), rows):
        first = row * len(table)
        real = torch.view_as_real(outside[:, row : row + rows]) @ turned
        block = torch.view_as_complex(real.reshape(len(m), real.shape[1] * len(table), 2))
        yield slice(first, first + block.shape[1]), block[:, : bins - first]


def _backward(m: torch.Tensor, nfft: int, gamma: float, grad: torch.Tensor) -> torch.Tensor:
    total = torch.zeros_like(m)
    for where, block in _blocks(m, nfft, gamma):
        k = torch.arange(where.start, where.start + block.shape[1], device=m.device, dtype=m.dtype)
        slope = torch.stack((torch.full_like(k, math.log(gamma)), k * (2 * math.pi / nfft)), 1)  # of the real part of
        product = torch.view_as_real(block.mul_(grad[:, where].conj()))
        total += product.flatten(1) @ slope.flatten()  # (ln γ - jω) conj(g) H
    return total


# -- fused ---------------------------------------------------------------------------------------------------------


def _fused_forward(m: torch.Tensor, nfft: int, gamma: float, h: torch.Tensor) -> bool:
    if not backend.pays(h.numel(), m, h):
        return False
    out = backend.planar(h).numpy()
    return backend.run("delays.forward", h.shape[1], backend.shares(h.numel()), *_arguments(m, nfft, gamma), out)


def _fused_backward(m: torch.Tensor, nfft: int, gamma: float, grad: torch.Tensor) -> torch.Tensor | None:
    if not backend.pays(grad.numel(), m, grad):
        return None
    shares = backend.shares(grad.numel())
    sums = torch.zeros((shares, len(m)), dtype=torch.float64, device="cpu")
    arguments = (*_arguments(m, nfft, gamma), backend.planar(grad).numpy(), sums.numpy())
    return sums.sum(0) if backend.run("delays.backward", grad.shape[1], shares, *arguments) else None


def _arguments(m: torch.Tensor, nfft: int, gamma: float) -> tuple[Any, ...]:
    return m.detach().to(torch.float64).contiguous().numpy(), nfft, gamma
