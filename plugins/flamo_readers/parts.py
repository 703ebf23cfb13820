"""Bands and sections out of the numbers of a line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flamo.equalizer import Band, Section
from flamo_readers.text import hertz, level, wrong

MIN_Q, MAX_Q = 1e-3, 1e4


def checked_fs(fs: float) -> float:
    """A sampling frequency; raises ValueError."""
    if not math.isfinite(fs) or fs <= 0:
        raise ValueError(f"fs must be a finite positive number of Hz, got {fs}")
    return float(fs)


def band(line: int, type: str, frequency: float, gain_db: float, q: float) -> Band:
    """A band in range; raises InputError."""
    return Band(type, hertz(frequency, line), level(gain_db, line), _quality(q, line))


def section(line: int, row: Sequence[float], fs: float) -> Section:
    """A section of b0, b1, b2, a0, a1, a2, divided by a0; raises InputError."""
    b0, b1, b2, a0, a1, a2 = row
    if a0 == 0:
        raise wrong(line, "a0 is 0; a section needs another one")
    try:
        return Section(b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0, fs)
    except ValueError as error:
        raise wrong(line, str(error)) from error


def slope_q(line: int, gain_db: float, inverse: float) -> float:
    r"""Q of a shelf of slope S: :math:`1/Q^2 = (A + 1/A)(1/S - 1) + 2`, with :math:`A = 10^{g/40}`.

    Args:
        line: where it stands.
        gain_db: gain g of the shelf.
        inverse: 1/S; S is the slope in dB per octave, divided by 12.

    Raises:
        InputError: no shelf of that gain is so steep.
    """
    square = _spread(gain_db, line) * (inverse - 1) + 2
    if square <= 0:
        raise wrong(line, f"a slope of {12 / inverse:g} dB is too steep for a shelf of {gain_db:g} dB")
    return 1 / math.sqrt(square)


def inverse_slope(line: int, gain_db: float, q: float) -> float:
    """1/S of a shelf of that Q, the inverse of :func:`slope_q`."""
    return (1 / _quality(q, line) ** 2 - 2) / _spread(gain_db, line) + 1


def bandwidth_q(line: int, octaves: float, frequency: float, fs: float) -> float:
    r"""Q of a bandwidth: :math:`1/Q = 2\sinh(\tfrac{\ln 2}{2}\,BW\,\omega / \sin\omega)`.

    Raises:
        InputError: a bandwidth that is not positive, or a frequency at or above fs/2.
    """
    omega = 2 * math.pi * frequency / fs
    if not 0 < omega < math.pi:
        raise wrong(line, f"a bandwidth at {frequency:g} Hz needs more than {fs:g} Hz of sampling frequency")
    width = math.log(2) / 2 * octaves * omega / math.sin(omega)
    if not 0 < width < 100:
        raise wrong(line, f"a bandwidth of {octaves:g} octaves at {frequency:g} Hz is out of range")
    return 1 / (2 * math.sinh(width))


def _quality(q: float, line: int) -> float:
    if not MIN_Q <= q <= MAX_Q:
        raise wrong(line, f"Q of {q:g} is out of range ({MIN_Q:g} to {MAX_Q:g})")
    return q


def _spread(gain_db: float, line: int) -> float:
    """A + 1/A."""
    amplitude: float = 10 ** (level(gain_db, line) / 40)
    return amplitude + 1 / amplitude
