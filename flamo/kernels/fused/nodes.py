"""Sections that are smooth over a block of bins: their product at a few nodes, and between them.

numba's cache does not see a change of this: touch the kernels that use it as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from flamo.kernels.circle import BINS, NODES

LEADING = 0.5 ** (NODES - 2)  # what a power of t counts in Chebyshev's polynomials
SMALL, LARGE = 1e-18, 1e18  # beyond which float32 may not hold the square of a number, or the product of two


@register_jitable(forceinline=True)
def is_smooth(table: Any, row: int, middle: float, reach: float) -> bool:
    """Whether numerator and denominator of a section have no root nearer to the middle than ``reach``.

    (c - s u + j δ v) (1 + t²) = c + 2 j δ t + (c - 2 s) t² is q0 + q1 x + q2 x² about the middle, and has none if
    |q0| > |q1| reach + |q2| reach².
    """
    smooth = True
    for side in range(0, 6, 3):
        c, delta = table[row, side], table[row, side + 2]
        square = c - 2.0 * table[row, side + 1]
        re, im = c + square * middle * middle, 2.0 * delta * middle
        less, more = 2.0 * abs(square * middle), 2.0 * abs(delta)
        if less > more:
            less, more = more, less
        least = (more + 0.5 * less + abs(square) * reach) * reach  # |q1| is less than this, without a root
        smooth = smooth and re * re + im * im > least * least
    return smooth


@register_jitable(forceinline=True)
def coefficients(values: Any, polynomial: Any, c: Any, noise: float) -> bool:
    """The coefficients c of the polynomial with these values at the nodes.

    False where the last of them are more than noise, as are those that would come next then, and where the values are
    beyond what float32 holds products of.
    """
    least, most = np.inf, 0.0
    for p in range(NODES):
        re = im = 0.0
        for j in range(NODES):
            re, im = re + polynomial[p, j] * values[0, j], im + polynomial[p, j] * values[1, j]
        c[0, p], c[1, p] = re, im
        size = abs(values[0, p]) + abs(values[1, p])
        least, most = size if size < least else least, size if size > most else most
    odd, even = abs(c[0, NODES - 1]) + abs(c[1, NODES - 1]), abs(c[0, NODES - 2]) + abs(c[1, NODES - 2])
    return (odd + 0.2 * even) * LEADING <= noise * least and least >= SMALL and most <= LARGE


@register_jitable(forceinline=True)
def interpolate(c: Any, uv: Any, h: Any) -> None:
    """h = the polynomial."""
    for i in range(BINS):
        h[0, i], h[1, i] = _polynomial(c, uv[2, i])


@register_jitable(forceinline=True)
def interpolate_times(c: Any, uv: Any, h: Any, silence: float) -> bool:
    """h times the polynomial, 0 where that is below ``silence``.

    False where h is beyond what float32 holds products of: that of all sections in their order may not be.
    """
    one, zero, small, large = h.dtype.type(1.0), h.dtype.type(0.0), h.dtype.type(SMALL), h.dtype.type(LARGE)
    least, held = h.dtype.type(silence), zero
    for i in range(BINS):
        re, im = _polynomial(c, uv[2, i])
        hr, hi = h[0, i], h[1, i]
        size = abs(hr) + abs(hi)
        some = one if size >= small else zero
        held += some if size <= large else zero
        yr, yi = hr * re - hi * im, hr * im + hi * re
        heard = one if abs(yr) + abs(yi) >= least else zero
        h[0, i], h[1, i] = yr * heard, yi * heard
    return held == BINS


@register_jitable(forceinline=True)
def _polynomial(c: Any, tau: Any) -> Any:
    re, im = c[0, NODES - 1], c[1, NODES - 1]
    for p in range(NODES - 2, -1, -1):
        re, im = re * tau + c[0, p], im * tau + c[1, p]
    return re, im


@register_jitable(forceinline=True)
def project(e: Any, polynomial: Any, uv: Any, moments: Any, weights: Any) -> None:
    """The transpose of :func:`interpolate`: weights at the nodes, of e in the bins."""
    zero = e.dtype.type(0.0)
    for side in range(2):
        m0 = m1 = m2 = m3 = m4 = m5 = m6 = m7 = zero
        for i in range(BINS):
            tau, e0 = uv[2, i], e[side, i]
            square, e1 = tau * tau, tau * e0
            e2, e3, fourth = square * e0, square * e1, square * square
            m0, m1, m2, m3 = m0 + e0, m1 + e1, m2 + e2, m3 + e3
            m4, m5, m6, m7 = m4 + fourth * e0, m5 + fourth * e1, m6 + fourth * e2, m7 + fourth * e3
        moments[0], moments[1], moments[2], moments[3] = m0, m1, m2, m3
        moments[4], moments[5], moments[6], moments[7] = m4, m5, m6, m7
        for j in range(NODES):
            total = 0.0
            for p in range(NODES):
                total += polynomial[p, j] * moments[p]
            weights[side, j] = total
