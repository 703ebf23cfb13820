"""Numbers as gear takes them: on a grid, chosen so that the error stays small."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from flamo.config.model import Grid, Rounding

NAMES = ("frequency", "q", "gain_db")
LEAPS = (1, 4, 16)  # steps of a grid that are tried at once, up and down
AROUND = 64  # steps of a fine grid that are at hand, up and down
ALL = 4096  # combinations of a band's numbers that are all tried
SWEEPS = 100
WORTHWHILE = 1e-3  # share of the sum of squares that a change must save
SEMITONE = 2 ** (1 / 12)  # nearer than this, one band sits on another

Place = tuple[int, ...]  # of a band's numbers on their grids
Grids = list[list[np.ndarray]]  # of each number of each band


def rounded(eq: Any, fit: Any, rounding: Rounding) -> dict[str, torch.Tensor]:
    """Values of the bands of an equaliser on their grids, each within its bounds.

    From the nearest grid points (on coarse grids from silence, too), the change of a number (on coarse grids of all
    numbers of a band) that lowers the error most is made until none does. Bands of opposite gain that come to lie on
    one another are parted first, and never brought together.

    Args:
        eq: a parametric equaliser of one channel.
        fit: its least-squares problem.
        rounding: the grids.
    """
    bounds = {"frequency": (eq.f_min, eq.f_max), "q": (eq.q_min, eq.q_max), "gain_db": (eq.gain_min, eq.gain_max)}
    now = {name: value.flatten().tolist() for name, value in eq.physical().items()}
    grids = [
        [_grid(getattr(rounding, name), bounds[name][0][n], bounds[name][1][n], now[name][n]) for name in NAMES]
        for n in range(eq.n_bands)
    ]
    nearest = [tuple(_nearest(grids[n][i], now[name][n]) for i, name in enumerate(NAMES)) for n in range(eq.n_bands)]
    starts = [nearest]
    if all(map(_is_coarse, grids)):
        starts.append([(f, q, _nearest(band[2], 0.0)) for band, (f, q, _) in zip(grids, nearest, strict=True)])
    _, best = min((_descent(fit, grids, start) for start in starts), key=lambda found: found[0])
    return {name: best[i][:, None, None] for i, name in enumerate(NAMES)}


def _descent(fit: Any, grids: Grids, places: list[Place]) -> tuple[tuple[int, float], torch.Tensor]:
    """From places on the grids to better ones: opposed pairs and sum of squares there, and the values (3, K)."""
    places = list(places)
    values = _values(grids, enumerate(places))
    (opposed,), (best,) = _judged(fit, values[..., None])
    for _ in range(SWEEPS):
        moves = [(n, there) for n, band in enumerate(grids) for there in _moves(band, places[n])]
        tried = values[..., None].repeat(1, 1, len(moves))
        tried[:, [n for n, _ in moves], torch.arange(len(moves))] = _values(grids, moves)
        pairs, cost = _judged(fit, tried)
        m = int(torch.where(pairs == pairs.min(), cost, torch.inf).argmin()) if moves else -1
        if m < 0 or not (pairs[m] < opposed or (pairs[m] == opposed and cost[m] < best * (1 - WORTHWHILE))):
            break
        opposed, best, values = pairs[m], cost[m], tried[..., m]
        places[moves[m][0]] = moves[m][1]
    return (int(opposed), float(best)), values


def _values(grids: Grids, places: Any) -> torch.Tensor:
    """The numbers at places of bands, (3, …)."""
    numbers = [[float(grid[p]) for grid, p in zip(grids[n], there, strict=True)] for n, there in places]
    return torch.tensor(numbers, dtype=torch.float64).T


def _moves(band: list[np.ndarray], place: Place) -> Iterator[Place]:
    """Other places of a band: one of its numbers moved, or on coarse grids all."""
    if _is_coarse(band):
        yield from itertools.product(*(range(len(grid)) for grid in band))
        return
    for i, leap in itertools.product(range(len(band)), (*LEAPS, *(-leap for leap in LEAPS))):
        if 0 <= place[i] + leap < len(band[i]):
            yield (*place[:i], place[i] + leap, *place[i + 1 :])


def _judged(fit: Any, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of sets of values (3, K, S): how many pairs of bands of opposite gain lie on one another, and sums of squares."""
    pitch, gain = values[0].log2(), values[2]
    near = (pitch[:, None] - pitch).abs() < math.log2(SEMITONE)
    shaped = {name: value[..., None] for name, value in zip(NAMES, values, strict=True)}
    cost = fit.weighted(fit.errors(shaped)[None]).square().sum(-1)[0]
    return (near & (gain[:, None] * gain < 0)).sum((0, 1)) // 2, cost


def _is_coarse(band: list[np.ndarray]) -> bool:
    """Whether all values of all numbers are at hand, and few."""
    return max(map(len, band)) <= 2 * AROUND and math.prod(map(len, band)) <= ALL


def _nearest(grid: np.ndarray, value: float) -> int:
    return int(np.abs(grid - value).argmin())


def _grid(grid: Grid, low: float, high: float, now: float) -> np.ndarray:
    """The values that a number may have; of a fine grid those around where it is."""
    values = grid if isinstance(grid, list) else _multiples(grid, now)
    inside = [value for value in values if low - 1e-12 <= value <= high + 1e-12]
    return np.array(inside or [min(max(now, low), high)])


def _multiples(step: float, now: float) -> list[float]:
    """Those around a value."""
    return np.round((np.arange(-AROUND, AROUND + 1) + round(now / step)) * step, 10).tolist()
