"""A cascade of second-order sections, evaluated at many points."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import lru_cache, reduce
from typing import Any

import torch

from flamo.kernels import backend

BLOCK = 1 << 20  # elements of a temporary in the plain version


def cascade(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    r"""The product over K sections of :math:`(b_0 + b_1 w + b_2 w^2) / (a_0 + a_1 w + a_2 w^2)`.

    Each polynomial is expanded about the nearer end of the frequency axis, :math:`c_0 + c_1 d + c_2 d^2` with
    :math:`d = 1 - w` or, where w is left of the imaginary axis, :math:`d = 1 + w`: there, where the three terms of the
    plain form cancel, these stay exact. d and c are formed in the precision of the arguments, the bulk of the work
    runs in ``dtype``. Its derivatives by b and a are summed in their precision; where w needs one as well, or a
    derivative is to be differentiated again, everything is composed of torch operations.

    Args:
        b, a: numerators and denominators, shape (3, K, M), real.
        w: points z^-1, shape (F,), complex.
        dtype: complex type of the result.

    Returns:
        (F, M), the bins of a channel next to each other in memory.

    >>> one_pole = torch.tensor([1.0, -0.5, 0.0]).double().reshape(3, 1, 1)
    >>> unit = torch.tensor([1.0, 0.0, 0.0]).double().reshape(3, 1, 1)
    >>> cascade(unit, one_pole, torch.tensor([1.0 + 0.0j, -1.0 + 0.0j]), torch.complex64)    # 1/(1 - 0.5), 1/(1 + 0.5)
    tensor([[2.0000+0.j],
            [0.6667+0.j]])
    """
    if w.requires_grad or backend.transformed(b, a, w):
        return _composed(b, a, w, dtype)
    return _Cascade.apply(b, a, w, dtype)


class _Cascade(torch.autograd.Function):
    """The cascade with the derivative of a product, which keeps nothing but the coefficients and the result."""

    @staticmethod
    def forward(ctx: Any, b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        h = torch.empty_strided((len(w), b.shape[2]), (1, len(w)), dtype=dtype, device=w.device)
        tables = _fused_forward(b, a, w, h.T)
        if tables is None:
            _forward(b, a, w, h.T)
        ctx.save_for_backward(b, a, w, h, tables)
        ctx.dtype = dtype
        return h

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        b, a, w, h, tables = ctx.saved_tensors
        if torch.is_grad_enabled() or backend.transformed(grad):
            inputs = (b, a, w, ctx.dtype)
            return backend.gradients(_composed, inputs, ctx.needs_input_grad, grad)
        grad = grad.T.to(ctx.dtype)
        sums = None if tables is None else _fused_backward(tables, a, w, h.T, grad)
        gb, ga = _backward(b, a, w, h.T, grad) if sums is None else sums
        return gb.to(b), ga.to(a), None, None


def _composed(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Of torch operations: K responses in memory, differentiable as often as you like, also by w."""
    sign = torch.where(w.real >= 0, 1.0, -1.0).to(b.dtype)[:, None]  # (F, 1)
    d = (1.0 - sign * w[:, None]).to(dtype)
    pb, pa = (_expanded(c[:, :, None], sign).to(dtype.to_real()) for c in (b, a))  # (3, K, F, M)
    ratios = ((pb[2] * d + pb[1]) * d + pb[0]) / ((pa[2] * d + pa[1]) * d + pa[0])  # (K, F, M)
    return reduce(operator.mul, ratios) if len(ratios) else ratios.sum(0) + 1.0  # which has derivatives, of 0


def _expanded(c: torch.Tensor, sign: torch.Tensor | float) -> torch.Tensor:
    """c0 + c1 w + c2 w² in terms of d = 1 - sign·w."""
    p0, p1 = c[0] + sign * c[1] + c[2], -sign * c[1] - 2.0 * c[2]
    return torch.stack((p0, p1, c[2].expand_as(p1)))


def _expanded_backward(p: torch.Tensor, sign: float) -> torch.Tensor:
    """The transpose of :func:`_expanded`."""
    return torch.stack((p[0], sign * (p[0] - p[1]), p[0] - 2.0 * p[1] + p[2]))


# -- plain torch ---------------------------------------------------------------------------------------------------


def _blocks(
    w: torch.Tensor, size: int, dtype: torch.dtype
) -> Iterator[tuple[float, torch.Tensor | slice, torch.Tensor]]:
    """Runs of points at one end of the axis: its sign, where they are, and 1, d, d² as real (3, 2f)."""
    low = w.real >= 0
    count = int(low.sum())
    ordered = bool(low[:count].all())  # as on a grid: slices instead of indices
    for sign, half, offset in ((1.0, low, 0), (-1.0, ~low, count)):
        where = half.nonzero()[:, 0]
        for at in range(0, len(where), size):
            index = where[at : at + size]
            d = 1.0 - sign * w[index]
            powers = torch.view_as_real(torch.stack((torch.ones_like(d), d, d * d)).to(dtype)).flatten(1)
            yield sign, slice(offset + at, offset + at + len(index)) if ordered else index, powers


def _polynomials(c: torch.Tensor, sign: float, powers: torch.Tensor) -> torch.Tensor:
    """(3, K, M), (3, 2f) → (K, M, f) complex, as a product of matrices."""
    p = _expanded(c, sign).to(powers.dtype).flatten(1).T @ powers
    return torch.view_as_complex(p.reshape(*c.shape[1:], -1, 2))


