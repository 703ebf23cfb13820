"""Equalisers for curves: from a target to a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flamo.core.checks import choice, number, positive, whole
from flamo.curves import Curve
from flamo.errors import InputError

HIGHEST = 0.49  # of fs: as near to fs/2 as a band gets
MIDDLE = 1000.0  # Hz: low shelves lie below, high shelves above, so that none has to undo another
TYPES = ("lowshelf", "peaking", "highshelf")
Bounds = Sequence[float]


class Recipe:
    """What the recipes of equalisers have in common.

    Args:
        gain_max: largest gain and cut in dB.
        starts: attempts; the best one is kept.
        steps: of the optimiser, at most.
        free_gain: whether a broadband gain is free: it is told with the filters.
        weights: pairs of frequency in Hz and weight.
        ignore: pairs of frequencies in Hz between which the target does not count.

    Raises:
        TypeError, ValueError: an option out of its range.
    """

    def __init__(
        self,
        gain_max: float = 20.0,
        starts: int = 16,
        steps: int = 60,
        free_gain: bool = True,
        weights: Sequence[Sequence[float]] | None = None,
        ignore: Sequence[Sequence[float]] = (),
    ) -> None:
        self.gain_max, self.free_gain = float(positive("gain_max", gain_max)), free_gain
        self.starts, self.steps = whole("starts", starts), whole("steps", steps)
        self.weights, self.ignore = _pairs("weights", weights or ()), _pairs("ignore", ignore)

    def bands(self, curve: Curve, fs: int) -> dict[str, Any]:
        """Arguments of a parametric_eq."""
        raise NotImplementedError(f"{type(self).__name__} must define bands(curve, fs)")

    def rounding(self) -> dict[str, Any]:
        """The section of that name."""
        return {}

    def config(self, target: Mapping[str, Any], curve: Curve, fs: int, seed: int) -> dict[str, Any]:
        """The configuration that fits a curve; see :class:`flamo.protocols.Recipe`."""
        loss: dict[str, Any] = {"remove_mean": self.free_gain}
        loss |= {"weights": self.weights} if self.weights else {}
        loss |= {"ignore": self.ignore} if self.ignore else {}
        return {
            "flamo": 1,
            "fs": fs,
            "nfft": 2 ** max(10, round(math.log2(fs / 1.5))),  # bins about 1.5 Hz apart, for plots
            "dtype": "float64",
            "seed": seed,
            "system": {"parametric_eq": self.bands(curve, fs)},
            "output": "curve",
            "target": dict(target),
            "losses": [{"curve_error": loss}],
            "optimizer": {"lm": {"starts": self.starts}},
            "stop": {"steps": self.steps, "patience": 15, "improvement": 1e-3},
            "rounding": self.rounding(),
            "exports": ["filters", "equalizer_apo"],
        }


class ParametricRecipe(Recipe):
    """A parametric equaliser, fitted by damped least squares from several starts.

    Args:
        bands: how many filters.
        types: 'auto' is a low shelf below 1 kHz, peaks, a high shelf above; or the type of every band.
        f_min, f_max: bounds of the frequencies in Hz; None is the ends of the target.
        q_min, q_max: bounds of Q.
        device: bands and steps of a gear (see :class:`flamo.device.Device`); in place of bands, types and bounds.
        gain_max, starts, steps, free_gain, weights, ignore: as :class:`Recipe`.

    Raises:
        TypeError, ValueError: an option out of its range.
    """

    def __init__(
        self,
        bands: int = 10,
        types: str | Sequence[str] = "auto",
        f_min: float | None = None,
        f_max: float | None = None,
        q_min: float = 0.1,
        q_max: float = 10.0,
        device: Mapping[str, Any] | None = None,
        gain_max: float = 20.0,
        starts: int = 16,
        steps: int = 60,
        free_gain: bool = True,
        weights: Sequence[Sequence[float]] | None = None,
        ignore: Sequence[Sequence[float]] = (),
    ) -> None:
        super().__init__(gain_max, starts, steps, free_gain, weights, ignore)
        self.f_min, self.f_max = (None if f is None else positive("f", f) for f in (f_min, f_max))
        self.q_min, self.q_max = positive("q_min", q_min), positive("q_max", q_max)
        self.types = None if types == "auto" else [choice("types", type, TYPES) for type in _listed(types)]
        self.count = len(self.types) if self.types else whole("bands", bands)
        if device is not None and not (isinstance(device, Mapping) and {"bands", "rounding"} <= device.keys()):
            raise ValueError(f"device must have bands and rounding, as load_device makes them, got {device!r}")
        self.device = device

    def bands(self, curve: Curve, fs: int) -> dict[str, Any]:
        if self.device:
            _check_below(max(self.device["bands"]["f_max"]), fs)
            return dict(self.device["bands"])
        low = self.f_min or curve.frequency[0]
        high = min(self.f_max or curve.frequency[-1], HIGHEST * fs)
        if not low < high:
            raise InputError(
                f"{curve.name}: no room for bands from {low:g} to {high:g} Hz; choose a higher fs, or other bounds"
            )
        arguments: dict[str, Any] = {"n_bands": self.count, "f_min": low, "f_max": high}
        arguments |= {"q_min": self.q_min, "q_max": self.q_max, "gain_max": self.gain_max}
        if self.types:
            return arguments | {"types": self.types}
        if self.count > 1 and low < MIDDLE < high:
            lows, highs = [low] * (self.count - 1), [high] * (self.count - 1)
            arguments |= {"f_min": [*lows, MIDDLE], "f_max": [MIDDLE, *highs]}
        return arguments

    def rounding(self) -> dict[str, Any]:
        return dict(self.device["rounding"]) if self.device else {}


class GraphicRecipe(Recipe):
    r"""A graphic equaliser of peaks at the octaves, or at parts of octaves, whose gains are fitted.

    .. math:: f_n = 1000 \cdot 2^{n / k}, \quad Q = \frac{2^{1/(2k)}}{2^{1/k} - 1}

    for k bands an octave: :math:`Q = \sqrt 2` for octaves, 4.32 for thirds.

    Args:
        bands: 10 at octaves from 31.25 Hz, 15 at two thirds of an octave from 25 Hz, or 31 at thirds from 20 Hz.
        gain_max, starts, steps, free_gain, weights, ignore: as :class:`Recipe`.

    Raises:
        TypeError, ValueError: an option out of its range.
    """

    LAYOUTS = {10: (1.0, -5), 15: (1.5, -8), 31: (3.0, -17)}

    def __init__(
        self,
        bands: int = 10,
        gain_max: float = 20.0,
        starts: int = 1,
        steps: int = 60,
        free_gain: bool = True,
        weights: Sequence[Sequence[float]] | None = None,
        ignore: Sequence[Sequence[float]] = (),
    ) -> None:
        super().__init__(gain_max, starts, steps, free_gain, weights, ignore)
        self.layout = self.LAYOUTS[choice("bands", bands, self.LAYOUTS)]
        self.count = bands

    def bands(self, curve: Curve, fs: int) -> dict[str, Any]:
        share, first = self.layout
        frequency = [float(f"{1000 * 2 ** ((first + n) / share):.6g}") for n in range(self.count)]
        _check_below(frequency[-1], fs)
        q = float(f"{2 ** (0.5 / share) / (2 ** (1 / share) - 1):.4g}")
        fixed = {"f_min": frequency, "f_max": frequency, "q_min": [q] * self.count, "q_max": [q] * self.count}
        return {"n_bands": self.count, "types": ["peaking"] * self.count, **fixed, "gain_max": self.gain_max}


def _pairs(name: str, pairs: Sequence[Sequence[float]]) -> list[list[float]]:
    try:
        return [[number(name, value) for value in pair] for pair in pairs]
    except TypeError:
        raise TypeError(f"{name} must be pairs of numbers, got {pairs!r}") from None


def _listed(types: str | Sequence[str]) -> list[str]:
    return [part.strip() for part in types.split(",")] if isinstance(types, str) else list(types)


def _check_below(frequency: float, fs: int) -> None:
    if frequency >= fs / 2:
        raise InputError(f"a band at {frequency:g} Hz needs more than fs = {fs:g} Hz")
