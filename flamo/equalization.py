"""Curves to equalise to: the range that counts, and the difference of a measurement and a target made usable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import savgol_filter

from flamo.curves import Curve
from flamo.errors import InputError
from flamo.targets import read_target

if TYPE_CHECKING:
    from flamo.config.model import CurveTarget

STEP = 1.01  # of the grid on which a measurement is compared with its target
CENTRE = (100.0, 10000.0)  # Hz: where the mean difference is taken away
TREBLE = (6000.0, 8000.0)  # Hz: where smoothing becomes that of the treble
MANY, CELLS = 2000, 100  # points from which they are thinned out; cells an octave
TREBLE_OCTAVES = 2.0  # narrow features of the treble are those of one ear and one fit


def wanted_curve(target: CurveTarget, fs: float) -> Curve:
    """The curve of a target: the points within its range and below fs/2.

    Raises:
        InputError: a file cannot be used, or fewer than three points remain.
    """
    path = Path(target.curve)
    if target.measurement is None:
        curve = read_target(path, channel=target.channel)
    else:
        measurement = read_target(Path(target.measurement), "measurement", target.channel)
        curve = equalization(
            measurement, read_target(path, "target"), target.smoothing, target.max_boost_db, target.max_slope
        )
    low, high = target.low or 0.0, min(target.high or np.inf, np.nextafter(fs / 2, 0))
    kept = [pair for pair in zip(curve.frequency, curve.gain_db, strict=True) if low <= pair[0] <= high]
    if len(kept) < 3:
        where = f"below fs/2 = {fs / 2:g} Hz" if not target.low and not target.high else f"from {low:g} to {high:g} Hz"
        raise InputError(f"{curve.name}: {len(kept)} points {where}; at least 3 are needed")
    frequency, gain_db = zip(*kept, strict=True)
    return replace(curve, frequency=frequency, gain_db=gain_db)


def below(curve: Curve, limit: float) -> Curve:
    """The points of a curve below a frequency in Hz."""
    pairs = [pair for pair in zip(curve.frequency, curve.gain_db, strict=True) if pair[0] < limit]
    frequency, gain_db = zip(*pairs, strict=True) if pairs else ((), ())
    return replace(curve, frequency=frequency, gain_db=gain_db)


def thinned(frequency: ArrayLike, gain_db: ArrayLike, weight: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points with their weights, those within 1/100 of an octave of each other as one where there are very many.

    >>> f, gain_db, weight = thinned(np.geomspace(20, 20000, 50000), np.zeros(50000), np.ones(50000))
    >>> len(f), round(weight.sum())
    (998, 50000)
    """
    f, gain, w = (np.asarray(row, dtype=np.float64) for row in (frequency, gain_db, weight))
    if len(f) <= MANY:
        return f, gain, w
    _, cell = np.unique(np.round(CELLS * np.log2(f)), return_inverse=True)
    total, count = np.bincount(cell, w), np.bincount(cell)
    share = np.where(total[cell] > 0, w / np.where(total[cell] > 0, total[cell], 1.0), 1.0 / count[cell])
    return 2 ** np.bincount(cell, share * np.log2(f)), np.bincount(cell, share * gain), total


def equalization(
    measurement: Curve,
    target: Curve,
    smoothing: float | None = None,
    max_boost_db: float | None = None,
    max_slope: float | None = None,
) -> Curve:
    """What makes a measurement a target: their difference over log frequency, without its mean from 100 Hz to 10 kHz.

    Args:
        measurement, target: in dB.
        smoothing: parts of an octave, 12 for 1/12 octave; above 6 to 8 kHz two octaves. None is none.
        max_boost_db: largest gain.
        max_slope: in dB an octave: boosts rise and fall no steeper.

    Raises:
        InputError: the two have no frequencies in common.

    >>> bump = Curve("bump", (20.0, 900.0, 1000.0, 1100.0, 20000.0), (0.0, 0.0, -9.0, 0.0, 0.0))
    >>> flat = Curve("flat", (20.0, 20000.0), (0.0, 0.0))
    >>> eq = equalization(bump, flat, max_boost_db=6.0)
    >>> eq.name, round(max(eq.gain_db), 2)
    ('bump', 6.0)
    """
    low = max(measurement.frequency[0], target.frequency[0])
    high = min(measurement.frequency[-1], target.frequency[-1])
    if not low < high:
        raise InputError(f"{measurement.name} and {target.name} have no frequencies in common")
    frequency = low * STEP ** np.arange(int(np.log(high / low) / np.log(STEP) + 1e-9) + 1)
    gain = target.at(frequency) - measurement.at(frequency)
    heard = (frequency >= CENTRE[0]) & (frequency <= CENTRE[1])
    gain -= gain[heard].mean() if heard.any() else gain.mean()
    if smoothing is not None:
        gain = _smoothed(frequency, gain, 1 / smoothing)
    if max_slope is not None:
        gain = _no_steeper(frequency, gain, max_slope)
    if max_boost_db is not None:
        gain = np.minimum(gain, max_boost_db)
    return Curve(measurement.name, tuple(frequency.tolist()), tuple(gain.tolist()))


def _smoothed(frequency: np.ndarray, gain: np.ndarray, octaves: float) -> np.ndarray:
    """By parabolas fitted over a part of an octave; over the treble's in the treble, something between in between."""
    widths = (2 * (round(width / np.log2(STEP)) // 2) + 1 for width in (octaves, TREBLE_OCTAVES))
    fine, coarse = (savgol_filter(gain, width, 2) if 2 < width <= len(gain) else gain for width in widths)
    share = np.clip(np.log(frequency / TREBLE[0]) / np.log(TREBLE[1] / TREBLE[0]), 0.0, 1.0)
    return fine + (coarse - fine) * share


def _no_steeper(frequency: np.ndarray, gain: np.ndarray, slope: float) -> np.ndarray:
    """The highest curve nowhere above ``gain`` whose boosts change by at most ``slope`` dB an octave."""
    rise = slope * np.log2(frequency)
    right = np.minimum.accumulate(gain - rise) + rise
    left = np.minimum.accumulate((gain + rise)[::-1])[::-1] - rise
    return np.where(gain > 0, np.maximum(np.minimum(right, left), 0.0), gain)
