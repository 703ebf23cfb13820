"""Text of files: decoding, lines, numbers, points of a curve. What is wrong is told with its line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from contextlib import suppress

from flamo.curves import MAX_DB, MAX_HZ, MIN_HZ, Curve
from flamo.errors import InputError

_HEAD = 1 << 16


def decoded(data: bytes) -> str:
    """The text of a file, in UTF-8 or in the old code page of Windows.

    Raises:
        InputError: neither, or bytes of zero.
    """
    if b"\0" not in data:
        for encoding in ("utf-8-sig", "cp1252"):
            with suppress(UnicodeDecodeError):
                return data.decode(encoding)
    raise InputError("not a text file in UTF-8 or Windows-1252; save it as text in UTF-8")


def head(data: bytes) -> str:
    """The beginning of a file as text, good enough to recognise a format by."""
    return "" if b"\0" in data[:_HEAD] else data[:_HEAD].decode("utf-8-sig", "replace")


def numbered(text: str) -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers.

    >>> numbered("a\\r\\n\\rb")
    [(1, 'a'), (3, 'b')]
    """
    return [(n, line) for n, line in enumerate(re.split("\r\n|\r|\n", text), 1) if line.strip()]


def wrong(line: int, message: str) -> InputError:
    """What is wrong in a line."""
    return InputError(f"line {line}: {message}")


def is_number(word: str) -> bool:
    """Whether it is a number, not a finite one perhaps; ``1_000``, Python's own way to write it, is none."""
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word


def number(word: str, line: int) -> float:
    """A finite number.

    Raises:
        InputError: it is none.
    """
    if not is_number(word):
        raise wrong(line, f"{word.strip()[:40]!r} is not a number; write it with a decimal point")
    value = float(word)
    if not math.isfinite(value):
        raise wrong(line, f"{word.strip()[:40]} is not a finite number; remove the row")
    return value


def level(gain_db: float, line: int) -> float:
    """A level in dB.

    Raises:
        InputError: it is out of any range of audio.
    """
    if abs(gain_db) > MAX_DB:
        raise wrong(line, f"{gain_db:g} dB is out of range (±{MAX_DB:g} dB)")
    return gain_db


def hertz(frequency: float, line: int) -> float:
    """A frequency in Hz.

    Raises:
        InputError: it is not positive, or out of range.
    """
    if frequency <= 0:
        raise wrong(line, f"frequency {frequency:g} Hz is not positive; remove the row")
    if not MIN_HZ <= frequency <= MAX_HZ:
        raise wrong(line, f"frequency {frequency:g} Hz is out of range ({MIN_HZ:g} to {MAX_HZ:g} Hz)")
    return frequency


def curve(name: str, points: Iterable[tuple[int, float, float]], offset_db: float = 0.0) -> Curve:
    """A curve of points (line, Hz, dB) in any order.

    Raises:
        InputError: a frequency or a level out of range, or a frequency that is there twice.
    """
    found: dict[float, tuple[float, int]] = {}
    for line, frequency, gain_db in points:
        if hertz(frequency, line) in found:
            raise wrong(line, f"frequency {frequency:g} Hz is in line {found[frequency][1]} already; keep one of them")
        found[frequency] = (level(gain_db, line), line)
    ordered = sorted(found)
    return Curve(name, tuple(ordered), tuple(found[frequency][0] + offset_db for frequency in ordered))
