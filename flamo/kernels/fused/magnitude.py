"""Magnitudes and their derivative, each in one pass over numbers side by side.

In float64, which holds the square of any number in float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def forward(start: int, stop: int, share: int, x: Any, y: Any) -> None:
    """y = |x| from ``start`` to ``stop``; x has real and imaginary parts in turn."""
    x, y = x[2 * start : 2 * stop], y[start:stop]  # from 0: in vectors
    for i in range(len(y)):
        re, im = np.float64(x[2 * i]), np.float64(x[2 * i + 1])
        y[i] = math.sqrt(re * re + im * im)


def backward(start: int, stop: int, share: int, x: Any, grad: Any, out: Any) -> None:
    """out = grad x / |x|, 0 where x is."""
    x, grad, out = x[2 * start : 2 * stop], grad[start:stop], out[2 * start : 2 * stop]
    for i in range(len(grad)):
        re, im = np.float64(x[2 * i]), np.float64(x[2 * i + 1])
        square = re * re + im * im
        scale = grad[i] / math.sqrt(square if square > 0.0 else 1.0)
        out[2 * i], out[2 * i + 1] = re * scale, im * scale
