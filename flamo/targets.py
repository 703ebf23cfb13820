"""Target curves: magnitude in dB over frequency, from a CSV file or built in. Imports nothing heavy."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from flamo.curves import Curve
from flamo.errors import InputError

EXAMPLES = {"headphone": "akg_k371.csv"}
MIN_HZ, MAX_HZ = 1e-3, 1e7
MAX_DB = 200.0  # beyond this a value is no audio level but a mistake

_FREQUENCY_NAMES = ("frequency", "freq", "f", "hz", "frequency (hz)", "frequency_hz", "freq(hz)")


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
    """A CSV file of frequency in Hz and a target in dB, with comma, semicolon or tab, with or without a header.

    With a header, the target is the column ``equalization``, else ``target`` where there is no ``raw`` (in a file of
    AutoEq's, ``target`` beside ``raw`` is the curve to reach, not the equalisation), else the only column beside the
    frequency.

    Raises:
        InputError: the file cannot be read or used; says where and what to do.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8; save it as CSV in UTF-8") from error
    return _parsed(path.stem.encode("utf-8", "replace").decode(), text, str(path))


def _parsed(name: str, text: str, source: str) -> Curve:
    try:
        rows = list(_rows(text))
    except csv.Error as error:
        raise InputError(f"{source}: not a CSV file: {error}") from error
    if not rows:
        raise InputError(f"{source}: the file is empty; it needs rows of frequency in Hz and a target in dB")
    header = [cell.strip().lower() for cell in rows[0][1]] if not any(map(_is_number, rows[0][1])) else None
    columns = _columns(header or [""] * len(rows[0][1]), source)
    points: dict[float, tuple[float, int]] = {}
    for line, cells in rows[1:] if header else rows:
        frequency, gain_db = (_number(cells, column, f"{source}, row {line}") for column in columns)
        _check_point(frequency, gain_db, points, f"{source}, row {line}")
        points[frequency] = (gain_db, line)
    if len(points) < 3:
        raise InputError(f"{source}: {len(points)} points; at least 3 are needed")
    ordered = sorted(points)
    return Curve(name, tuple(ordered), tuple(points[frequency][0] for frequency in ordered))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of the rows that are not blank."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((mark for mark in "\t;," if mark in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _columns(header: list[str], source: str) -> tuple[int, int]:
    """The columns of frequency and target."""
    if len(header) < 2:
        raise InputError(f"{source}: one column; two are needed, separated by comma, semicolon or tab")
    frequency = next((i for i, cell in enumerate(header) if cell in _FREQUENCY_NAMES), 0)
    others = {cell: i for i, cell in enumerate(header) if i != frequency}
    if "equalization" in others:
        return frequency, others["equalization"]
    if "target" in others and "raw" not in others:
        return frequency, others["target"]
    if len(header) == 2:
        return frequency, 1 - frequency
    named = ", ".join(repr(cell) for cell in others) if any(others) else f"{len(header)} columns without names"
    raise InputError(f"{source}: which column is the target? Found {named}; name one 'equalization', or keep only one")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's own way to write 1_000


def _number(cells: list[str], column: int, where: str) -> float:
    if column >= len(cells) or not cells[column].strip():
        raise InputError(f"{where}: column {column + 1} is missing; every row needs a frequency and a target")
    if not _is_number(cells[column]):
        raise InputError(f"{where}: {cells[column].strip()[:40]!r} is not a number; write it with a decimal point")
    value = float(cells[column])
    if not math.isfinite(value):
        raise InputError(f"{where}: {cells[column].strip()} is not a finite number; remove the row")
    return value


def _check_point(frequency: float, gain_db: float, points: dict[float, tuple[float, int]], where: str) -> None:
    if frequency <= 0:
        raise InputError(f"{where}: frequency {frequency:g} Hz is not positive; remove the row")
    if not MIN_HZ <= frequency <= MAX_HZ:
        raise InputError(f"{where}: frequency {frequency:g} Hz is out of range ({MIN_HZ:g} to {MAX_HZ:g} Hz)")
    if frequency in points:
        raise InputError(
            f"{where}: frequency {frequency:g} Hz is in row {points[frequency][1]} already; keep one of them"
        )
    if abs(gain_db) > MAX_DB:
        raise InputError(f"{where}: {gain_db:g} dB is out of range (±{MAX_DB:g} dB)")
