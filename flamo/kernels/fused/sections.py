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

from flamo.kernels.fused.sharing import shared

BLOCK = 512  # bins side by side; constant, so that loops over them become straight vector code
ROUNDING = 1e-14  # by which the square of a radius may be off
SMALL, LARGE = 1e-18, 1e18  # beyond which float32 may not hold the square of a numerator


def tabulate(b: Any, a: Any, radius: float, tables: Any) -> None:
    """c, s, δ of b and a, (3, K, M) float64: tables (2, 2, M, K, 3), at both ends.

    Both are scaled by a power of two, so that nothing is rounded, that makes a about 1: float32 can hold its square.
    """
    less, more = radius - 1.0, radius + 1.0
    for k in range(b.shape[1]):
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


def gather(a: Any, radius: float, totals: Any, sums: Any) -> None:
    """The transpose of :func:`tabulate`: sums (2, 3, K, M) for b and a of those for the tables."""
    for k in range(a.shape[1]):
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


def _forward(
    start: int,
    stop: int,
    share: int,
    tables: Any,
    w: Any,
    radius: float,
    split: int,
    silence: float,
    x: Any,
    x_bin: int,
    x_channel: int,
    y: Any,
    y_bin: int,
    y_channel: int,
    astray: Any,
) -> None:
    """y = x Π_k b / a at w in the bins from ``start`` to ``stop``, 0 where that product is below ``silence``.

    tables (2, 2, M, K, 3): see :func:`tabulate`. w (2F,) float64 has real and imaginary parts in turn; bin f of channel
    m is number ``f x_bin + m x_channel`` of x. Points up to ``split`` are nearer to ω = 0, those from it
    nearer to ω = π; astray[share] counts those that are not, or are off the circle.
    """
    channels, sections = tables.shape[2], tables.shape[3]
    one, zero = tables.dtype.type(1.0), tables.dtype.type(0.0)
    uv, h = np.empty((2, BLOCK), tables.dtype), np.empty((2, BLOCK), tables.dtype)
    for end in range(2):
        first, last = (max(start, split), stop) if end else (start, min(stop, split))
        for at in range(first, last, BLOCK):
            count = min(BLOCK, last - at)
            astray[share] += _angles(w[2 * at : 2 * (at + count)], (1.0 - 2.0 * end) / radius, uv)
            for m in range(channels):
                for i in range(BLOCK):
                    h[0, i], h[1, i] = one, zero
                level = one
                for k in range(sections):
                    b0, bs, bd = tables[0, end, m, k]
                    a0, az, ad = tables[1, end, m, k]
                    if a0 != zero and b0 * az == bs * a0 and b0 * ad == bd * a0:  # a gain, as a band of 0 dB is
                        level *= b0 / a0
                        continue
                    for i in range(BLOCK):
                        nr, ni = b0 - bs * uv[0, i], bd * uv[1, i]
                        pr, pi = a0 - az * uv[0, i], ad * uv[1, i]
                        scale = one / (pr * pr + pi * pi)
                        qr, qi = (nr * pr + ni * pi) * scale, (ni * pr - nr * pi) * scale
                        hr, hi = h[0, i], h[1, i]
                        h[0, i], h[1, i] = hr * qr - hi * qi, hr * qi + hi * qr
                for i in range(BLOCK):
                    heard = level if abs(level) * (abs(h[0, i]) + abs(h[1, i])) >= silence else zero
                    h[0, i], h[1, i] = h[0, i] * heard, h[1, i] * heard
                ours, theirs = at * x_bin + m * x_channel, at * y_bin + m * y_channel
                if x_bin == 0 and y_bin == 1:  # the same, in straight vector code
                    xr, xi, row = x[ours].real, x[ours].imag, y[theirs : theirs + count]
                    for i in range(count):
                        row[i] = complex(h[0, i] * xr - h[1, i] * xi, h[0, i] * xi + h[1, i] * xr)
                else:
                    p, dp = np.uintp(ours), np.uintp(x_bin)  # unsigned: no test for negative ones
                    q, dq = np.uintp(theirs), np.uintp(y_bin)
                    for i in range(count):
                        xr, xi = x[p].real, x[p].imag
                        y[q] = complex(h[0, i] * xr - h[1, i] * xi, h[0, i] * xi + h[1, i] * xr)
                        p, q = p + dp, q + dq


