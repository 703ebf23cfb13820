"""A cascade of second-order sections, evaluated at many points."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
import torch

from flamo.kernels import backend
from flamo.kernels.circle import BINS, NODES, POLYNOMIAL, Circle

BLOCK = 1 << 20  # elements of a temporary in the plain version
GROUP = 8  # channels that the fused version evaluates in a block before it writes them


def cascade(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    r"""The product over K sections of :math:`(b_0 + b_1 w + b_2 w^2) / (a_0 + a_1 w + a_2 w^2)`.

    Each polynomial is expanded about the nearer end of the frequency axis, :math:`c_0 + c_1 d + c_2 d^2` with
    :math:`d = 1 - w` or, where w is left of the imaginary axis, :math:`d = 1 + w`: there, where the three terms of the
    plain form cancel, these stay exact. d and c are formed in the precision of the arguments, the bulk of the work
    runs in ``dtype``. Its derivatives by b and a are summed in their precision; where w needs one as well, or a
    derivative is to be differentiated again, everything is composed of torch operations.

    Args:
        b, a: numerators and denominators, shape (3, K, M) after broadcasting, real.
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
    if b.shape != a.shape:
        b, a = torch.broadcast_tensors(b, a)
    if w.requires_grad or backend.transformed(b, a, w):
        return _composed(b, a, w, None, dtype)
    return _applied(b, a, w, None, dtype)


def through(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, x: torch.Tensor) -> torch.Tensor | None:
    """What a :func:`cascade` makes of spectra x (F, M): the product, without the response in memory.

    x may lie in memory as it likes, and be expanded. None where there is nothing to gain: there is no fused version for
    these, x needs a derivative, which takes the response, or it is of another shape.

    >>> gain = torch.tensor([2.0, 0.0, 0.0]).double().reshape(3, 1, 1)
    >>> unit = torch.tensor([1.0, 0.0, 0.0]).double().reshape(3, 1, 1)
    >>> w = torch.exp(-1j * torch.pi * torch.arange(40000).double() / 39999)
    >>> y = through(gain, unit, w, torch.full((1, 1), 3.0 + 1.0j).expand(40000, 1))
    >>> None if y is None else y[7]
    tensor([6.+2.j])
    """
    if b.shape != a.shape:
        b, a = torch.broadcast_tensors(b, a)
    learns = (x.requires_grad or w.requires_grad) and torch.is_grad_enabled()
    fused = backend.pays(b[0].numel() * len(w), b, w, x) and not backend.fused.given_up
    fits = x.shape == (len(w), b.shape[2])  # compiled code does not ask
    if not fused or not fits or learns or backend.transformed(b, a, x):
        return None
    return _applied(b, a, w, x, x.dtype)


def _applied(
    b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, x: torch.Tensor | None, dtype: torch.dtype
) -> torch.Tensor:
    learns = torch.is_grad_enabled() and (b.requires_grad or a.requires_grad)
    return _Cascade.apply(b, a, w, x, dtype) if learns else _computed(b, a, w, x, dtype)[0]


class _Cascade(torch.autograd.Function):
    """With the derivative of a product, which keeps nothing but the coefficients, x and the result."""

    @staticmethod
    def forward(
        ctx: Any, b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, x: torch.Tensor | None, dtype: torch.dtype
    ) -> torch.Tensor:
        y, ctx.tables = _computed(b, a, w, x, dtype)
        ctx.save_for_backward(b, a, w, x)
        ctx.kept, ctx.dtype = None if y.is_inference() else (y.detach(), y._version), dtype
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        b, a, w, x = ctx.saved_tensors
        if torch.is_grad_enabled() or backend.transformed(grad):
            inputs = (b, a, w, x, ctx.dtype)
            return backend.gradients(_composed, inputs, ctx.needs_input_grad, grad)
        kept, ctx.kept = ctx.kept, None
        if kept is None or kept[0]._version != kept[1]:  # a second time, or the result was edited
            kept = _computed(b, a, w, x, ctx.dtype)
        grad = grad.to(ctx.dtype)
        sums = None if ctx.tables is None else _fused_backward(ctx.tables, w, x, kept[0], grad)
        if sums is None:
            h = kept[0] if x is None else _computed(b, a, w, None, ctx.dtype)[0]
            sums = _backward(b, a, w, h.T, (grad if x is None else grad * x.conj()).T)
        return sums[0].to(b), sums[1].to(a), None, None, None


def _computed(
    b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, x: torch.Tensor | None, dtype: torch.dtype
) -> tuple[torch.Tensor, Any]:
    """The result (F, M), and the tables of the fused version if it could be used."""
    shape = len(w), b.shape[2]
    bins_together = x is None or x.stride(0) < x.stride(1) or x.stride(1) == 0  # one for all channels
    strides = (1, shape[0]) if bins_together else (shape[1], 1)
    y = torch.empty_strided(shape, strides, dtype=dtype, device=w.device)
    tables = _fused_forward(b, a, w, x, y)
    if tables is None:
        _forward(b, a, w, y.T)
        if x is not None:
            y *= x
    return y, tables