def _size(b: torch.Tensor) -> int:
    return max(64, BLOCK // b[0].numel())


def _silence(dtype: torch.dtype) -> float:
    """Below it a product is 0, as a spectrum that is multiplied with it soon may be no normal number any more: the
    derivative that torch has for the magnitude of such a one is NaN."""
    return torch.finfo(dtype).tiny ** 0.8


def _forward(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, h: torch.Tensor) -> None:
    """Into h (M, F)."""
    if not b.numel():
        h.fill_(1.0)
        return
    for sign, where, powers in _blocks(w, _size(b), h.dtype):
        ratios = _polynomials(b, sign, powers).mul_(_polynomials(a, sign, powers).reciprocal_())  # faster than div
        total = reduce(torch.Tensor.mul_, ratios)
        silent = total.real.abs() + total.imag.abs() < _silence(h.dtype)
        h[:, where] = total.masked_fill_(silent, 0.0)


def _backward(
    b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, h: torch.Tensor, grad: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradients of b and a, (3, K, M), of that of the result h, (M, F): dh = h (db / b - da / a)."""
    gb, ga = torch.zeros_like(b), torch.zeros_like(a)
    for sign, where, powers in _blocks(w, _size(b), grad.dtype) if b.numel() else ():
        numerators, denominators = _polynomials(b, sign, powers), _polynomials(a, sign, powers)
        after = grad[:, where].conj().resolve_conj()
        total = after * h[:, where]
        sums = _weighted(numerators.reciprocal().mul_(total), powers)
        if not sums.isfinite().all():  # a section is zero
            sums = _weighted(_without_each(numerators, denominators, after), powers)
        gb += _expanded_backward(sums.to(gb.dtype), sign)
        ga -= _expanded_backward(_weighted(denominators.reciprocal_().mul_(total), powers).to(ga.dtype), sign)
    return gb, ga


def _weighted(x: torch.Tensor, powers: torch.Tensor) -> torch.Tensor:
    """The real part of x · (1, d, d²), summed over the points: (K, M, f), (3, 2f) → (3, K, M)."""
    rows = torch.view_as_real(x.conj().resolve_conj()).flatten(2)
    return (rows @ powers.T).movedim(-1, 0)


def _without_each(numerators: torch.Tensor, denominators: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """1 / a of each section times ``after`` and all other sections: those before times those after, so that nothing is
    divided by a section."""
    inverse = denominators.reciprocal()
    ratios = numerators * inverse
    before = torch.ones_like(after)
    for k in reversed(range(len(ratios))):
        inverse[k] *= after
        after = after * ratios[k]
    for k in range(1, len(ratios)):
        before = before * ratios[k - 1]
        inverse[k] *= before
    return inverse


# -- fused: points in order of their angle on the lower half of a circle, as on a grid -------------------------------


def _fused_forward(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, h: torch.Tensor) -> torch.Tensor | None:
    """Into h (M, F); the tables that it works with, None where there are none or where w is no such circle."""
    work = b[0].numel() * len(w)
    if not backend.pays(work, b, a, w):
        return None
    (radius, split), shares = _circle(w), backend.shares(work)
    tables = torch.empty((2, 2, b.shape[2], b.shape[1], 3), dtype=h.dtype.to_real(), device="cpu")
    if not backend.run("sections.tabulate", b.shape[1], 1, *_double(b, a), radius, tables.numpy()):
        return None
    points, out = (backend.planar(x).numpy() for x in (w.to(torch.complex128), h))
    astray = torch.zeros(shares, dtype=torch.int64, device="cpu").numpy()
    arguments = (tables.numpy(), points, radius, split, _silence(h.dtype), out, astray)
    return tables if backend.run("sections.forward", len(w), shares, *arguments) and not astray.any() else None


def _fused_backward(
    tables: torch.Tensor, a: torch.Tensor, w: torch.Tensor, h: torch.Tensor, grad: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor] | None:
    (radius, split), shares = _circle(w), backend.shares(a[0].numel() * len(w))
    points, *spectra = (backend.planar(x).numpy() for x in (w.to(torch.complex128), h, grad))
    totals = torch.zeros((shares, *tables.shape), dtype=torch.float64, device="cpu")
    sums = torch.empty((2, *a.shape), dtype=torch.float64, device="cpu")
    arguments = (tables.numpy(), points, radius, split, *spectra, totals.numpy())
    if not backend.run("sections.backward", len(w), shares, *arguments):
        return None
    if not backend.run("sections.gather", a.shape[1], 1, *_double(a), radius, totals.sum(0).numpy(), sums.numpy()):
        return None
    gb, ga = sums
    return gb, ga


def _double(*coefficients: torch.Tensor) -> tuple[Any, ...]:
    return tuple(c.detach().to(torch.float64).contiguous().numpy() for c in coefficients)


@lru_cache(maxsize=4)  # by the identity of w; the kernel notices if its values have changed
def _circle(w: torch.Tensor) -> tuple[float, int]:
    """The radius of the first point, and how many points are in the right half of the plane, if they are in order."""
    return w[0].abs().item(), int((w.real >= 0).sum())
