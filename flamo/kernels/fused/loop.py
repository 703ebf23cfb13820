"""The closed loop: one small complex system in every bin, many bins side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 32  # bins side by side; constant, so that loops over them become straight vector code


def solve(
    start: int, stop: int, share: int, left: Any, a: Any, right: Any, x: Any, y: Any, tolerance: float, bad: Any
) -> None:
    """y = (I - diag(left) a diag(right))^-1 x in every bin, and which bins went ``bad``.

    left, right (N, 2F or 2), x, y (N, C, 2F), real and imaginary parts in turn, a (2, N, N), bad (F,); at least SIDE
    bins.
    Elimination without pivoting, checked by the residual: |x - (I - L) y|² may be up to ``tolerance`` times
    |x|² + |y|² + |L y|².
    """
    n, columns = x.shape[0], x.shape[1]
    one = x.dtype.type(1.0)
    m = np.empty((n, n + columns, 2, SIDE), x.dtype)  # I - L and x, eliminated together; then y
    ends = np.empty((n, 4, SIDE), x.dtype)  # left and right
    u = np.empty((n, 2, SIDE), x.dtype)  # right · y
    t = np.empty((4, SIDE), x.dtype)
    for first in range(start, stop, SIDE):
        at = min(first, stop - SIDE)  # the last block overlaps the one before
        for i in range(n):
            end = ends[i]
            for side in range(2):
                diagonal = right[i] if side else left[i]
                if len(diagonal) > 2:
                    for s in range(SIDE):
                        end[2 * side, s], end[2 * side + 1, s] = diagonal[2 * (at + s)], diagonal[2 * (at + s) + 1]
                elif first == start:
                    for s in range(SIDE):
                        end[2 * side, s], end[2 * side + 1, s] = diagonal[0], diagonal[1]
            for c in range(columns):
                here, column = m[i, n + c], x[i, c]
                for s in range(SIDE):
                    here[0, s], here[1, s] = column[2 * (at + s)], column[2 * (at + s) + 1]
        for i in range(n):
            for j in range(n):
                here, lend, rend, ar, ai = m[i, j], ends[i], ends[j], a[0, i, j], a[1, i, j]
                unit = one if i == j else one - one
                for s in range(SIDE):
                    pr = lend[0, s] * rend[2, s] - lend[1, s] * rend[3, s]
                    pi = lend[0, s] * rend[3, s] + lend[1, s] * rend[2, s]
                    here[0, s], here[1, s] = unit - (pr * ar - pi * ai), -(pr * ai + pi * ar)
        for k in range(n):
            pivot = m[k, k]
            for s in range(SIDE):
                scale = one / (pivot[0, s] * pivot[0, s] + pivot[1, s] * pivot[1, s])
                pivot[0, s], pivot[1, s] = pivot[0, s] * scale, -pivot[1, s] * scale
            for i in range(k + 1, n):
                factor = m[i, k]
                for s in range(SIDE):
                    t[0, s] = factor[0, s] * pivot[0, s] - factor[1, s] * pivot[1, s]
                    t[1, s] = factor[0, s] * pivot[1, s] + factor[1, s] * pivot[0, s]
                for j in range(k + 1, n + columns):
                    here, above = m[i, j], m[k, j]
                    for s in range(SIDE):
                        here[0, s] -= t[0, s] * above[0, s] - t[1, s] * above[1, s]
                        here[1, s] -= t[0, s] * above[1, s] + t[1, s] * above[0, s]
        for c in range(columns):
            for s in range(SIDE):
                t[2, s] = t[3, s] = one - one
            for back in range(n):
                i = n - 1 - back
                row, end, pivot, scaled, column = m[i, n + c], ends[i], m[i, i], u[i], y[i, c]
                for j in range(i + 1, n):
                    here, other = m[i, j], m[j, n + c]
                    for s in range(SIDE):
                        row[0, s] -= here[0, s] * other[0, s] - here[1, s] * other[1, s]
                        row[1, s] -= here[0, s] * other[1, s] + here[1, s] * other[0, s]
                for s in range(SIDE):
                    yr = row[0, s] * pivot[0, s] - row[1, s] * pivot[1, s]
                    yi = row[0, s] * pivot[1, s] + row[1, s] * pivot[0, s]
                    row[0, s], row[1, s] = yr, yi
                    scaled[0, s], scaled[1, s] = yr * end[2, s] - yi * end[3, s], yr * end[3, s] + yi * end[2, s]
                    column[2 * (at + s)], column[2 * (at + s) + 1] = yr, yi
            for i in range(n):
                row, end, column = m[i, n + c], ends[i], x[i, c]
                for s in range(SIDE):
                    t[0, s] = t[1, s] = one - one
                for j in range(n):
                    scaled, ar, ai = u[j], a[0, i, j], a[1, i, j]
                    for s in range(SIDE):
                        t[0, s] += ar * scaled[0, s] - ai * scaled[1, s]
                        t[1, s] += ar * scaled[1, s] + ai * scaled[0, s]
                for s in range(SIDE):
                    xr, xi, yr, yi = column[2 * (at + s)], column[2 * (at + s) + 1], row[0, s], row[1, s]
                    vr, vi = end[0, s] * t[0, s] - end[1, s] * t[1, s], end[0, s] * t[1, s] + end[1, s] * t[0, s]
                    er, ei = xr - yr + vr, xi - yi + vi
                    t[2, s] += er * er + ei * ei
                    t[3, s] += xr * xr + xi * xi + yr * yr + yi * yi + vr * vr + vi * vi
            for s in range(SIDE):
                if not t[2, s] <= tolerance * t[3, s]:  # also where it is not a number
                    bad[at + s] = True