def _composed(
    b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, x: torch.Tensor | None, dtype: torch.dtype
) -> torch.Tensor:
    """Of torch operations: K responses in memory, differentiable as often as you like, also by w and x."""
    sign = torch.where(w.real >= 0, 1.0, -1.0).to(b.dtype)[:, None]  # (F, 1)
    d = (1.0 - sign * w[:, None]).to(dtype)
    pb, pa = (_expanded(c[:, :, None], sign).to(dtype.to_real()) for c in (b, a))  # (3, K, F, M)
    ratios = ((pb[2] * d + pb[1]) * d + pb[0]) / ((pa[2] * d + pa[1]) * d + pa[0])  # (K, F, M)
    h = reduce(operator.mul, ratios) if len(ratios) else ratios.sum(0) + 1.0  # which has derivatives, of 0
    return h if x is None else h * x


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


def _spread(b: torch.Tensor) -> torch.Tensor:
    """Powers of two (K, M) by which the gain of a cascade, which may be in its first section, is spread over all."""
    exponents = torch.frexp(b.abs().amax(0)).exponent.clamp(-1100, 1100)
    each, rest = exponents.sum(0) // len(exponents), exponents.sum(0) % len(exponents)
    gains = each + (torch.arange(len(exponents), device=b.device)[:, None] < rest)
    return torch.exp2((gains - exponents).double()).to(b.dtype)


def _forward(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, h: torch.Tensor) -> None:
    """Into h (M, F)."""
    if not b.numel():
        h.fill_(1.0)
        return
    b = b * _spread(b)
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
    if not b.numel():
        return gb, ga
    scale = _spread(b)
    b = b * scale
    for sign, where, powers in _blocks(w, _size(b), grad.dtype):
        numerators, denominators = _polynomials(b, sign, powers), _polynomials(a, sign, powers)
        after = grad[:, where].conj().resolve_conj()
        total = after * h[:, where]
        sums = _weighted(numerators.reciprocal().mul_(total), powers)
        if not sums.isfinite().all():  # a section is zero
            sums = _weighted(_without_each(numerators, denominators, after), powers)
        gb += _expanded_backward(sums.to(gb.dtype), sign)
        ga -= _expanded_backward(_weighted(denominators.reciprocal_().mul_(total), powers).to(ga.dtype), sign)
    return gb * scale, ga


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


def _fused_forward(
    b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, x: torch.Tensor | None, y: torch.Tensor
) -> Any | None:
    """Into y (F, M); the tables that it works with, None where there are none or where w is no such circle."""
    work = b[0].numel() * len(w)
    if not backend.pays(work, b, a, w):
        return None
    out, shares = _flat(y), backend.shares(work)
    circle = Circle.of(w, out[0].dtype)
    if circle is None:
        return None
    _, sections, channels = b.shape
    table, scales = np.empty((2, channels, sections, 2, 3), out[0].dtype), np.empty((2, sections, channels))
    if not backend.call("sections.tabulate", _double(b), _double(a), circle.radius, scales, table):
        return None
    arguments = (_silence(y.dtype), *_input(x, out[0].dtype), *out)
    return (table, scales) if _run("sections.forward", shares, circle, table, arguments) else None


def _fused_backward(
    tables: Any, w: torch.Tensor, x: torch.Tensor | None, y: torch.Tensor, grad: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor] | None:
    (table, scales), out = tables, _flat(y)
    shares = backend.shares(scales[0].size * len(w))
    circle = Circle.of(w, out[0].dtype)
    if circle is None:
        return None
    totals, sums = np.zeros((shares, table.size // 6, 6)), np.empty((2, 3, *scales.shape[1:]))
    if not _run("sections.backward", shares, circle, table, (*_input(x, out[0].dtype), *out, *_flat(grad), totals)):
        return None
    if not backend.call("sections.gather", scales, circle.radius, totals.sum(0).reshape(table.shape), sums):
        return None
    return torch.from_numpy(sums[0]), torch.from_numpy(sums[1])


def _run(name: str, shares: int, circle: Circle, table: Any, arguments: tuple[Any, ...]) -> bool:
    """A kernel on all blocks, with what it works in: arrays that it made itself would take longer to compile."""
    where = circle.blocks, circle.points, circle.nodes, circle.places, POLYNOMIAL
    bins, small = np.empty((shares, GROUP, 2, BINS), table.dtype), np.empty((shares, 4, NODES), table.dtype)
    rows = table.reshape(-1, 6), table.shape[1], table.shape[2]
    return backend.run(name, len(circle.blocks), shares, *rows, *where, *arguments, bins, small)


def _double(coefficients: torch.Tensor) -> Any:
    return np.ascontiguousarray(coefficients.numpy(force=True), np.float64)


def _flat(x: torch.Tensor) -> tuple[Any, int, int]:
    """A spectrum (F, M) as it lies in memory, real and imaginary parts in turn; the steps by bin and by channel."""
    if x.is_conj() or x.is_neg():
        x = x.resolve_conj().resolve_neg()
    (bins, channels), (by_bin, by_channel) = x.shape, x.stride()
    span = 1 + (bins - 1) * by_bin + (channels - 1) * by_channel
    return torch.view_as_real(x.detach()).as_strided((2 * span,), (1,)).numpy(), by_bin, by_channel


def _input(x: torch.Tensor | None, dtype: Any) -> tuple[Any, int, int]:
    return (np.array([1.0, 0.0], dtype), 0, 0) if x is None else _flat(x)
