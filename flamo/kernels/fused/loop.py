"""The closed loop: one small complex system in every bin, many bins side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from flamo.kernels.backend import SIDE
from flamo.kernels.fused.cells import from_cell, from_number, with_numbers


def solve(
    start: int,
    stop: int,
    share: int,
    d: Any,
    turn: float,
    a: Any,
    x: Any,
    scaled: bool,
    both: bool,
    u: Any,
    y: Any,
    tolerance: float,
    bad: Any,
) -> None:
    """Solve (I + diag(d) a) u = x if ``scaled``, else (1 / diag(d) + a) u = x, and y = x - a u if ``both``.

    d (N, 2F), x, u, y (N, C, 2F), real and imaginary parts in turn; a (N, N, 2); bad (F,) tells which bins went wrong;
    at least SIDE bins. ``turn`` is -1 for the conjugate of d, else 1. Elimination without pivoting of
    (1 / d + a) u = b, b = x / d or x, checked by the residual: |b - a u - u / d|² may be up to ``tolerance`` times
    |b|² + |u / d|², each times |d|² if scaled.
    """
    n, columns = x.shape[0], x.shape[1]
    one, zero, sign = x.dtype.type(1.0), x.dtype.type(0.0), x.dtype.type(turn)
    # cells: the system, 1 / d, the right hand side, the solution, what is left, 1
    e, b, r, t, unit = n * n, n * n + n, n * n + 2 * n, n * n + 3 * n, n * n + 3 * n + 1
    m = np.empty((unit + 1, 2, SIDE), x.dtype)
    for s in range(SIDE):
        m[unit, 0, s], m[unit, 1, s] = one, zero
    error = np.empty((2, SIDE), x.dtype)
    for first in range(start, stop, SIDE):
        at = min(first, stop - SIDE)  # the last block overlaps the one before
        for i in range(n):
            for s in range(SIDE):
                m[t, 0, s], m[t, 1, s] = d[i, 2 * (at + s)], sign * d[i, 2 * (at + s) + 1]
            for s in range(SIDE):
                vr, vi = m[t, 0, s], m[t, 1, s]
                scale = one / (vr * vr + vi * vi)
                m[e + i, 0, s], m[e + i, 1, s] = vr * scale, -vi * scale
            for s in range(SIDE):
                m[t, 0, s], m[t, 1, s] = m[e + i, 0, s] + a[i, i, 0], m[e + i, 1, s] + a[i, i, 1]
            for j in range(n):
                if j != i:
                    pivot = j * n + j if j < i else unit
                    from_number(m, i * n + j, a[i, j, 0], a[i, j, 1], i * n, j, n, min(i, j), pivot)
            from_cell(m, t, t, i * n, 1, i, n, i, unit)
            for s in range(SIDE):
                vr, vi = m[t, 0, s], m[t, 1, s]
                scale = one / (vr * vr + vi * vi)
                m[i * n + i, 0, s], m[i * n + i, 1, s] = vr * scale, -vi * scale
        for c in range(columns):
            for i in range(n):
                for s in range(SIDE):
                    m[b + i, 0, s], m[b + i, 1, s] = x[i, c, 2 * (at + s)], x[i, c, 2 * (at + s) + 1]
                if scaled:
                    from_cell(m, b + i, b + i, 0, 0, 0, 0, 0, e + i)
                from_cell(m, r + i, b + i, i * n, 1, r, 1, i, unit)
            for i in range(n - 1, -1, -1):
                from_cell(m, r + i, r + i, i * n + i + 1, 1, r + i + 1, 1, n - 1 - i, i * n + i)
                for s in range(SIDE):
                    u[i, c, 2 * (at + s)], u[i, c, 2 * (at + s) + 1] = m[r + i, 0, s], m[r + i, 1, s]
            for s in range(SIDE):
                error[0, s] = error[1, s] = zero
            for i in range(n):
                with_numbers(m, t, b + i, a, 2 * n * i, r, n)
                if both:
                    for s in range(SIDE):
                        y[i, c, 2 * (at + s)], y[i, c, 2 * (at + s) + 1] = m[t, 0, s], m[t, 1, s]
                for s in range(SIDE):
                    er, ei, ur, ui = m[e + i, 0, s], m[e + i, 1, s], m[r + i, 0, s], m[r + i, 1, s]
                    weight = one / (er * er + ei * ei) if scaled else one
                    ur, ui = ur * er - ui * ei, ur * ei + ui * er
                    br, bi, tr, ti = m[b + i, 0, s], m[b + i, 1, s], m[t, 0, s] - ur, m[t, 1, s] - ui
                    error[0, s] += weight * (tr * tr + ti * ti)
                    error[1, s] += weight * (br * br + bi * bi + ur * ur + ui * ui)
            for s in range(SIDE):
                if not error[0, s] <= tolerance * error[1, s]:  # also where it is not a number
                    bad[at + s] = True
