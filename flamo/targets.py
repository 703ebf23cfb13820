"""Target curves: magnitude in dB over frequency, from a file of text or built in. Imports nothing heavy."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

from flamo.curves import Curve
from flamo.errors import InputError
from flamo.reading import read_file

EXAMPLES = {"headphone": "akg_k371.csv"}


def find_target(name: str) -> tuple[Curve, Path]:
    """A built-in example by its name, or a file; and where it is.

    Raises:
        InputError: neither, or the file cannot be read (see :func:`read_target`).

    >>> curve, file = find_target("headphone")
    >>> len(curve.frequency), file.name
    (127, 'akg_k371.csv')
    """
    if name in EXAMPLES:
        file = Path(__file__).with_name("data") / EXAMPLES[name]
        return replace(read_target(file), name=name), file
    if not _exists(Path(name)):
        hint = difflib.get_close_matches(name, EXAMPLES, 1)
        known = f"did you mean {hint[0]!r}?" if hint else f"built-in examples: {', '.join(EXAMPLES)}"
        raise InputError(f"{name}: no such file, and no example of that name; {known}")
    return read_target(Path(name)), Path(name)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def read_target(path: Path, role: str = "equalization") -> Curve:
    """A curve in a role: a table of frequency in Hz and values in dB, or what else a reader recognises.

    Raises:
        InputError: the file cannot be read or used; says where and what to do.
    """
    found = read_file(path, usual="curve", role=role)
    if not isinstance(found, Curve):
        raise InputError(f"{path}: an equaliser, not a curve; 'flamo convert' brings it into the format of a player")
    return found
