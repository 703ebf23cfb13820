"""Target curves: magnitude in dB over frequency, from a file of text or built in. Imports nothing heavy."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import cast

from flamo import registry
from flamo.curves import Curve
from flamo.errors import InputError
from flamo.reading import read_bytes, read_file, readers_of
from flamo.registry import Offer

TABLES = "curve"
"""The reader of tables."""
EXAMPLES = {"headphone": "akg_k371.csv"}


def find_target(name: str) -> tuple[str, Path]:
    """The name and the file of a built-in example, or of a file.

    Raises:
        InputError: neither.

    >>> name, file = find_target("headphone")
    >>> name, file.name, len(read_target(file).frequency)
    ('headphone', 'akg_k371.csv', 127)
    """
    if name in EXAMPLES:
        return name, Path(__file__).with_name("data") / EXAMPLES[name]
    if not exists(Path(name)):
        hint = difflib.get_close_matches(name, EXAMPLES, 1)
        known = f"did you mean {hint[0]!r}?" if hint else f"built-in examples: {', '.join(EXAMPLES)}"
        raise InputError(f"{name}: no such file, and no example of that name; {known}")
    return Path(name).stem, Path(name)


def exists(path: Path) -> bool:
    """Whether there is a file. Raises InputError: a name that no file can have."""
    try:
        return path.exists()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def read_target(path: Path, role: str = "equalization", channel: int | None = None) -> Curve:
    """A curve from a file: of a table of frequency in Hz and values in dB, what it has in a role, in a channel.

    Raises:
        InputError: the file cannot be read or used; says where and what to do.
    """
    offer = reader_of(path)
    if offer == registry.find("reader", TABLES):
        return cast(Curve, read_file(path, TABLES, role=role, channel=channel))
    found = read_file(path, offer.qualified_name)
    if not isinstance(found, Curve):
        raise InputError(f"{path}: an equaliser ({offer.component.name}); a target is a curve of levels in dB")
    return found


def reader_of(path: Path) -> Offer:
    """The reader of a target: that of tables, unless it does not know the file and one other does.

    Raises:
        InputError: the file cannot be read.
    """
    tables, data = registry.find("reader", TABLES), read_bytes(path)
    if registry.load(tables)().recognizes(data):
        return tables
    knowing = readers_of(data, path.suffix.lower())
    return knowing[0] if len(knowing) == 1 else tables
