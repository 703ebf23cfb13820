"""From a target to a configuration: what ``flamo fit TARGET`` stands for."""

from __future__ import annotations

from typing import Any

import numpy as np

from flamo.curves import Curve
from flamo.errors import InputError
from flamo.filters import below

STARTS = 8  # equalisers fitted side by side, from different starting values; the best one is kept
HIGHEST = 0.49  # of fs: as near to fs/2 as a band gets
GAIN_MAX, Q_MIN, Q_MAX = 20.0, 0.1, 10.0
SCATTER = 0.5  # of the starting values on the axes on which they are learned


def equaliser(target: Curve, file: str, bands: int = 10, fs: int = 48000, steps: int = 800, seed: int = 0) -> Any:
    """The configuration that fits a parametric equaliser to the magnitude of a target on a logarithmic axis.

    Adam on frequency, gain and Q of every band, from several random starting points at once: the outputs of the system.

    Args:
        target: what to fit.
        file: where it is from.
        bands: low shelf, peaks, high shelf; a single one is a peak.
        fs: sampling frequency in Hz; points of the target at or above fs/2 are left out.
        steps: steps of the optimiser.
        seed: of the starting points.

    Raises:
        InputError: fewer than three points of the target below fs/2.
    """
    kept = below(target, fs / 2)
    if len(kept.frequency) < 3:
        count = len(kept.frequency)
        raise InputError(f"{target.name}: {count} points below fs/2 = {fs / 2:g} Hz; at least 3 are needed")
    low, high = kept.frequency[0], min(kept.frequency[-1], HIGHEST * fs)
    if low >= high:
        raise InputError(f"{target.name}: all points are too near to fs/2 = {fs / 2:g} Hz; choose a higher fs")
    arguments = {"f_min": low, "f_max": high, "q_min": Q_MIN, "q_max": Q_MAX, "gain_max": GAIN_MAX}
    return {
        "flamo": 1,
        "fs": fs,
        "nfft": 2 ** max(10, round(np.log2(fs / 1.5))),  # bins about 1.5 Hz apart
        "dtype": "float64",
        "seed": seed,
        "system": {"parametric_eq": {**arguments, **_starts(kept, bands, low, high, seed)}},
        "output": "magnitude",
        "target": {"curve": file},
        "losses": [{"magnitude": {"scale": "log", "low": low, "high": high}}],
        "optimizer": {"adam": {"lr": 0.1}},
        "schedule": {"one_cycle": {"max_lr": 0.1, "total_steps": steps + 2, "pct_start": 0.1}},
        "stop": {"steps": steps},
        "checkpoints": {"every": 500},
        "exports": ["filters"],
    }


def _starts(target: Curve, bands: int, low: float, high: float, seed: int) -> dict[str, list[Any]]:
    """Frequency, gain and Q of every band and start: an even spread, scattered, with half of the target's gains."""
    noise = SCATTER * np.random.default_rng(seed).standard_normal((2, bands, STARTS))
    noise[:, :, 0] = 0.0  # the first start is the even spread itself
    share = ((np.arange(bands) + 0.5) / bands)[:, None]
    frequency = low * (high / low) ** _sigmoid(np.log(share / (1 - share)) + noise[0])
    q = Q_MIN * (Q_MAX / Q_MIN) ** _sigmoid(noise[1])
    gain = 0.5 * np.interp(np.log(frequency), np.log(target.frequency), target.gain_db)
    values = {"frequency": frequency, "gain_db": gain.clip(-0.9 * GAIN_MAX, 0.9 * GAIN_MAX), "q": q}
    return {name: [[[_short(x)] for x in row] for row in value] for name, value in values.items()}


def _short(value: float) -> float:
    """Six digits are enough to start from."""
    return float(f"{value:.6g}")


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
