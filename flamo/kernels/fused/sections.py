"""A cascade of second-order sections on a circle: products of ratios, block by block.

On the circle w = r e^{-jω}, and with r in the coefficients, a polynomial divided by w is::

    (b0 + b2) cos ω + b1 + j (b0 - b2) sin ω = (c - s u) + j δ v,   u = 1 - cos ω,  v = sin ω

with c = b0 + b1 + b2, s = b0 + b2 and δ = b0 - b2: two multiplications, and nothing cancels near ω = 0. Divided by -w
and with u = 1 + cos ω, v = -sin ω, c = b0 - b1 + b2, it is the same near ω = π. In a ratio, the divisors cancel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

BLOCK = 256  # bins side by side; constant, so that loops over them become straight vector code
ROUNDING = 1e-14  # by which the square of a radius may be off
LARGE = 1e18  # beyond which float32 may not hold the square of a numerator


def tabulate(start: int, stop: int, share: int, b: Any, a: Any, radius: float, tables: Any) -> None:
    """c, s, δ of b and a, (3, K, M) float64, for sections ``start`` to ``stop``: tables (2, 2, M, K, 3), at both ends.

    Both are scaled by a power of two, so that nothing is rounded, that makes a about 1: float32 can hold its square.
    """
    less, more = radius - 1.0, radius + 1.0
    for k in range(start, stop):
        for m in range(b.shape[2]):
            scale = _scale(a, k, m)
            for side in range(2):
                c = a if side else b
                c0, c1, c2 = c[0, k, m] * scale, c[1, k, m] * scale, c[2, k, m] * scale
                for end in range(2):
                    c1 = -c1 if end else c1
                    row = tables[side, end, m, k]
                    row[0] = c0 + c1 + c2 + less * (c1 + more * c2)  # in this order, nothing is lost where they cancel
                    row[1], row[2] = c0 + c2 + less * more * c2, c0 - c2 - less * more * c2


def gather(start: int, stop: int, share: int, a: Any, radius: float, totals: Any, sums: Any) -> None:
    """The transpose of :func:`tabulate`: sums (2, 3, K, M) for b and a of those for the tables."""
    for k in range(start, stop):
        for m in range(a.shape[2]):
            scale = _scale(a, k, m)
            for side in range(2):
                low, high = totals[side, 0, m, k], totals[side, 1, m, k]
                c, s, delta = low[0] + high[0], low[1] + high[1], low[2] + high[2]
                sums[side, 0, k, m] = (c + s + delta) * scale
                sums[side, 1, k, m] = (low[0] - high[0]) * scale * radius
                sums[side, 2, k, m] = (c + s - delta) * scale * radius * radius


EXACT = {"tabulate"}  # without fast arithmetic: it would change the order of sums


@register_jitable
def _scale(c: Any, k: int, m: int) -> float:
    return math.ldexp(1.0, -math.frexp(max(abs(c[0, k, m]), abs(c[1, k, m]), abs(c[2, k, m])))[1])


def forward(
    start: int,
    stop: int,
    share: int,
    tables: Any,
    w: Any,
    radius: float,
    split: int,
    silence: float,
    out: Any,
    astray: Any,
) -> None:
    """out[m, f] = Π_k b / a at w[f], 0 where that is below ``silence``.

    tables (2, 2, M, K, 3): see :func:`tabulate`; w (2F,) float64 and out (M, 2F) have real and imaginary parts in
    turn. Points up to ``split`` are nearer to ω = 0, those from it nearer to ω = π; astray[share] counts those that are
    not, or are off the circle.
    """
    channels, sections = tables.shape[2], tables.shape[3]
    one, zero = out.dtype.type(1.0), out.dtype.type(0.0)
    uv, h = np.empty((2, BLOCK), out.dtype), np.empty((2, BLOCK), out.dtype)
    for end in range(2):
        first, last = (max(start, split), stop) if end else (start, min(stop, split))
        for at in range(first, last, BLOCK):
            count = min(BLOCK, last - at)
            astray[share] += _angles(w[2 * at : 2 * (at + count)], (1.0 - 2.0 * end) / radius, uv)
            for m in range(channels):
                for i in range(BLOCK):
                    h[0, i], h[1, i] = one, zero
                for k in range(sections):
                    b0, bs, bd = tables[0, end, m, k]
                    a0, az, ad = tables[1, end, m, k]
                    _multiply(h, b0, bs, bd, a0, az, ad, uv)
                row = out[m, 2 * at : 2 * (at + count)]
                for i in range(count):
                    heard = one if abs(h[0, i]) + abs(h[1, i]) >= silence else zero
                    row[2 * i], row[2 * i + 1] = h[0, i] * heard, h[1, i] * heard


def backward(
    start: int, stop: int, share: int, tables: Any, w: Any, radius: float, split: int, h: Any, grad: Any, sums: Any
) -> None:
    """sums[share]: what grad (M, 2F) makes of the tables, in float64.

    h is the result of the forward pass, so that dH = H (db / b - da / a). Where a b is zero, or its square too large,
    the product of all others is computed instead.
    """
    channels, sections = tables.shape[2], tables.shape[3]
    one, zero = h.dtype.type(1.0), h.dtype.type(0.0)
    uv, g = np.empty((2, BLOCK), h.dtype), np.empty((2, BLOCK), h.dtype)
    e = np.empty((2, BLOCK), h.dtype)  # conj(grad) h
    for end in range(2):
        first, last = (max(start, split), stop) if end else (start, min(stop, split))
        for at in range(first, last, BLOCK):
            count = min(BLOCK, last - at)
            _angles(w[2 * at : 2 * (at + count)], (1.0 - 2.0 * end) / radius, uv)
            for i in range(count, BLOCK):
                e[0, i] = e[1, i] = zero
            for m in range(channels):
                row, column = h[m, 2 * at : 2 * (at + count)], grad[m, 2 * at : 2 * (at + count)]
                for i in range(count):
                    hr, hi, gr, gi = row[2 * i], row[2 * i + 1], column[2 * i], column[2 * i + 1]
                    e[0, i], e[1, i] = gr * hr + gi * hi, gr * hi - gi * hr
                for k in range(sections):
                    b0, bs, bd = tables[0, end, m, k]
                    a0, az, ad = tables[1, end, m, k]
                    s0 = s1 = s2 = t0 = t1 = t2 = zero
                    for i in range(BLOCK):
                        er, ei = e[0, i], e[1, i]
                        nr, ni = b0 - bs * uv[0, i], bd * uv[1, i]
                        pr, pi = a0 - az * uv[0, i], ad * uv[1, i]
                        scale = one / (nr * nr + ni * ni)
                        xr = (er * nr + ei * ni) * scale
                        s0 += xr
                        s1 += xr * uv[0, i]
                        s2 += (ei * nr - er * ni) * scale * uv[1, i]
                        scale = one / (pr * pr + pi * pi)
                        xr = (er * pr + ei * pi) * scale
                        t0 += xr
                        t1 += xr * uv[0, i]
                        t2 += (ei * pr - er * pi) * scale * uv[1, i]
                    finite = abs(s0) + abs(s1) + abs(s2) < np.inf  # np.isfinite is blind in fast arithmetic
                    if not finite or abs(b0) + abs(bs) + abs(bd) > LARGE:
                        for i in range(BLOCK):
                            g[0, i] = g[1, i] = zero
                        for i in range(count):
                            g[0, i], g[1, i] = column[2 * i], -column[2 * i + 1]
                        s0, s1, s2 = _without(k, tables[0, end, m], tables[1, end, m], uv, g)
                    total = sums[share, 0, end, m, k]
                    total[0], total[1], total[2] = total[0] + s0, total[1] - s1, total[2] - s2
                    total = sums[share, 1, end, m, k]
                    total[0], total[1], total[2] = total[0] - t0, total[1] + t1, total[2] + t2


@register_jitable
def _angles(w: Any, turn: float, uv: Any) -> int:
    """u and v of points, real and imaginary parts in turn; how many are not in their half of the circle."""
    count, astray = len(w) // 2, 0
    for i in range(count):
        cos, sin = w[2 * i] * turn, -w[2 * i + 1] * turn
        uv[0, i], uv[1, i] = sin * sin / (1.0 + cos), sin
        astray += 0 if cos >= 0.0 and abs(cos * cos + sin * sin - 1.0) < ROUNDING else 1
    for i in range(count, BLOCK):
        uv[0, i] = uv[1, i] = 0.0
    return astray


@register_jitable(inline="always")  # a call takes longer than some of its bins
def _multiply(h: Any, b0: Any, bs: Any, bd: Any, a0: Any, az: Any, ad: Any, uv: Any) -> None:
    """h, a block (2, BLOCK), times the ratio of a section."""
    one = h.dtype.type(1.0)
    for i in range(BLOCK):
        nr, ni = b0 - bs * uv[0, i], bd * uv[1, i]
        pr, pi = a0 - az * uv[0, i], ad * uv[1, i]
        scale = one / (pr * pr + pi * pi)
        qr, qi = (nr * pr + ni * pi) * scale, (ni * pr - nr * pi) * scale
        hr, hi = h[0, i], h[1, i]
        h[0, i], h[1, i] = hr * qr - hi * qi, hr * qi + hi * qr


@register_jitable
def _without(k: int, numerators: Any, denominators: Any, uv: Any, g: Any) -> tuple[Any, Any, Any]:
    """The sums of section k over a block from g (2, BLOCK), the conjugate gradient, times all others over a_k."""
    one = g.dtype.type(1.0)
    s0 = s1 = s2 = zero = g.dtype.type(0.0)
    for j in range(len(numerators)):
        b0, bs, bd = numerators[j]
        a0, az, ad = denominators[j]
        if j == k:
            b0, bs, bd = one, zero, zero
        _multiply(g, b0, bs, bd, a0, az, ad, uv)
    for i in range(BLOCK):
        s0 += g[0, i]
        s1 += g[0, i] * uv[0, i]
        s2 += g[1, i] * uv[1, i]
    return s0, s1, s2
