"""The filters of a fitted equaliser: rounded as a player takes them, with the errors that they have then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch

from flamo import registry
from flamo.config.model import Rounding
from flamo.curves import Curve
from flamo.equalization import thinned
from flamo.equalizer import Band, Equalizer
from flamo.rounding import SEMITONE, rounded

COMPONENT = "filters/parametric_eq"
BAND = (20.0, 10000.0)  # Hz: where headphone measurements can be trusted


@dataclass(frozen=True)
class FilterSet:
    """Rounded filters, and their errors at the points of a curve.

    Args:
        target: the curve.
        weight: of its points, 1 in sum.
        equalizer: bands, and the gain that makes the weighted mean error 0 where it is free.
        model: the equaliser that they are.
        error_db: response, gain included, minus target.
        unrounded_rms: weighted error before rounding.
        free_gain: whether a broadband gain is free.
    """

    target: Curve
    weight: np.ndarray
    equalizer: Equalizer
    model: Any
    error_db: np.ndarray
    unrounded_rms: float
    free_gain: bool

    @property
    def response_db(self) -> np.ndarray:
        """At the points of the target."""
        return self.error_db + np.asarray(self.target.gain_db)

    def errors(self, low: float = 0.0, high: float = np.inf) -> tuple[float, float]:
        """RMS and largest error in dB of the points that count from ``low`` to ``high`` Hz; NaN where there is none."""
        f = np.asarray(self.target.frequency)
        inside = (f >= low) & (f <= high) & (self.weight > 0)
        error = self.error_db[inside]
        if self.free_gain and error.size:
            error = error - error.mean()  # in every range
        return (float(np.sqrt(np.mean(error**2))), float(np.abs(error).max())) if error.size else (np.nan, np.nan)

    @property
    def rounding_cost(self) -> float:
        """What rounding adds to the weighted error, RMS in dB."""
        error = self.error_db - (self.weight * self.error_db).sum() * self.free_gain
        return max(0.0, float(np.sqrt((self.weight * error**2).sum())) - self.unrounded_rms)

    def as_data(self) -> dict[str, Any]:
        """For filters.json."""
        bands = [asdict(band) for band in self.equalizer.parts]
        return {"fs": self.model.fs, "gain_db": self.equalizer.gain_db, "filters": bands}

    def as_table(self) -> str:
        """The filters as text, one a line."""
        rows = [f"{'':>2}  {'type':<10}  {'frequency/Hz':>12}  {'gain/dB':>7}  {'Q':>6}"]
        for number, band in enumerate(self.equalizer.parts, 1):
            assert isinstance(band, Band)
            rows.append(f"{number:>2}  {band.type:<10}  {band.frequency:>12.2f}  {band.gain_db:>7.2f}  {band.q:>6.3f}")
        if self.equalizer.gain_db:
            rows.append(f"{'':>2}  gain {self.equalizer.gain_db:+.2f} dB")
        return "\n".join(rows) + "\n"

    def notes(self) -> Iterator[str]:
        """What a user should know: bands that work against each other."""
        numbered = enumerate(self.equalizer.parts, 1)
        for (m, a), (n, b) in combinations(numbered, 2):
            near = 1 / SEMITONE < a.frequency / b.frequency < SEMITONE  # type: ignore[union-attr]
            if near and a.gain_db * b.gain_db < 0:  # type: ignore[union-attr]
                yield f"filters {m} and {n} work against each other at {a.frequency:g} Hz"  # type: ignore[union-attr]


def is_equaliser(system: Any) -> bool:
    """Whether a system is one parametric equaliser of one channel."""
    channels = (getattr(system, "input_channels", None), getattr(system, "output_channels", None))
    return isinstance(system, registry.get("processor", COMPONENT)) and channels == (1, 1)


def filters_of(eq: Any, target: Curve, weight: np.ndarray, free_gain: bool, rounding: Rounding) -> FilterSet:
    """The bands of a fitted equaliser, rounded so that the error stays small.

    Args:
        eq: a parametric equaliser of one channel.
        target: what it was fitted to, below fs/2.
        weight: of its points, 1 in sum.
        free_gain: whether a broadband gain is free.
        rounding: the steps of the numbers.
    """
    every = (target.frequency, target.gain_db, weight)
    problems = (torch.as_tensor(np.array(rows))[:, None] for rows in (every, thinned(*every)))
    fit, few = (eq.level_fit(*points, remove_mean=free_gain) for points in problems)
    before = fit.errors(eq.physical())[0]
    values = _in_order(eq, rounded(eq, few, rounding))
    model = _with_values(eq, values)
    error = fit.errors(values)[0].numpy()
    gain = float(np.round(-(weight * error).sum(), 2)) if free_gain else 0.0
    equalizer = Equalizer(target.name, tuple(_bands(eq, values)), gain)
    rms = float((fit.weighted(before[None, None]) ** 2).sum().sqrt())
    return FilterSet(target, weight, equalizer, model, error + gain, rms, free_gain)


def _in_order(eq: Any, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Bands that may be exchanged in the order of their frequencies."""
    bounds = [getattr(eq, f"{name}_{end}") for name in ("f", "q", "gain") for end in ("min", "max")]
    alike = list(zip(eq.types, *bounds, strict=True))
    pitch = values["frequency"].flatten().tolist()
    order = [0] * len(alike)
    for kind in dict.fromkeys(alike):
        places = [n for n, other in enumerate(alike) if other == kind]
        for place, n in zip(places, sorted(places, key=pitch.__getitem__), strict=True):
            order[place] = n
    return {name: value[order] for name, value in values.items()}


def _bands(eq: Any, values: dict[str, torch.Tensor]) -> Iterator[Band]:
    names = ("frequency", "gain_db", "q")
    for type, *numbers in zip(eq.types, *(values[name].flatten().tolist() for name in names), strict=True):
        yield Band(type, *(float(f"{number:.10g}") for number in numbers))


def _with_values(eq: Any, values: dict[str, torch.Tensor]) -> Any:
    """An equaliser in float64 that has these values, and learns no more."""
    bounds = {n: getattr(eq, n) for n in ("f_min", "f_max", "q_min", "q_max", "gain_min", "gain_max", "types")}
    one = type(eq)((1, 1), eq.n_bands, **bounds, nfft=eq.nfft, fs=eq.fs, requires_grad=False, dtype=torch.float64)
    one.set(**values)
    return one
