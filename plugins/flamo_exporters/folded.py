"""Gains in the forms in which formats have room for them."""

from __future__ import annotations

import math

import numpy as np

from flamo.design import CASCADE, Design


def folded(design: Design) -> np.ndarray:
    """The sections of a design with its gain in the first one, (n, 6) with n at least 1.

    Raises:
        InputError: it is no cascade.
    """
    gain, sos = design.sections()
    rows = np.array(sos if len(sos) else [[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    rows[0, :3] *= gain
    return rows


def in_decibels(design: Design) -> tuple[float, np.ndarray]:
    """The gain of a design in dB, and its sections; a change of sign is in the first one.

    Raises:
        InputError: it is no cascade, or its gain is 0.
    """
    gain, sos = design.sections()
    if gain == 0:
        design.lacks(CASCADE, "its gain is 0")
    rows = np.array(sos if len(sos) or gain > 0 else [[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]]).reshape(-1, 6)
    rows[:1, :3] *= math.copysign(1.0, gain)
    return 20 * math.log10(abs(gain)), rows


def peak_db(design: Design, *frequencies: float) -> float:
    """The largest magnitude of a design in dB, also looked for at some frequencies in Hz."""
    grid = np.geomspace(1.0, design.fs / 2, 8192)[:-1]
    largest = design.magnitude(np.append(grid, frequencies)).max()
    return 20 * math.log10(largest) if largest > 0 else -math.inf


def number(value: float, digits: int) -> str:
    """With at most so many decimals, and none that say nothing.

    >>> number(105.0, 2), number(-2.75, 4), number(-0.001, 2)
    ('105', '-2.75', '0')
    """
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def exact(value: float) -> str:
    """All digits that tell a float64 from its neighbours, always with a point or an exponent.

    >>> exact(1.0), exact(0.1)
    ('1.0', '0.1')
    """
    return repr(float(value))
