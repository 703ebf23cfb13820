"""One training run: a parametric equaliser fitted to a target curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from flamo import registry
from flamo.errors import FlamoError, InputError
from flamo.targets import Target

COMPONENT = "filters/parametric_eq"
STARTS = 8  # equalisers fitted side by side, from different starting values; the best one is kept
HIGHEST = 0.49  # of fs: as near to fs/2 as a band gets
BAND = (20.0, 10000.0)  # Hz: where headphone measurements can be trusted

Progress = Callable[[int, float], None]
"""Called with the number of steps done and the current error in dB (rms)."""


@dataclass(frozen=True)
class Filter:
    """One band, in the numbers that a player takes."""

    type: str
    frequency: float
    gain_db: float
    q: float


@dataclass(frozen=True)
class Fit:
    """What a run has reached. Errors are those of the filters as listed, with rounded values."""

    target: Target
    filters: tuple[Filter, ...]
    model: Any
    arguments: dict[str, float]
    response_db: np.ndarray
    steps: int
    seed: int
    interrupted: bool

    @property
    def error_db(self) -> np.ndarray:
        """Response minus target at the frequencies of the target."""
        return self.response_db - np.asarray(self.target.gain_db)

    def errors(self, low: float = 0.0, high: float = float("inf")) -> tuple[float, float]:
        """RMS and largest error in dB from ``low`` to ``high`` Hz; NaN where the target has no point."""
        f = np.asarray(self.target.frequency)
        error = self.error_db[(f >= low) & (f <= high)]
        return (float(np.sqrt(np.mean(error**2))), float(np.abs(error).max())) if error.size else (np.nan, np.nan)


def fit_eq(
    target: Target, bands: int = 10, fs: int = 48000, steps: int = 800, seed: int = 0, progress: Progress | None = None
) -> Fit:
    """Fit a parametric equaliser to the magnitude of a target in dB, on a logarithmic frequency axis.

    Adam on frequency, gain and Q of every band, from several random starting points at once. Ctrl-C ends it early,
    with what was reached.

    Args:
        target: what to fit; points at or above fs/2 are left out.
        bands: low shelf, peaks, high shelf; a single one is a peak.
        fs: sampling frequency in Hz.
        steps: steps of the optimiser.
        seed: of the starting points.
        progress: called after every step.

    Raises:
        InputError: fewer than three points of the target below fs/2.
        FlamoError: the error stopped being finite.

    >>> curve = Target("tilt", (20.0, 100.0, 1000.0, 10000.0), (3.0, 2.0, 0.0, -2.0))
    >>> len(fit_eq(curve, bands=2, steps=5).filters)
    2
    """
    target = _below(target, fs / 2)
    frequency, goal = _log_axis(target)
    arguments = {
        "n_bands": bands,
        "fs": fs,
        "f_min": target.frequency[0],
        "f_max": min(target.frequency[-1], HIGHEST * fs),
    }
    make = registry.get("processor", COMPONENT)
    eqs = make((STARTS, 1), **arguments, dtype=torch.float64)
    _start(eqs, frequency, goal, seed)
    best, interrupted = _descend(eqs, _points(frequency, fs), torch.as_tensor(goal), steps, progress)
    model = make((1, 1), **arguments, requires_grad=False, dtype=torch.float64)
    model.assign_value(best)
    filters = _rounded(model)
    response = _decibels(model, _points(np.asarray(target.frequency), fs))[:, 0].detach().numpy()
    return Fit(target, filters, model, arguments, response, steps, seed, interrupted)


def _below(target: Target, limit: float) -> Target:
    kept = [pair for pair in zip(target.frequency, target.gain_db, strict=True) if pair[0] < limit]
    if len(kept) < 3:
        raise InputError(f"{target.name}: {len(kept)} points below fs/2 = {limit:g} Hz; at least 3 are needed")
    frequency, gain_db = zip(*kept, strict=True)
    if frequency[0] >= HIGHEST * 2 * limit:
        raise InputError(f"{target.name}: all points are too near to fs/2 = {limit:g} Hz; choose a higher fs")
    return Target(target.name, frequency, gain_db)


def _log_axis(target: Target, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """The target on logarithmically even frequencies."""
    frequency = np.geomspace(target.frequency[0], target.frequency[-1], count)
    return frequency, np.interp(np.log(frequency), np.log(target.frequency), target.gain_db)


def _points(frequency: np.ndarray, fs: float) -> torch.Tensor:
    """w = 1/z on the unit circle."""
    return torch.exp(-2j * torch.pi * torch.as_tensor(frequency) / fs)


def _decibels(eq: Any, w: torch.Tensor) -> torch.Tensor:
    """Magnitude in dB, (points, equalisers)."""
    return 20 * torch.log10(eq.transfer(w)[..., 0].abs())


def _start(eqs: Any, frequency: np.ndarray, goal: np.ndarray, seed: int) -> None:
    """Scatter frequency and Q, and start the gains at half of what the target has there."""
    generator = torch.Generator().manual_seed(seed)
    noise = 0.5 * torch.randn(eqs.param.shape, generator=generator, dtype=torch.float64)
    noise[:, :, 0] = 0.0  # the first start is the even spread
    eqs.assign_value(eqs.param.detach() + noise)
    wanted = 0.5 * np.interp(np.log(eqs.frequency.numpy()), np.log(frequency), goal)
    limit = 0.9 * eqs.gain_max
    eqs.set(gain_db=torch.as_tensor(wanted.clip(-limit, limit)))


def _descend(
    eqs: Any, w: torch.Tensor, goal: torch.Tensor, steps: int, progress: Progress | None
) -> tuple[torch.Tensor, bool]:
    """Adam; returns the best parameters of the best equaliser, and whether Ctrl-C ended it."""
    optimizer = torch.optim.Adam([eqs.param], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps + 2, pct_start=0.1)
    lowest = torch.full((STARTS,), torch.inf, dtype=torch.float64)
    best = eqs.param.detach().clone()
    try:
        for step in range(steps + 1):  # the last one only looks at what the others have reached
            error = (_decibels(eqs, w) - goal[:, None]).square().mean(0)
            if not bool(error.isfinite().all()):
                raise FlamoError(f"the error is not finite after {step} steps: the target cannot be fitted")
            better = error.detach() < lowest
            lowest = torch.where(better, error.detach(), lowest)
            best = torch.where(better[:, None], eqs.param.detach(), best)
            if progress:
                progress(step, lowest.min().sqrt().item())
            optimizer.zero_grad()
            error.sum().backward()
            optimizer.step()
            schedule.step()
        interrupted = False
    except KeyboardInterrupt:
        interrupted = True
    return best[:, :, int(lowest.argmin()), None], interrupted


def _rounded(model: Any) -> tuple[Filter, ...]:
    """Round and sort the bands of an equaliser in place, and list them: shelves at the ends, peaks by frequency."""
    order = [0, *(1 + model.frequency[1:-1, 0, 0].argsort()).tolist(), model.n_bands - 1][: model.n_bands]
    f, q, g = (v[order].numpy() for v in (model.frequency, model.q, model.gain_db))
    f = f.round(2).clip(model.f_min, model.f_max)
    q = q.round(3).clip(model.q_min, model.q_max)
    g = g.round(2).clip(-model.gain_max, model.gain_max)
    model.set(frequency=torch.as_tensor(f), q=torch.as_tensor(q), gain_db=torch.as_tensor(g))
    rows = zip(model.types, f.ravel().tolist(), g.ravel().tolist(), q.ravel().tolist(), strict=True)
    return tuple(Filter(*row) for row in rows)
