"""Numbers as gear takes them: on a grid, chosen so that the error stays small."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch

from flamo.config.model import Grid, Rounding

LEAPS = (1, 4, 16)  # steps of a grid that are tried at once, up and down
SWEEPS = 100
WORTHWHILE = 1e-3  # share of the sum of squares that a change must save
SEMITONE = 2 ** (1 / 12)  # nearer than this, one band sits on another

Values = dict[str, torch.Tensor]


def rounded(eq: Any, fit: Any, rounding: Rounding) -> Values:
    """Values of the bands of an equaliser on their grids, each within its bounds.

    From the nearest grid points, the change of a single number that lowers the error most is made until none does.
    Bands of opposite gain that come to lie on one another are parted first, and never brought together.

    Args:
        eq: a parametric equaliser of one channel.
        fit: its least-squares problem.
        rounding: the grids.
    """
    bounds = {"frequency": (eq.f_min, eq.f_max), "q": (eq.q_min, eq.q_max), "gain_db": (eq.gain_min, eq.gain_max)}
    now = {name: value.flatten().double() for name, value in eq.physical().items()}
    grids = {
        (name, n): _grid(getattr(rounding, name), bounds[name][0][n], bounds[name][1][n], float(now[name][n]))
        for name, n in itertools.product(bounds, range(eq.n_bands))
    }
    places = {key: int(np.abs(grid - float(now[key[0]][key[1]])).argmin()) for key, grid in grids.items()}
    values = {name: torch.tensor([grids[name, n][places[name, n]] for n in range(eq.n_bands)]) for name in bounds}
    best, pairs = _cost(fit, values, 1)[0], int(_opposed(values, 1)[0])
    for _ in range(SWEEPS):
        moves = [
            (key, place)
            for key, grid in grids.items()
            for leap in LEAPS
            for place in (places[key] - leap, places[key] + leap)
            if 0 <= place < len(grid)
        ]
        if not moves:
            break
        tried = {name: value[:, None].repeat(1, len(moves)) for name, value in values.items()}
        for m, ((name, n), place) in enumerate(moves):
            tried[name][n, m] = grids[name, n][place]
        cost, opposed = _cost(fit, tried, len(moves)), _opposed(tried, len(moves))
        m = int(torch.where(opposed == opposed.min(), cost, torch.inf).argmin())
        if not (opposed[m] < pairs or (opposed[m] == pairs and cost[m] < best * (1 - WORTHWHILE))):
            break
        best, pairs, ((name, n), place) = cost[m], int(opposed[m]), moves[m]
        places[name, n], values[name][n] = place, grids[name, n][place]
    return {name: value[:, None, None] for name, value in values.items()}


def _cost(fit: Any, values: Values, count: int) -> torch.Tensor:
    """Sums of squares of ``count`` sets of values (K, count)."""
    shaped = {name: value.reshape(-1, count, 1) for name, value in values.items()}
    return fit.weighted(fit.errors(shaped)[None]).square().sum(-1)[0]


def _opposed(values: Values, count: int) -> torch.Tensor:
    """How many pairs of bands of opposite gain lie on one another, in each of ``count`` sets of values."""
    pitch, gain = (values[name].reshape(-1, count) for name in ("frequency", "gain_db"))
    pitch = pitch.log2()
    near = (pitch[:, None] - pitch).abs() < math.log2(SEMITONE)
    return (near & (gain[:, None] * gain < 0)).sum((0, 1)) // 2


def _grid(grid: Grid, low: float, high: float, now: float) -> np.ndarray:
    """The values that a number may have; of a fine grid those around where it is."""
    values = grid if isinstance(grid, list) else _multiples(grid, now)
    inside = [value for value in values if low - 1e-12 <= value <= high + 1e-12]
    return np.array(inside or [min(max(now, low), high)])


def _multiples(step: float, now: float) -> list[float]:
    """Those around a value."""
    return np.round((np.arange(-64, 65) + round(now / step)) * step, 10).tolist()
