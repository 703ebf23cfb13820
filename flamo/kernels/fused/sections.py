"""A cascade of second-order sections: products of ratios, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK = 128  # bins side by side; constant, so that loops over them become straight vector code


def forward(start: int, stop: int, share: int, b: Any, a: Any, w: Any, silence: float, out: Any) -> None:
    """out[m, f] = Π_k b / a at w[f], 0 where that is below ``silence``; b, a (3, K, M) float64, w (F,) complex128.

    out (M, 2F) has real and imaginary parts in turn.
    """
    sections, channels = b.shape[1], b.shape[2]
    real = out.dtype.type
    d = np.empty((4, BLOCK), out.dtype)  # d and d², real and imaginary
    h = np.empty((2, BLOCK), out.dtype)
    index = np.empty(BLOCK, np.int64)
    for sign in (1.0, -1.0):
        f = start
        while f < stop:
            # the next bins that are nearer to this end of the axis
            count = 0
            while f < stop and count < BLOCK:
                if (w[f].real >= 0.0) == (sign > 0.0):
                    zr, zi = 1.0 - sign * w[f].real, -sign * w[f].imag
                    d[0, count], d[1, count] = zr, zi
                    d[2, count], d[3, count] = zr * zr - zi * zi, 2.0 * zr * zi
                    index[count] = f
                    count += 1
                f += 1
            if count == 0:
                continue
            for i in range(count, BLOCK):
                for j in range(4):
                    d[j, i] = d[j, count - 1]
            first, together = index[0], index[count - 1] - index[0] == count - 1
            for m in range(channels):
                for i in range(BLOCK):
                    h[0, i], h[1, i] = real(1.0), real(0.0)
                for k in range(sections):
                    b0 = real(b[0, k, m] + sign * b[1, k, m] + b[2, k, m])
                    b1, b2 = real(-sign * b[1, k, m] - 2.0 * b[2, k, m]), real(b[2, k, m])
                    a0 = real(a[0, k, m] + sign * a[1, k, m] + a[2, k, m])
                    a1, a2 = real(-sign * a[1, k, m] - 2.0 * a[2, k, m]), real(a[2, k, m])
                    for i in range(BLOCK):
                        nr, ni = b0 + b1 * d[0, i] + b2 * d[2, i], b1 * d[1, i] + b2 * d[3, i]
                        pr, pi = a0 + a1 * d[0, i] + a2 * d[2, i], a1 * d[1, i] + a2 * d[3, i]
                        scale = real(1.0) / (pr * pr + pi * pi)
                        qr, qi = (nr * pr + ni * pi) * scale, (ni * pr - nr * pi) * scale
                        hr, hi = h[0, i], h[1, i]
                        h[0, i], h[1, i] = hr * qr - hi * qi, hr * qi + hi * qr
                for i in range(BLOCK):
                    if abs(h[0, i]) + abs(h[1, i]) < silence:
                        h[0, i], h[1, i] = real(0.0), real(0.0)
                row = out[m]
                if together:
                    for i in range(count):
                        row[2 * (first + i)], row[2 * (first + i) + 1] = h[0, i], h[1, i]
                else:
                    for i in range(count):
                        row[2 * index[i]], row[2 * index[i] + 1] = h[0, i], h[1, i]


def backward(start: int, stop: int, share: int, b: Any, a: Any, w: Any, grad: Any, sums: Any) -> None:
    """sums[share, 0] and [share, 1], (3, K, M) each: what grad (M, 2F) makes of b and of a.

    The gradient of section k has the product of all others as a factor: of those before it, kept on the way up, times
    those after it, gathered on the way down. Nothing is divided by a section, which may be zero.
    """
    sections, channels = b.shape[1], b.shape[2]
    real = grad.dtype.type
    d = np.empty((4, BLOCK), grad.dtype)
    h = np.empty((2, BLOCK), grad.dtype)
    g = np.empty((2, BLOCK), grad.dtype)  # the gradient times the sections after
    # of each section: the product of those before it, 1 / a, its ratio
    kept = np.empty((sections, 6, BLOCK), grad.dtype)
    index = np.empty(BLOCK, np.int64)
    zero = real(0.0)
    for sign in (1.0, -1.0):
        f = start
        while f < stop:
            count = 0
            while f < stop and count < BLOCK:
                if (w[f].real >= 0.0) == (sign > 0.0):
                    zr, zi = 1.0 - sign * w[f].real, -sign * w[f].imag
                    d[0, count], d[1, count] = zr, zi
                    d[2, count], d[3, count] = zr * zr - zi * zi, 2.0 * zr * zi
                    index[count] = f
                    count += 1
                f += 1
            if count == 0:
                continue
            for i in range(count, BLOCK):
                for j in range(4):
                    d[j, i] = d[j, count - 1]
                g[0, i] = g[1, i] = zero
            first, together = index[0], index[count - 1] - index[0] == count - 1
            for m in range(channels):
                for i in range(BLOCK):
                    h[0, i], h[1, i] = real(1.0), zero
                for k in range(sections):
                    b0 = real(b[0, k, m] + sign * b[1, k, m] + b[2, k, m])
                    b1, b2 = real(-sign * b[1, k, m] - 2.0 * b[2, k, m]), real(b[2, k, m])
                    a0 = real(a[0, k, m] + sign * a[1, k, m] + a[2, k, m])
                    a1, a2 = real(-sign * a[1, k, m] - 2.0 * a[2, k, m]), real(a[2, k, m])
                    here = kept[k]
                    for i in range(BLOCK):
                        nr, ni = b0 + b1 * d[0, i] + b2 * d[2, i], b1 * d[1, i] + b2 * d[3, i]
                        pr, pi = a0 + a1 * d[0, i] + a2 * d[2, i], a1 * d[1, i] + a2 * d[3, i]
                        scale = real(1.0) / (pr * pr + pi * pi)
                        vr, vi = pr * scale, -pi * scale
                        qr, qi = nr * vr - ni * vi, nr * vi + ni * vr
                        hr, hi = h[0, i], h[1, i]
                        here[0, i], here[1, i], here[2, i], here[3, i] = hr, hi, vr, vi
                        here[4, i], here[5, i] = qr, qi
                        h[0, i], h[1, i] = hr * qr - hi * qi, hr * qi + hi * qr
                row = grad[m]
                if together:
                    for i in range(count):
                        g[0, i], g[1, i] = row[2 * (first + i)], -row[2 * (first + i) + 1]
                else:
                    for i in range(count):
                        g[0, i], g[1, i] = row[2 * index[i]], -row[2 * index[i] + 1]
                for back in range(sections):
                    k = sections - 1 - back
                    here = kept[k]
                    s0 = s1 = s2 = t0 = t1 = t2 = zero
                    for i in range(BLOCK):
                        gr, gi = g[0, i], g[1, i]
                        hr, hi, vr, vi, qr, qi = here[0, i], here[1, i], here[2, i], here[3, i], here[4, i], here[5, i]
                        g[0, i], g[1, i] = gr * qr - gi * qi, gr * qi + gi * qr
                        er, ei = gr * hr - gi * hi, gr * hi + gi * hr
                        er, ei = er * vr - ei * vi, er * vi + ei * vr
                        ur, ui = er * qr - ei * qi, er * qi + ei * qr
                        s0 += er
                        s1 += er * d[0, i] - ei * d[1, i]
                        s2 += er * d[2, i] - ei * d[3, i]
                        t0 += ur
                        t1 += ur * d[0, i] - ui * d[1, i]
                        t2 += ur * d[2, i] - ui * d[3, i]
                    # from the coefficients of 1, d, d² to those of 1, w, w²
                    sums[share, 0, 0, k, m] += s0
                    sums[share, 0, 1, k, m] += sign * (np.float64(s0) - s1)
                    sums[share, 0, 2, k, m] += np.float64(s0) - 2.0 * np.float64(s1) + s2
                    sums[share, 1, 0, k, m] -= t0
                    sums[share, 1, 1, k, m] -= sign * (np.float64(t0) - t1)
                    sums[share, 1, 2, k, m] -= np.float64(t0) - 2.0 * np.float64(t1) + t2