def _backward(
    start: int,
    stop: int,
    share: int,
    tables: Any,
    w: Any,
    radius: float,
    split: int,
    x: Any,
    x_bin: int,
    x_channel: int,
    y: Any,
    y_bin: int,
    y_channel: int,
    grad: Any,
    g_bin: int,
    g_channel: int,
    sums: Any,
) -> None:
    """sums[share]: what grad makes of the tables, in float64.

    y is the result of the forward pass, so that dy = y (db / b - da / a). In bins where b is zero, or its square too
    large, the product of all others is computed instead.
    """
    channels, sections = tables.shape[2], tables.shape[3]
    one, zero = tables.dtype.type(1.0), tables.dtype.type(0.0)
    uv = np.empty((2, BLOCK), tables.dtype)
    e = np.empty((2, BLOCK), tables.dtype)  # conj(grad) y
    for end in range(2):
        first, last = (max(start, split), stop) if end else (start, min(stop, split))
        for at in range(first, last, BLOCK):
            count = min(BLOCK, last - at)
            _angles(w[2 * at : 2 * (at + count)], (1.0 - 2.0 * end) / radius, uv)
            for i in range(count, BLOCK):
                e[0, i] = e[1, i] = zero
            for m in range(channels):
                p, dp = np.uintp(at * y_bin + m * y_channel), np.uintp(y_bin)
                q, dq = np.uintp(at * g_bin + m * g_channel), np.uintp(g_bin)
                for i in range(count):
                    yr, yi, gr, gi = y[p].real, y[p].imag, grad[q].real, grad[q].imag
                    e[0, i], e[1, i] = gr * yr + gi * yi, gr * yi - gi * yr
                    p, q = p + dp, q + dq
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
                        s0 = s1 = s2 = zero
                        for i in range(count):
                            f, u, v = at + i, uv[0, i], uv[1, i]
                            nr, ni = b0 - bs * u, bd * v
                            size = nr * nr + ni * ni
                            if SMALL <= size <= LARGE:
                                others = complex(e[0, i], e[1, i]) * complex(nr / size, -ni / size)
                            else:
                                others = grad[f * g_bin + m * g_channel].conjugate() * x[f * x_bin + m * x_channel]
                                for j in range(sections):
                                    a0, az, ad = tables[1, end, m, j]
                                    pr, pi = a0 - az * u, ad * v
                                    scale = one / (pr * pr + pi * pi)
                                    others *= complex(pr * scale, -pi * scale)
                                    if j != k:
                                        c0, cs, cd = tables[0, end, m, j]
                                        others *= complex(c0 - cs * u, cd * v)
                            s0, s1, s2 = s0 + others.real, s1 + others.real * u, s2 + others.imag * v
                    total = sums[share, 0, end, m, k]
                    total[0], total[1], total[2] = total[0] + s0, total[1] - s1, total[2] - s2
                    total = sums[share, 1, end, m, k]
                    total[0], total[1], total[2] = total[0] - t0, total[1] + t1, total[2] + t2


_share_forward, _share_backward = shared(_forward), shared(_backward)


def forward(pool: int, threads: int, bins: int, shares: int, todo: Any, arguments: Any) -> None:
    """:func:`_forward` on all bins."""
    _share_forward(pool, threads, bins, shares, todo, arguments)


def backward(pool: int, threads: int, bins: int, shares: int, todo: Any, arguments: Any) -> None:
    """:func:`_backward` on all bins."""
    _share_backward(pool, threads, bins, shares, todo, arguments)


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
