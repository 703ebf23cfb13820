"""Delays on the grid: an exact phase at the start of every block, rotated by a table inside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

BLOCK = 128  # bins that share a table


def forward(start: int, stop: int, share: int, m: Any, nfft: int, gamma: float, out: Any) -> None:
    """out[c, k] = γ^m e^{-j2πkm/nfft} for m[c]; m (M,) float64, out (M, 2F), real and imaginary parts in turn."""
    table = np.empty((2, BLOCK), np.float64)
    for c in range(len(m)):
        turns, rest = _tabulate(m[c], nfft, table)
        gain, row = gamma ** m[c], out[c]
        for first in range(start, stop, BLOCK):
            er, ei = _turned(gain, first, turns, rest, nfft)
            for i in range(min(BLOCK, stop - first)):
                row[2 * (first + i)] = er * table[0, i] - ei * table[1, i]
                row[2 * (first + i) + 1] = er * table[1, i] + ei * table[0, i]


def backward(start: int, stop: int, share: int, m: Any, nfft: int, gamma: float, grad: Any, sums: Any) -> None:
    """sums[share, c]: what grad (M, 2F) makes of m[c], with dH/dm = (ln γ - jω) H."""
    step = 2.0 * math.pi / nfft
    table = np.empty((2, BLOCK), np.float64)
    for c in range(len(m)):
        turns, rest = _tabulate(m[c], nfft, table)
        gain, row = gamma ** m[c], grad[c]
        total = 0.0
        for first in range(start, stop, BLOCK):
            er, ei = _turned(gain, first, turns, rest, nfft)
            amplitude = slope = 0.0  # Σ conj(g) H, times ln γ - jω
            for i in range(min(BLOCK, stop - first)):
                hr, hi = er * table[0, i] - ei * table[1, i], er * table[1, i] + ei * table[0, i]
                gr, gi = np.float64(row[2 * (first + i)]), np.float64(row[2 * (first + i) + 1])
                amplitude += gr * hr + gi * hi
                slope += (first + i) * (gr * hi - gi * hr)
            total += math.log(gamma) * amplitude + step * slope
        sums[share, c] = total


@register_jitable(forceinline=True)
def _tabulate(delay: float, nfft: int, table: Any) -> tuple[int, float]:
    """The first bins of a delay into the table; what is left of its whole samples modulo nfft, and of one sample."""
    whole = math.floor(delay)
    turns, rest = int(whole - nfft * math.floor(whole / nfft)), delay - whole
    for i in range(BLOCK):
        table[0, i], table[1, i] = _turned(1.0, i, turns, rest, nfft)
    return turns, rest


@register_jitable(forceinline=True)
def _turned(gain: float, k: int, turns: int, rest: float, nfft: int) -> tuple[float, float]:
    """gain e^{-j2πk(turns + rest)/nfft}."""
    phase = 2.0 * math.pi / nfft * ((k * turns) % nfft + k * rest)
    return gain * math.cos(phase), -gain * math.sin(phase)
