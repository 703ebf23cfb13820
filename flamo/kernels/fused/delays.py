"""Delays on the grid: an exact phase at the start of every block, rotated by a table inside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BLOCK = 128  # bins that share a table


def forward(start: int, stop: int, share: int, m: Any, nfft: int, gamma: float, out: Any) -> None:
    """out[c, k] = γ^m e^{-j2πkm/nfft} for m[c]; m (M,) float64, out (M, 2F), real and imaginary parts in turn."""
    step = 2.0 * math.pi / nfft
    table = np.empty((2, BLOCK), np.float64)
    for c in range(len(m)):
        whole = math.floor(m[c])
        turns, rest = int(whole - nfft * math.floor(whole / nfft)), m[c] - whole
        for i in range(BLOCK):
            phase = step * ((i * turns) % nfft + i * rest)
            table[0, i], table[1, i] = math.cos(phase), -math.sin(phase)
        gain, row = gamma ** m[c], out[c]
        for first in range(start, stop, BLOCK):
            phase = step * ((first * turns) % nfft + first * rest)
            er, ei = gain * math.cos(phase), -gain * math.sin(phase)
            for i in range(min(BLOCK, stop - first)):
                row[2 * (first + i)] = er * table[0, i] - ei * table[1, i]
                row[2 * (first + i) + 1] = er * table[1, i] + ei * table[0, i]


def backward(start: int, stop: int, share: int, m: Any, nfft: int, gamma: float, grad: Any, sums: Any) -> None:
    """sums[share, c]: what grad (M, 2F) makes of m[c], with dH/dm = (ln γ - jω) H."""
    step = 2.0 * math.pi / nfft
    table = np.empty((2, BLOCK), np.float64)
    for c in range(len(m)):
        whole = math.floor(m[c])
        turns, rest = int(whole - nfft * math.floor(whole / nfft)), m[c] - whole
        for i in range(BLOCK):
            phase = step * ((i * turns) % nfft + i * rest)
            table[0, i], table[1, i] = math.cos(phase), -math.sin(phase)
        gain, row = gamma ** m[c], grad[c]
        total = 0.0
        for first in range(start, stop, BLOCK):
            phase = step * ((first * turns) % nfft + first * rest)
            er, ei = gain * math.cos(phase), -gain * math.sin(phase)
            amplitude = slope = 0.0  # Σ conj(g) H, times ln γ - jω
            for i in range(min(BLOCK, stop - first)):
                hr, hi = er * table[0, i] - ei * table[1, i], er * table[1, i] + ei * table[0, i]
                gr, gi = np.float64(row[2 * (first + i)]), np.float64(row[2 * (first + i) + 1])
                amplitude += gr * hr + gi * hi
                slope += (first + i) * (gr * hi - gi * hr)
            total += math.log(gamma) * amplitude + step * slope
        sums[share, c] = total
