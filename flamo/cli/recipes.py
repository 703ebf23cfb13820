"""What ``flamo fit TARGET…`` stands for: targets and options to configurations."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flamo.errors import InputError

if TYPE_CHECKING:
    from flamo.config.loading import ConfigFile

FS = 48000
RANGE = "20:20000"
SECTION = {"smoothing": "smoothing", "max_boost": "max_boost_db", "max_slope": "max_slope"}
"""Options that belong to the section ``target``."""
DEVICE = {"bands": "bands", "types": "types", "gain_max": "gain-max", "q": "q", "frequency": "frequency"}
"""Options that the file of a device stands for."""


@dataclass(frozen=True)
class Plan:
    """What every target is made of.

    Args:
        recipe: name of the component.
        options: of the recipe.
        section: what the section ``target`` says beside its file.
        fs: sampling frequency in Hz.
        seed: of the random numbers.
        sets: changes to the configuration.
    """

    recipe: str
    options: Mapping[str, Any]
    section: Mapping[str, Any]
    fs: int
    seed: int | None
    sets: Sequence[str]

    def config_file(self, target: str) -> tuple[ConfigFile, str]:
        """The configuration that a target stands for, and the name of its folder.

        Raises:
            InputError: a file, an option or a change that cannot be used.
        """
        from pydantic import ValidationError

        from flamo.config.loading import changed
        from flamo.config.model import CurveTarget
        from flamo.config.reading import Document
        from flamo.equalization import wanted_curve
        from flamo.targets import find_target

        if "curve" in self.section:  # the target is what is to become that curve
            data, name = {**self.section, "measurement": str(_file(target))}, Path(target).stem
        else:
            name, file = find_target(target)
            data = {**self.section, "curve": str(file)}
        try:
            section = CurveTarget.model_validate(data)
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            option = next(name for name, key in SECTION.items() if key == wrong["loc"][0]).replace("_", "-")
            raise InputError(f"--{option} {wrong['input']:g}: {wrong['msg'][0].lower()}{wrong['msg'][1:]}") from error
        curve = wanted_curve(section, self.fs)
        config = dict(_recipe(self.recipe, self.options).config(data, curve, self.fs, self.seed or 0))
        return changed(Document(target, config), self.sets, self.seed, Path()), name


def plan(told: Mapping[str, Any], seed: int | None, sets: Sequence[str]) -> Plan:
    """The plan of what was given on the command line, by the names of the parameters there.

    Raises:
        InputError: an option of another form.
    """
    options = dict(told)
    section = {key: options.pop(name) for name, key in SECTION.items() if name in options}
    channel = {"channel": options.pop("channel")} if "channel" in options else {}
    curve = options.pop("target", None)
    if curve is not None:
        section["curve"] = str(_file(curve))
    elif section:
        option = next(name for name, key in SECTION.items() if key in section).replace("_", "-")
        raise InputError(f"--{option} is for measurements: give the curve that they are to become with --target")
    section |= channel
    section["low"], section["high"] = pair(options.pop("range", RANGE), "--range")
    for name in ("q", "frequency"):
        if name in options:
            low, high = pair(options.pop(name), f"--{name}")
            short = name[0]
            options |= {f"{short}_min": low, f"{short}_max": high}
    if "ignore" in options:
        options["ignore"] = [pair(text, "--ignore") for text in options["ignore"]]
    if "weights" in options:
        options["weights"] = weights(options["weights"])
    types = options.get("types", "auto")
    if "bands" in options and types != "auto" and options["bands"] != types.count(",") + 1:
        raise InputError(f"--bands {options['bands']} does not go with --types, which names {types.count(',') + 1}")
    if "device" in options:
        if other := next((option for name, option in DEVICE.items() if name in told), None):
            raise InputError(f"--{other} does not go with --device, whose file says what its bands can be")
        from flamo.device import load_device

        options["device"] = load_device(Path(options["device"]))
    return Plan(options.pop("recipe", "peq"), options, section, options.pop("fs", FS), seed, sets)


def _file(name: str | Path) -> Path:
    from flamo.targets import exists

    if not exists(Path(name)):
        raise InputError(f"{name}: no such file")
    return Path(name)


def _recipe(name: str, options: Mapping[str, Any]) -> Any:
    """A recipe with its options."""
    from flamo import registry
    from flamo.config.arguments import parameters_of

    cls = registry.get("recipe", name)
    known = [parameter.name for parameter, _ in parameters_of(cls)] if inspect.isclass(cls) else []
    if unknown := [option for option in options if option not in known]:
        option = next(
            (f"--{option}" for option in ("q", "frequency") if unknown[0].startswith(f"{option[0]}_m")), unknown[0]
        )
        raise InputError(f"recipe {name!r} has no option {option!r}; it has {', '.join(known) or 'none'}")
    try:
        return cls(**options)
    except (ValueError, TypeError) as error:
        raise InputError(f"recipe {name!r}: {error}") from error


def pair(text: str, option: str) -> tuple[float, float]:
    """Two ascending numbers above 0.

    >>> pair("20:20000", "--range")
    (20.0, 20000.0)
    """
    low, colon, high = text.partition(":")
    try:
        numbers = float(low), float(high)
    except ValueError:
        numbers = (0.0, 0.0)
    if not colon or not 0 < numbers[0] < numbers[1] < float("inf"):
        raise InputError(f"{option} {text}: must be LOW:HIGH, two numbers above 0, the lower one first")
    return numbers


def weights(text: str) -> list[list[float]]:
    """Pairs of frequency and weight.

    >>> weights("20:1,10000:0.5")
    [[20.0, 1.0], [10000.0, 0.5]]
    """
    pairs = [part.split(":") for part in text.split(",")]
    try:
        return [[float(frequency), float(weight)] for frequency, weight in pairs]
    except ValueError:
        raise InputError(f"--weights {text}: must be FREQUENCY:WEIGHT,…, such as 20:1,10000:0.5") from None
