"""Gear with its own bands and steps, from a YAML file, as a recipe for equalisers takes it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from flamo.config.model import Finite, Positive, Rounding, Section
from flamo.config.reading import read_document
from flamo.errors import InputError

Range = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Gains = Annotated[list[Finite], Field(min_length=2, max_length=2)]


class DeviceBand(Section):
    """One band, or several that are alike: a number is fixed, a pair is a range."""

    type: Literal["lowshelf", "peaking", "highshelf"] = "peaking"
    frequency: Positive | Range
    q: Positive | Range
    gain_db: Finite | Gains
    count: Annotated[int, Field(ge=1, le=64)] = 1


class Device(Section):
    """What gear can do.

    ``steps`` are those of its numbers: a step, or the list of all values.
    """

    name: str = ""
    bands: Annotated[list[DeviceBand], Field(min_length=1)]
    steps: Rounding = Rounding()

    def arguments(self) -> dict[str, Any]:
        """Of a parametric_eq."""
        bands = [band for band in self.bands for _ in range(band.count)]
        pairs = {name: [_pair(getattr(band, name)) for band in bands] for name in ("frequency", "q", "gain_db")}
        bounds = {"f": "frequency", "q": "q", "gain": "gain_db"}
        ends = {f"{b}_min": [low for low, _ in pairs[of]] for b, of in bounds.items()}
        ends |= {f"{b}_max": [high for _, high in pairs[of]] for b, of in bounds.items()}
        return {"n_bands": len(bands), "types": [band.type for band in bands], **ends}


def load_device(path: Path) -> dict[str, Any]:
    """Bands and rounding of a device file.

    Raises:
        InputError: it cannot be read, or says something else; with file and line.
    """
    document = read_document(path)
    try:
        device = Device.model_validate(document.data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        inside = ("constrained", "function", "list[", "float")  # pydantic's names for the forms that were tried
        place = tuple(step for step in first["loc"] if not str(step).startswith(inside))
        line = document.line(place)
        where = f"{path}, line {line}" if line else str(path)
        key = ".".join(map(str, place)) or "a device"
        raise InputError(f"{where}: {key}: {first['msg'][0].lower()}{first['msg'][1:]}") from error
    for n, band in enumerate(device.bands):
        for name in ("frequency", "q", "gain_db"):
            low, high = _pair(getattr(band, name))
            if low > high:
                line = document.line(("bands", n, name))
                where = f"{path}, line {line}: bands.{n}.{name}"
                raise InputError(f"{where}: must be [lowest, highest], got [{low:g}, {high:g}]")
            if low < high and not _reaches(getattr(device.steps, name), low, high):
                line = document.line(("bands", n, name))
                raise InputError(f"{path}, line {line}: bands.{n}.{name}: no value of steps.{name} lies in this range")
    return {"bands": device.arguments(), "rounding": device.steps.model_dump(mode="json")}


def _reaches(steps: float | list[float], low: float, high: float) -> bool:
    """Whether a value of the steps lies within a range."""
    if isinstance(steps, list):
        return any(low <= value <= high for value in steps)
    return math.floor(high / steps + 1e-9) >= math.ceil(low / steps - 1e-9)


def _pair(value: float | list[float]) -> tuple[float, float]:
    return (value[0], value[1]) if isinstance(value, list) else (value, value)
