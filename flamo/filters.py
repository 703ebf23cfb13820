"""The filters of a fitted equaliser: rounded as a player takes them, with the errors that they have then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from flamo import registry
from flamo.curves import Curve

COMPONENT = "filters/parametric_eq"
BAND = (20.0, 10000.0)  # Hz: where headphone measurements can be trusted


@dataclass(frozen=True)
class Filter:
    """One band, in the numbers that a player takes."""

    type: str
    frequency: float
    gain_db: float
    q: float


@dataclass(frozen=True)
class FilterSet:
    """Rounded filters, and the response in dB that they have at the points of their target below fs/2."""

    target: Curve
    filters: tuple[Filter, ...]
    model: Any
    response_db: np.ndarray

    @property
    def error_db(self) -> np.ndarray:
        """Response minus target."""
        return self.response_db - np.asarray(self.target.gain_db)

    def errors(self, low: float = 0.0, high: float = float("inf")) -> tuple[float, float]:
        """RMS and largest error in dB from ``low`` to ``high`` Hz; NaN where the target has no point."""
        f = np.asarray(self.target.frequency)
        error = self.error_db[(f >= low) & (f <= high)]
        return (float(np.sqrt(np.mean(error**2))), float(np.abs(error).max())) if error.size else (np.nan, np.nan)

    def as_data(self) -> dict[str, Any]:
        """For filters.json."""
        return {"fs": self.model.fs, "filters": [asdict(band) for band in self.filters]}

    def as_table(self) -> str:
        """The filters as text, one a line."""
        rows = [f"{'':>2}  {'type':<10}  {'frequency/Hz':>12}  {'gain/dB':>7}  {'Q':>6}"]
        for number, band in enumerate(self.filters, 1):
            rows.append(f"{number:>2}  {band.type:<10}  {band.frequency:>12.2f}  {band.gain_db:>7.2f}  {band.q:>6.3f}")
        return "\n".join(rows) + "\n"


def is_equaliser(system: Any) -> bool:
    """Whether a system is one parametric equaliser, of one input."""
    return isinstance(system, registry.get("processor", COMPONENT)) and system.input_channels == 1


def best_filters(eqs: Any, target: Curve) -> FilterSet:
    """The output of an equaliser that is nearest to a target, as rounded filters.

    Args:
        eqs: a parametric equaliser of one input; its outputs are as many attempts.
        target: its points at or above fs/2 are left out.
    """
    kept = below(target, eqs.fs / 2)
    w = torch.exp(-2j * torch.pi * torch.as_tensor(kept.frequency, dtype=torch.float64) / eqs.fs)
    errors = _decibels(eqs, w) - torch.as_tensor(kept.gain_db, dtype=torch.float64)[:, None]
    model = _one_of(eqs, int(errors.square().mean(0).argmin()))
    filters = _rounded(model)
    return FilterSet(kept, filters, model, _decibels(model, w)[:, 0].numpy())


def below(target: Curve, limit: float) -> Curve:
    """The points of a target below a frequency in Hz."""
    kept = [pair for pair in zip(target.frequency, target.gain_db, strict=True) if pair[0] < limit]
    frequency, gain_db = zip(*kept, strict=True) if kept else ((), ())
    return Curve(target.name, frequency, gain_db)


@torch.no_grad()
def _decibels(eq: Any, w: torch.Tensor) -> torch.Tensor:
    """Magnitude in dB, (points, outputs)."""
    return 20 * torch.log10(eq.transfer(w)[..., 0].abs())


def _one_of(eqs: Any, output: int) -> Any:
    """One output of an equaliser, as an equaliser of its own in float64."""
    bounds: Mapping[str, Any] = {name: getattr(eqs, name) for name in ("f_min", "f_max", "q_min", "q_max", "gain_max")}
    one = type(eqs)((1, 1), eqs.n_bands, **bounds, nfft=eqs.nfft, fs=eqs.fs, requires_grad=False, dtype=torch.float64)
    one.assign_value(eqs.param.detach()[:, :, output, None])
    return one


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
