"""A cascade of second-order sections on a circle: products of ratios, block by block.

:mod:`flamo.kernels.circle` says what c, s, δ, u, v, t and the nodes are. A table (2 M K, 6) holds c, s, δ of the
numerator and of the denominator of each section, at both ends. Spectra are given as they lie in memory; ``p`` is where
one begins, ``dp`` the step to its next bin. Sections that are smooth over a block are computed at its nodes only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from flamo.kernels.circle import BINS, GROUP, NODES

LEADING = 0.5 ** (NODES - 2)  # what a power of t counts in Chebyshev's polynomials
TAIL = 2.5e-7  # times the root of the number of sections: what rounding makes of their product's last coefficients
RUN = 64  # bins that are written for all of these, where their channels lie side by side, before the next
SMALL, LARGE = 1e-18, 1e18  # beyond which float32 may not hold the square of a number, or the product of two


def tabulate(b: Any, a: Any, radius: float, scales: Any, tables: Any) -> None:
    """c, s, δ of b and a, (3, K, M) float64: tables (2, M, K, 2, 3), at both ends.

    They are multiplied by ``scales`` (2, K, M), powers of two, so that nothing is rounded: all a are about 1, and the
    gain of a cascade, which may be in its first section, is spread over all b. So float32 can hold their squares.
    """
    less, more, sections = radius - 1.0, radius + 1.0, b.shape[1]
    for m in range(b.shape[2]):
        total = 0
        for k in range(sections):
            scales[0, k, m], scales[1, k, m] = _exponent(b, k, m), _exponent(a, k, m)
            total += int(scales[0, k, m] - scales[1, k, m])
        for k in range(sections):
            gain = total // sections + (1 if k < total % sections else 0)
            scales[0, k, m] = math.ldexp(1.0, gain - int(scales[0, k, m]))
            scales[1, k, m] = math.ldexp(1.0, -int(scales[1, k, m]))
            for side in range(2):
                c, scale = a if side else b, scales[side, k, m]
                c0, c1, c2 = c[0, k, m] * scale, c[1, k, m] * scale, c[2, k, m] * scale
                for end in range(2):
                    c1 = -c1 if end else c1
                    row = tables[end, m, k, side]
                    row[0] = c0 + c1 + c2 + less * (c1 + more * c2)  # in this order, nothing is lost where they cancel
                    row[1], row[2] = c0 + c2 + less * more * c2, c0 - c2 - less * more * c2


def gather(scales: Any, radius: float, totals: Any, sums: Any) -> None:
    """The transpose of :func:`tabulate`: sums (2, 3, K, M) for b and a of those for the tables."""
    for k in range(scales.shape[1]):
        for m in range(scales.shape[2]):
            for side in range(2):
                scale = scales[side, k, m]
                low, high = totals[0, m, k, side], totals[1, m, k, side]
                c, s, delta = low[0] + high[0], low[1] + high[1], low[2] + high[2]
                sums[side, 0, k, m] = (c + s + delta) * scale
                sums[side, 1, k, m] = (low[0] - high[0]) * scale * radius
                sums[side, 2, k, m] = (c + s - delta) * scale * radius * radius


EXACT = {"tabulate"}  # without fast arithmetic: it would change the order of sums


@register_jitable(forceinline=True)
def _exponent(c: Any, k: int, m: int) -> int:
    return math.frexp(max(abs(c[0, k, m]), abs(c[1, k, m]), abs(c[2, k, m])))[1]


def forward(
    start: int,
    stop: int,
    share: int,
    table: Any,
    channels: int,
    sections: int,
    blocks: Any,
    points: Any,
    nodes: Any,
    places: Any,
    polynomial: Any,
    silence: float,
    x: Any,
    x_bin: int,
    x_channel: int,
    y: Any,
    y_bin: int,
    y_channel: int,
    bins: Any,
    small: Any,
) -> None:
    """y = x Π_k b / a in the blocks from ``start`` to ``stop``, 0 where that product is below ``silence``."""
    h, values, c, noise = bins[share], small[share, :2], small[share, 2:], TAIL * math.sqrt(sections)
    for block in range(start, stop):
        at, count = blocks[block, 0], blocks[block, 1]
        uv, few, place = points[block], nodes[block], places[block]
        for first in range(0, channels, GROUP):
            last = min(channels, first + GROUP)
            for m in range(first, last):
                row, slot = (blocks[block, 2] * channels + m) * sections, h[m - first]
                _evaluate(slot, uv, values, few, table, row, row + sections, place, polynomial, c, noise, silence)
            run = RUN if y_channel < y_bin else count
            for i in range(0, count, run):
                for m in range(first, last):
                    p, q = (at + i) * x_bin + m * x_channel, (at + i) * y_bin + m * y_channel
                    _hear(h, m - first, i, min(run, count - i), x, p, x_bin, y, q, y_bin)


def backward(
    start: int,
    stop: int,
    share: int,
    table: Any,
    channels: int,
    sections: int,
    blocks: Any,
    points: Any,
    nodes: Any,
    places: Any,
    polynomial: Any,
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
    bins: Any,
    small: Any,
) -> None:
    """sums[share]: what grad makes of the table, in float64.

    y is the result of the forward pass, so that dy = y (db / b - da / a).
    """
    e, weights, moments, found = bins[share, 0], small[share, :2], small[share, 2], small[share, 3]
    for block in range(start, stop):
        at, count, end = blocks[block, 0], blocks[block, 1], blocks[block, 2]
        uv, few = points[block], nodes[block]
        for m in range(channels):
            p, q, r = at * x_bin + m * x_channel, at * y_bin + m * y_channel, at * g_bin + m * g_channel
            _weigh(y, q, y_bin, grad, r, g_bin, count, e)
            _project(e, polynomial, uv, moments, weights)
            for row in range((end * channels + m) * sections, (end * channels + m + 1) * sections):
                fine = False
                if _is_smooth(table, row, places[block, 0], places[block, 1]):
                    fine = _sum(weights, few, table, row, found, NODES)
                if not fine and not _sum(e, uv, table, row, found, BINS):
                    first = row - row % sections
                    _mend(e, uv, table, row, first, sections, x, p, x_bin, grad, r, g_bin, count, found)
                for i in range(6):
                    sums[share, row, i] += found[i] if i == 0 or i > 3 else -found[i]


@register_jitable(forceinline=True)
def _is_smooth(table: Any, row: int, middle: float, reach: float) -> bool:
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
def _evaluate(
    h: Any,
    uv: Any,
    values: Any,
    few: Any,
    table: Any,
    first: int,
    last: int,
    place: Any,
    polynomial: Any,
    c: Any,
    noise: float,
    silence: float,
) -> None:
    """h = the product of the sections ``first`` … ``last`` in a block, 0 where it is below ``silence``."""
    reach = place[1]
    for attempt in range(4):
        rough = False
        _reset(values, NODES)
        for row in range(first, last):
            if _is_smooth(table, row, place[0], reach):
                _multiply(values, few, table, row, NODES)
            else:
                if not rough:
                    _reset(h, BINS)
                rough = True
                _multiply(h, uv, table, row, BINS)
        exact = _coefficients(values, polynomial, c, noise)
        if exact and not rough:
            _interpolate(c, uv, h)
        elif exact:
            exact = _interpolate_times(c, uv, h, silence)
        if exact or reach == np.inf:
            break
        reach = 2.0 * reach if attempt < 2 else np.inf  # where nothing is smooth


@register_jitable(forceinline=True)
def _multiply(h: Any, uv: Any, table: Any, row: int, count: int) -> None:
    """h times a section."""
    b0, bs, bd, a0, az, ad = table[row, 0], table[row, 1], table[row, 2], table[row, 3], table[row, 4], table[row, 5]
    one = h.dtype.type(1.0)
    for i in range(count):
        nr, ni = b0 - bs * uv[0, i], bd * uv[1, i]
        pr, pi = a0 - az * uv[0, i], ad * uv[1, i]
        scale = one / (pr * pr + pi * pi)
        qr, qi = (nr * pr + ni * pi) * scale, (ni * pr - nr * pi) * scale
        hr, hi = h[0, i], h[1, i]
        h[0, i], h[1, i] = hr * qr - hi * qi, hr * qi + hi * qr


@register_jitable(forceinline=True)
def _reset(h: Any, count: int) -> None:
    for i in range(count):
        h[0, i], h[1, i] = 1.0, 0.0


@register_jitable(forceinline=True)
def _coefficients(values: Any, polynomial: Any, c: Any, noise: float) -> bool:
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
def _interpolate(c: Any, uv: Any, h: Any) -> None:
    """h = the polynomial."""
    for i in range(BINS):
        h[0, i], h[1, i] = _polynomial(c, uv[2, i])


@register_jitable(forceinline=True)
def _interpolate_times(c: Any, uv: Any, h: Any, silence: float) -> bool:
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
def _hear(h: Any, slot: int, first: int, count: int, x: Any, p: int, dp: int, y: Any, q: int, dq: int) -> None:
    """y = h[slot] x in ``count`` bins of a block. The compiler is told of steps of 1, for vectors."""
    if dp == 0 and dq == 1:
        z = x[p]
        for i in range(count):
            re, im = h[slot, 0, np.uintp(first + i)], h[slot, 1, np.uintp(first + i)]
            y[np.uintp(q + i)] = complex(re * z.real - im * z.imag, re * z.imag + im * z.real)
    elif dp == 1 and dq == 1:
        _filter(h, slot, first, count, x, p, 1, y, q, 1)
    else:
        _filter(h, slot, first, count, x, p, dp, y, q, dq)


@register_jitable(forceinline=True)
def _filter(h: Any, slot: int, first: int, count: int, x: Any, p: int, dp: int, y: Any, q: int, dq: int) -> None:
    for i in range(count):  # indices without a sign: no test for negative ones
        re, im, z = h[slot, 0, np.uintp(first + i)], h[slot, 1, np.uintp(first + i)], x[np.uintp(p + i * dp)]
        y[np.uintp(q + i * dq)] = complex(re * z.real - im * z.imag, re * z.imag + im * z.real)


@register_jitable(forceinline=True)
def _weigh(y: Any, p: int, dp: int, grad: Any, q: int, dq: int, count: int, e: Any) -> None:
    """e = conj(grad) y, 0 beyond ``count``."""
    if dp == 1 and dq == 1:
        _correlate(y, p, 1, grad, q, 1, count, e)
    else:
        _correlate(y, p, dp, grad, q, dq, count, e)
    for i in range(count, BINS):
        e[0, i] = e[1, i] = 0.0


@register_jitable(forceinline=True)
def _correlate(y: Any, p: int, dp: int, grad: Any, q: int, dq: int, count: int, e: Any) -> None:
    for i in range(count):
        z, g = y[np.uintp(p + i * dp)], grad[np.uintp(q + i * dq)]
        e[0, i], e[1, i] = g.real * z.real + g.imag * z.imag, g.real * z.imag - g.imag * z.real


@register_jitable(forceinline=True)
def _project(e: Any, polynomial: Any, uv: Any, moments: Any, weights: Any) -> None:
    """The transpose of :func:`_interpolate`: weights at the nodes, of e in the bins."""
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


@register_jitable(forceinline=True)
def _sum(e: Any, uv: Any, table: Any, row: int, found: Any, count: int) -> bool:
    """For the numerator n and the denominator of a section: the sums of Re(e / n), of that times u, and of Im(e / n) v.

    Whether the numerator's are right: they are not where it is zero, or its square too large.
    """
    one, zero = e.dtype.type(1.0), e.dtype.type(0.0)
    for side in range(0, 6, 3):
        c, s, delta = table[row, side], table[row, side + 1], table[row, side + 2]
        s0 = s1 = s2 = zero
        for i in range(count):
            er, ei, nr, ni = e[0, i], e[1, i], c - s * uv[0, i], delta * uv[1, i]
            scale = one / (nr * nr + ni * ni)
            re = (er * nr + ei * ni) * scale
            s0, s1, s2 = s0 + re, s1 + re * uv[0, i], s2 + (ei * nr - er * ni) * scale * uv[1, i]
        found[side], found[side + 1], found[side + 2] = s0, s1, s2
    finite = abs(found[0]) + abs(found[1]) + abs(found[2]) < np.inf  # np.isfinite is blind in fast arithmetic
    return finite and abs(table[row, 0]) + abs(table[row, 1]) + abs(table[row, 2]) <= LARGE


@register_jitable(forceinline=True)
def _mend(
    e: Any,
    uv: Any,
    table: Any,
    row: int,
    first: int,
    sections: int,
    x: Any,
    p: int,
    dp: int,
    grad: Any,
    q: int,
    dq: int,
    count: int,
    found: Any,
) -> None:
    """The sums of :func:`_sum` for a numerator that is zero, or large: there, by the product of all others."""
    found[0] = found[1] = found[2] = 0.0
    for i in range(count):
        u, v = uv[0, i], uv[1, i]
        nr, ni = table[row, 0] - table[row, 1] * u, table[row, 2] * v
        size = nr * nr + ni * ni
        if SMALL <= size <= LARGE:
            re, im = (e[0, i] * nr + e[1, i] * ni) / size, (e[1, i] * nr - e[0, i] * ni) / size
        else:
            gr, gi, xr, xi = grad[q + i * dq].real, grad[q + i * dq].imag, x[p + i * dp].real, x[p + i * dp].imag
            re, im = gr * xr + gi * xi, gr * xi - gi * xr
            for j in range(first, first + sections):
                nr, ni = table[j, 3] - table[j, 4] * u, table[j, 5] * v
                size = nr * nr + ni * ni
                re, im = (re * nr + im * ni) / size, (im * nr - re * ni) / size
                if j != row:
                    nr, ni = table[j, 0] - table[j, 1] * u, table[j, 2] * v
                    re, im = re * nr - im * ni, re * ni + im * nr
        found[0], found[1], found[2] = found[0] + re, found[1] + re * u, found[2] + im * v
