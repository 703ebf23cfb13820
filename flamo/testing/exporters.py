"""What an exporter has to keep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.signal import sosfilt

from flamo.design import Design
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError
from flamo.protocols import Exporter
from flamo.testing.case import Case
from flamo.testing.check import WrongError, require

_EQ = Equalizer("kit", (Band("lowshelf", 100.0, 3.0, 0.7), Band("peaking", 1000.0, -4.0, 1.4)), gain_db=-3.0)


class _Bare(Design):
    """A design that has a response and nothing else."""

    why = "it is a response only"

    def __init__(self, name: str = "kit", fs: float = 48000.0) -> None:
        self.name, self.fs = name, fs  # as it is, whatever the base makes of names

    def response(self, frequency: np.ndarray) -> np.ndarray:
        return _EQ.response(frequency, self.fs)[:, None, None]

    def impulse_response(self, length: int) -> np.ndarray:
        raise InputError(f"{self.name} is not an impulse response: {self.why}")


class EqualizerExample(_Bare):
    """A design to try an exporter with: a low shelf, a peak and a gain, in every form that can be asked for.

    Args:
        name: of the design.
        fs: sampling frequency in Hz.

    >>> EqualizerExample().bands().gain_db
    -3.0
    """

    def bands(self) -> Equalizer:
        return _EQ

    def sections(self) -> tuple[float, np.ndarray]:
        return 10 ** (_EQ.gain_db / 20), _EQ.sos(self.fs)

    def impulse_response(self, length: int) -> np.ndarray:
        gain, sos = self.sections()
        return gain * sosfilt(sos, np.eye(1, length)[0])[:, None, None]


def follows_the_protocol(case: Case) -> None:
    """It is built without arguments, and has what flamo.protocols.Exporter asks.

    Give every option a default, and define suffix and export(design)."""
    made = case.build()
    require(isinstance(made, Exporter), "it lacks suffix or export")
    good = isinstance(made.suffix, str) and re.fullmatch(r"(\.[a-z0-9]+)+", made.suffix)
    require(bool(good), f"suffix is {made.suffix!r}, which is no lower-case suffix with its dot")


def exports_an_equalizer(case: Case) -> None:
    """Two bands become files by name, the main one first.

    Return {f"{design.name}{self.suffix}": bytes}; ask the design for the form that the format needs."""
    made = case.build()
    files = made.export(EqualizerExample())
    require(isinstance(files, Mapping) and bool(files), f"it returns {type(files).__name__}, not files by name")
    for name, data in files.items():
        require(isinstance(data, bytes) and bool(data), f"{name!r} holds {type(data).__name__}, or nothing")
    first = next(iter(files))
    require(first.endswith(made.suffix), f"its main file is {first!r}, which does not end in {made.suffix!r}")


def names_files_safely(case: Case) -> None:
    """Whatever a design is called, files are plain names, each its own.

    Replace separators in design.name; who writes the files puts them into one folder."""
    for name in ("../up", "a/b", "c:\\d", "Küche 2", "."):
        files = _exported(case, EqualizerExample(name)) or {}
        for file in files:
            plain = not re.search(r"[/\\:\x00-\x1f]|^\.*$", file)
            require(plain, f"a design named {name!r} is written to {file!r}")


def repeats_itself(case: Case) -> None:
    """The same design gives the same bytes.

    Leave times, random numbers and the order of sets out of files."""
    first, second = (_exported(case, EqualizerExample()) for _ in range(2))
    require(first == second, "the same design gives other bytes")


def refuses_in_one_line(case: Case) -> None:
    """A design without the form that it needs is an InputError of one line, or a file.

    Let what the design raises pass, and raise flamo.errors.InputError for what the format cannot hold."""
    _exported(case, _Bare())
    _exported(case, EqualizerExample(fs=8000.0))


def checks(case: Case) -> Iterator[Any]:
    """Every check that such an exporter is asked."""
    yield from (follows_the_protocol, exports_an_equalizer, names_files_safely, repeats_itself, refuses_in_one_line)


def _exported(case: Case, design: Design) -> dict[str, bytes] | None:
    """The files, or None where it is refused in good order."""
    try:
        return dict(case.build().export(design))
    except InputError as error:
        text = str(error)
        require(bool(text.strip()) and "\n" not in text, f"it says {text!r}, which is not one line")
        return None
    except Exception as error:
        raise WrongError(f"a design named {design.name!r} raises {type(error).__name__}: {error}") from error
