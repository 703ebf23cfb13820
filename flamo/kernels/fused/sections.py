"""A cascade of second-order sections on a circle: products of ratios, block by block.

:mod:`flamo.kernels.circle` says what c, s, δ, u, v, t and the nodes are. A table (2 M K, 6) holds c, s, δ of the
numerator and of the denominator of each section, at both ends. Spectra have real and imaginary parts in turn; ``p`` is
the number with which one begins, ``dp`` the step to its next bin. Sections that are smooth over a block are computed at
its nodes only (:mod:`flamo.kernels.fused.nodes`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from flamo.kernels.circle import BINS, NODES
from flamo.kernels.fused.nodes import LARGE, SMALL, coefficients, interpolate, interpolate_times, is_smooth, project
from flamo.kernels.sections import GROUP

TAIL = 2.5e-7  # times the root of the number of sections: what rounding makes of their product's last coefficients
RUN = 64  # bins that are written for a group of channels, where these lie side by side, before the next


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
            project(e, polynomial, uv, moments, weights)
            for row in range((end * channels + m) * sections, (end * channels + m + 1) * sections):
                fine = False
                if is_smooth(table, row, places[block, 0], places[block, 1]):
                    fine = _sum(weights, few, table, row, found, NODES)
                if not fine and not _sum(e, uv, table, row, found, BINS):
                    first = row - row % sections
                    _mend(e, uv, table, row, first, sections, x, p, x_bin, grad, r, g_bin, count, found)
                for i in range(6):
                    sums[share, row, i] += found[i] if i == 0 or i > 3 else -found[i]


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
    """h = the product of the sections ``first`` … ``last`` in a block, 0 where it is below ``silence``; where all are
    smooth it is not, as its values at the nodes are at least SMALL."""
    reach = place[1]
    for attempt in range(4):
        rough = False
        _reset(values, NODES)
        for row in range(first, last):
            if is_smooth(table, row, place[0], reach):
                _multiply(values, few, table, row, NODES)
            else:
                if not rough:
                    _reset(h, BINS)
                rough = True
                _multiply(h, uv, table, row, BINS)
        exact = coefficients(values, polynomial, c, noise)
        if exact and not rough:
            interpolate(c, uv, h)
        elif exact:
            exact = interpolate_times(c, uv, h, silence)
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
def _hear(h: Any, slot: int, first: int, count: int, x: Any, p: int, dp: int, y: Any, q: int, dq: int) -> None:
    """y = h[slot] x in ``count`` bins of a block. The compiler is told of steps of 1, for vectors."""
    if dp == 0 and dq == 1:
        xr, xi = x[2 * p], x[2 * p + 1]
        for i in range(count):
            re, im, at = h[slot, 0, np.uintp(first + i)], h[slot, 1, np.uintp(first + i)], 2 * (q + i)
            y[np.uintp(at)], y[np.uintp(at + 1)] = re * xr - im * xi, re * xi + im * xr
    elif dp == 1 and dq == 1:
        _filter(h, slot, first, count, x, p, 1, y, q, 1)
    else:
        _filter(h, slot, first, count, x, p, dp, y, q, dq)


@register_jitable(forceinline=True)
def _filter(h: Any, slot: int, first: int, count: int, x: Any, p: int, dp: int, y: Any, q: int, dq: int) -> None:
    for i in range(count):  # indices without a sign: no test for negative ones
        re, im, at = h[slot, 0, np.uintp(first + i)], h[slot, 1, np.uintp(first + i)], 2 * (p + i * dp)
        xr, xi, to = x[np.uintp(at)], x[np.uintp(at + 1)], 2 * (q + i * dq)
        y[np.uintp(to)], y[np.uintp(to + 1)] = re * xr - im * xi, re * xi + im * xr


@register_jitable(forceinline=True)
def _weigh(y: Any, p: int, dp: int, grad: Any, q: int, dq: int, count: int, e: Any) -> None:
    """e = conj(grad) y, 0 beyond ``count``."""
    if dp == 1 and dq == 1:
        z, g = y[2 * p : 2 * (p + count)], grad[2 * q : 2 * (q + count)]  # from 0: in vectors
        for i in range(count):
            yr, yi, gr, gi = z[2 * i], z[2 * i + 1], g[2 * i], g[2 * i + 1]
            e[0, i], e[1, i] = gr * yr + gi * yi, gr * yi - gi * yr
    else:
        at, of = 2 * p, 2 * q
        for i in range(count):
            yr, yi, gr, gi = y[np.uintp(at)], y[np.uintp(at + 1)], grad[np.uintp(of)], grad[np.uintp(of + 1)]
            e[0, i], e[1, i] = gr * yr + gi * yi, gr * yi - gi * yr
            at, of = at + 2 * dp, of + 2 * dq
    for i in range(count, BINS):
        e[0, i] = e[1, i] = 0.0


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
            at, of = 2 * (p + i * dp), 2 * (q + i * dq)
            gr, gi, xr, xi = grad[of], grad[of + 1], x[at], x[at + 1]
            re, im = gr * xr + gi * xi, gr * xi - gi * xr
            for j in range(first, first + sections):
                nr, ni = table[j, 3] - table[j, 4] * u, table[j, 5] * v
                size = nr * nr + ni * ni
                re, im = (re * nr + im * ni) / size, (im * nr - re * ni) / size
                if j != row:
                    nr, ni = table[j, 0] - table[j, 1] * u, table[j, 2] * v
                    re, im = re * nr - im * ni, re * ni + im * nr
        found[0], found[1], found[2] = found[0] + re, found[1] + re * u, found[2] + im * v
