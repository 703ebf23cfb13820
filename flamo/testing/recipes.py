"""What a recipe has to keep."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flamo.config.checks import check_sections
from flamo.config.model import RunConfig
from flamo.curves import Curve
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError
from flamo.experiment import make_experiment
from flamo.fit import make_engine
from flamo.protocols import Recipe
from flamo.testing.case import Case
from flamo.testing.check import WrongError, require

FS, SEED, STEPS = 44100, 7, 20
_POINTS = tuple(20.0 * 10 ** (n / 20) for n in range(61))  # 20 Hz to 20 kHz
_EQ = Equalizer("kit", (Band("lowshelf", 120.0, 4.0, 0.7), Band("peaking", 900.0, -5.0, 1.0)), gain_db=2.0)
_NONSENSE: tuple[Any, ...] = ("nonsense", -1, math.nan, [], {"a": 1}, None)


def follows_the_protocol(case: Case) -> None:
    """It is built without arguments, and has what flamo.protocols.Recipe asks.

    Give every option a default, and define config(target, curve, fs, seed)."""
    require(isinstance(case.build(), Recipe), "it has no config")
    made = _config(case.build(), _curve())
    require(isinstance(made, Mapping), f"config returns a {type(made).__name__}, not a mapping")


def holds_plain_data(case: Case) -> None:
    """The configuration is what YAML and JSON can hold.

    Convert with float(), list() and dict(): arrays, tuples and numbers of numpy are not written to files."""
    for path, value in _leaves(_config(case.build(), _curve()), "the configuration"):
        require(type(value) in (str, int, float, bool, type(None)), f"{path} is a {type(value).__name__}")
        require(not isinstance(value, float) or math.isfinite(value), f"{path} is {value}")


def makes_a_valid_configuration(case: Case) -> None:
    """The configuration has no mistake that 'flamo check' would name.

    Print it with 'flamo fit TARGET --recipe NAME --print-config'; each mistake is said with its place."""
    _checked(_config(case.build(), _curve()))


def passes_on_what_it_is_given(case: Case) -> None:
    """The target, the sampling frequency and the seed are those that were given.

    Put target, fs and seed into the configuration as they are: who calls has chosen them."""
    made = _config(case.build(), _curve())
    for name, given in (("target", _target()), ("fs", FS), ("seed", SEED)):
        require(made.get(name) == given, f"{name} is {made.get(name)!r}, where {given!r} was given")


def repeats_itself(case: Case) -> None:
    """The same target has the same configuration, whatever came before it.

    Draw nothing at random, and keep nothing from one call to the next: the seed makes a run the same every time."""
    made, curve = case.build(), _curve()
    other = Curve("other", curve.frequency[10:], tuple(reversed(curve.gain_db[10:])))
    first = copy.deepcopy(_config(made, curve))
    require(_config(case.build(), curve) == first, "the same target has another configuration")
    after = copy.deepcopy(_config(made, other))
    require(_config(case.build(), other) == after, "after another target the configuration is another")
    require(_config(made, curve) == first, "after another target the configuration is another")


def leaves_its_input_alone(case: Case) -> None:
    """The section target is not changed in place, and is no part of the configuration itself.

    Write {"target": dict(target)}: the section belongs to who calls, and serves several targets."""
    given = _target()
    made = case.build().config(given, _curve(), FS, SEED)
    require(given == _target(), f"it changes the section target to {given!r}")
    require(made.get("target") is not given, "the configuration holds the section itself, not a copy")


def refuses_in_one_line(case: Case) -> None:
    """A target that it cannot serve is an InputError of one line, or has a valid configuration.

    Raise flamo.errors.InputError('what is wrong; what to do') where fs or the range of the curve leave no room."""
    for what, curve, fs in (
        ("three points of bass", Curve("bass", (20.0, 25.0, 30.0), (0.0, 1.0, 0.0)), FS),
        ("three points of treble", Curve("treble", (15e3, 16e3, 17e3), (0.0, -1.0, 0.0)), FS),
        ("a band just below fs/2", Curve("top", (3960.0, 3970.0, 3999.0), (1.0, 1.0, 1.0)), 8000),
        ("a curve of 0 dB up to fs/2", Curve("flat", _POINTS[:-15], (0.0,) * (len(_POINTS) - 15)), 8000),
    ):
        _used(what, lambda curve=curve, fs=fs: _checked(case.build().config(_target(), curve, fs, SEED)))


def checks_its_options(case: Case) -> None:
    """An option that cannot be used is refused by the constructor, in one line.

    Raise ValueError or TypeError, 'name must be …, got …': what config raises cannot be told from a fault of flamo."""
    for name in case.parameters:
        for value in _NONSENSE:
            what = f"{name}={value!r}"
            made = _used(what, lambda name=name, value=value: case.make(**{name: value}), (ValueError, TypeError))
            if made is not None:
                _used(what, lambda made=made: _config(made, _curve()))


def fits_its_curve(case: Case) -> None:
    """Some steps of the run that it stands for lower the loss.

    Leave what learns room to move: bounds, starts and optimizer are those of the configuration."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kit.csv"
        curve = _curve()
        rows = (f"{f},{gain}\n" for f, gain in zip(curve.frequency, curve.gain_db, strict=True))
        file.write_text("frequency,equalization\n" + "".join(rows), encoding="utf-8")
        config = _checked(case.build().config({**_target(), "curve": str(file)}, curve, FS, SEED))
        engine = make_engine(make_experiment(config))
        losses = [engine.step().loss for _ in range(min(STEPS, config.stop.steps) + 1)]
    told = f"the loss was {losses[0]:.3g}, and is {engine.best_loss:.3g} after {len(losses)} steps"
    require(engine.best_loss < 0.999 * losses[0], told)


def checks(case: Case) -> Iterator[Any]:
    """Every check that such a recipe is asked."""
    yield from (follows_the_protocol, holds_plain_data, makes_a_valid_configuration, passes_on_what_it_is_given)
    yield from (repeats_itself, leaves_its_input_alone, refuses_in_one_line, checks_its_options, fits_its_curve)


def _curve() -> Curve:
    """What a low shelf, a cut and a gain make together."""
    return Curve("kit", _POINTS, tuple((20 * np.log10(np.abs(_EQ.response(_POINTS, FS)))).tolist()))


def _target() -> dict[str, Any]:
    return {"curve": "kit.csv", "low": 20.0, "high": 20000.0}


def _config(made: Any, curve: Curve) -> Any:
    return made.config(_target(), curve, FS, SEED)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All that is no list or mapping of texts, and where it stands."""
    if type(value) is dict:
        for key, item in value.items():
            yield f"a key in {path}", key
            yield from _leaves(item, str(key))
    elif type(value) is list:
        for n, item in enumerate(value):
            yield from _leaves(item, f"{path}[{n}]")
    else:
        yield path, value


def _checked(made: Mapping[str, Any]) -> RunConfig:
    config, problems = check_sections(made)
    if config is None:
        raise WrongError(f"its configuration is refused: {'; '.join(map(str, problems))}")
    return config


def _used(what: str, call: Any, refusals: Any = InputError) -> Any:
    """What a call returns, or None where it is refused in good order."""
    try:
        return call()
    except WrongError as error:
        raise WrongError(f"for {what} {error}") from error
    except refusals as error:
        text = str(error)
        require(bool(text.strip()) and "\n" not in text, f"of {what} it says {text!r}, which is not one line")
        return None
    except Exception as error:
        raise WrongError(f"{what} raises {type(error).__name__}: {error}") from error
