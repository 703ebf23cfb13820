"""A cascade of second-order sections on a circle: products of ratios, block by block.

On the circle w = r e^{-jω}, and with r in the coefficients, a polynomial divided by w is::

    (b0 + b2) cos ω + b1 + j (b0 - b2) sin ω = (c - s u) + j δ v,   u = 1 - cos ω,  v = sin ω

with c = b0 + b1 + b2, s = b0 + b2 and δ = b0 - b2: two multiplications, and nothing cancels near ω = 0. Divided by -w and
with u = 1 + cos ω, v = -sin ω, c = b0 - b1 + b2, it is the same near ω = π. In a ratio, the divisors cancel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK = 256  # bins side by side; constant, so that loops over them become straight vector code
ROUNDING = 1e-14  # by which a point may miss the circle


def forward(
    start: int,
    stop: int,
    share: int,
    b: Any,
    a: Any,
    w: Any,
    radius: float,
    split: int,
    silence: float,
    out: Any,
    astray: Any,
) -> None:
    """out[m, f] = Π_k b / a at w[f], 0 where that is below ``silence``; out (M, 2F), real and imaginary parts in turn.

    b, a: (2, M, K, 3), c, s, δ of the bins up to ``split``, nearer to ω = 0, and of those from it, nearer to ω = π.
    w: (F,) complex128; astray[share] is set where one is not in its half of the circle.
    """
    channels, sections = b.shape[1], b.shape[2]
    one, zero = out.dtype.type(1.0), out.dtype.type(0.0)
    uv, h = np.empty((2, BLOCK), out.dtype), np.empty((2, BLOCK), out.dtype)
    for end in range(2):
        sign = 1.0 - 2.0 * end
        first, last = (max(start, split), stop) if end else (start, min(stop, split))
        for at in range(first, last, BLOCK):
            count = min(BLOCK, last - at)
            for i in range(BLOCK):
                point = w[at + min(i, count - 1)]
                cos, sin = sign * point.real / radius, -sign * point.imag / radius
                uv[0, i], uv[1, i] = sin * sin / (1.0 + cos), sin
                if not (cos >= 0.0 and abs(cos * cos + sin * sin - 1.0) < ROUNDING):
                    astray[share] = True
            for m in range(channels):
                for i in range(BLOCK):
                    h[0, i], h[1, i] = one, zero
                for k in range(sections):
                    b0, bs, bd = b[end, m, k]
                    a0, az, ad = a[end, m, k]
                    for i in range(BLOCK):
                        nr, ni = b0 - bs * uv[0, i], bd * uv[1, i]
                        pr, pi = a0 - az * uv[0, i], ad * uv[1, i]
                        scale = one / (pr * pr + pi * pi)
                        qr, qi = (nr * pr + ni * pi) * scale, (ni * pr - nr * pi) * scale
                        hr, hi = h[0, i], h[1, i]
                        h[0, i], h[1, i] = hr * qr - hi * qi, hr * qi + hi * qr
                row = out[m, 2 * at : 2 * (at + count)]
                for i in range(count):
                    heard = one if abs(h[0, i]) + abs(h[1, i]) >= silence else zero
                    row[2 * i], row[2 * i + 1] = h[0, i] * heard, h[1, i] * heard


def backward(
    start: int, stop: int, share: int, b: Any, a: Any, w: Any, radius: float, split: int, h: Any, grad: Any, sums: Any
) -> None:
    """sums[share] (2, 2, M, K, 3): what grad (M, 2F) makes of c, s, δ of b and of a, at either end.

    h is the result of the forward pass, so that dH = H (db / b - da / a). Where a b is zero, the product of all others
    is computed instead.
    """
    channels, sections = b.shape[1], b.shape[2]
    one, zero = h.dtype.type(1.0), h.dtype.type(0.0)
    uv = np.empty((2, BLOCK), h.dtype)
    e = np.empty((2, BLOCK), h.dtype)  # conj(grad) h
    g = np.empty((2, BLOCK), h.dtype)
    for end in range(2):
        sign = 1.0 - 2.0 * end
        first, last = (max(start, split), stop) if end else (start, min(stop, split))
        for at in range(first, last, BLOCK):
            count = min(BLOCK, last - at)
            for i in range(BLOCK):
                point = w[at + min(i, count - 1)]
                cos, sin = sign * point.real / radius, -sign * point.imag / radius
                uv[0, i], uv[1, i] = sin * sin / (1.0 + cos), sin
                e[0, i] = e[1, i] = zero
            for m in range(channels):
                row, column = h[m, 2 * at : 2 * (at + count)], grad[m, 2 * at : 2 * (at + count)]
                for i in range(count):
                    hr, hi, gr, gi = row[2 * i], row[2 * i + 1], column[2 * i], column[2 * i + 1]
                    e[0, i], e[1, i] = gr * hr + gi * hi, gr * hi - gi * hr
                for k in range(sections):
                    b0, bs, bd = b[end, m, k]
                    a0, az, ad = a[end, m, k]
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
                    if not abs(s0) + abs(s1) + abs(s2) < np.inf:
                        for i in range(BLOCK):
                            g[0, i] = g[1, i] = zero
                        for i in range(count):
                            g[0, i], g[1, i] = column[2 * i], -column[2 * i + 1]
                        for j in range(sections):
                            b0, bs, bd = b[end, m, j]
                            a0, az, ad = a[end, m, j]
                            if j == k:
                                b0, bs, bd = one, zero, zero
                            for i in range(BLOCK):
                                nr, ni = b0 - bs * uv[0, i], bd * uv[1, i]
                                pr, pi = a0 - az * uv[0, i], ad * uv[1, i]
                                scale = one / (pr * pr + pi * pi)
                                qr, qi = (nr * pr + ni * pi) * scale, (ni * pr - nr * pi) * scale
                                gr, gi = g[0, i], g[1, i]
                                g[0, i], g[1, i] = gr * qr - gi * qi, gr * qi + gi * qr
                        s0 = s1 = s2 = zero
                        for i in range(BLOCK):
                            s0 += g[0, i]
                            s1 += g[0, i] * uv[0, i]
                            s2 += g[1, i] * uv[1, i]
                    total = sums[share, 0, end, m, k]
                    total[0], total[1], total[2] = total[0] + s0, total[1] - s1, total[2] - s2
                    total = sums[share, 1, end, m, k]
                    total[0], total[1], total[2] = total[0] - t0, total[1] + t1, total[2] + t2
