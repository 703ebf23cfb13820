"""Curves in delimited text: AutoEq, Crinacle, REW, .frd, calibrations of microphones, spreadsheets."""

from __future__ import annotations

import re
import warnings
from typing import Literal

from flamo.curves import Curve
from flamo.errors import InputError, InputWarning
from flamo_readers.tables import FREQUENCY, table
from flamo_readers.text import curve, decoded, head, is_number, number, wrong

_LEVEL = re.compile(r"spl|gain|ampl|mag|db|level")
_IMPEDANCE = re.compile(r"imped|.*\bohms?\b")
_ROLES = {"measurement": ("raw",), "equalization": ("equalization", "target"), "target": ("target", "raw")}


class CurveReader:
    """Curve in dB over frequency, from delimited text.

    Columns are found by name; without names they are frequency, level and perhaps phase, which is ignored.

    Args:
        role: which of several levels. ``measurement`` is ``raw``; ``equalization`` is the column of that name, else
            ``target`` where there is no ``raw`` (beside which it is the curve to reach, not the equalisation);
            ``target`` is ``target``, else ``raw``. A level of any other name is taken where there is none of these.
        channel: which of several pairs of frequency and level, from 0; None is the first, with a warning if there are
            more.

    Raises:
        ValueError: an unknown role, or a negative channel.

    >>> CurveReader().read(b"frequency,raw\\n20,-3.1\\n100,0.25\\n1000,0\\n", "k371")
    Curve(name='k371', frequency=(20.0, 100.0, 1000.0), gain_db=(-3.1, 0.25, 0.0))
    """

    suffixes = (".csv", ".txt", ".tsv", ".frd", ".cal")

    def __init__(
        self, role: Literal["measurement", "equalization", "target"] = "measurement", channel: int | None = None
    ) -> None:
        if role not in _ROLES:
            raise ValueError(f"role must be one of {', '.join(_ROLES)}, got {role!r}")
        if channel is not None and channel < 0:
            raise ValueError(f"channel must be 0 or more, got {channel}")
        self.role, self.channel = role, channel

    def recognizes(self, data: bytes) -> bool:
        """Whether there are rows that begin with two numbers, of frequency by name or without any names."""
        try:
            names, rows = table(head(data))
        except InputError:
            return False
        numbers = bool(rows) and len(rows[0][1]) > 1 and all(map(is_number, rows[0][1][:2]))
        return numbers and (len(names) <= 3 or any(map(FREQUENCY.match, names)))

    def read(self, data: bytes, name: str) -> Curve:
        """The curve. Raises InputError: columns that cannot be told apart, a row that is none, under three points."""
        names, rows = table(decoded(data))
        if not rows:
            raise InputError("0 points; at least 3 are needed")
        if len(names) < 2:
            raise InputError("one column; two are needed, separated by comma, semicolon, tab or blanks")
        frequency, level = self._columns(names)
        if "khz" in names[frequency].lower():
            raise InputError(f"column {names[frequency]!r}: frequencies must be in Hz; multiply them by 1000")
        points = [(line, _value(cells, frequency, line), _value(cells, level, line)) for line, cells in rows]
        found = curve(name, points)
        if len(found.frequency) < 3:
            raise InputError(f"{len(found.frequency)} points; at least 3 are needed")
        return found

    def _columns(self, names: list[str]) -> tuple[int, int]:
        """The columns of frequency and level."""
        impedance = next(filter(_IMPEDANCE.match, names), None)
        if impedance is not None:
            raise InputError(f"column {impedance!r} is an impedance, not a level in dB")
        starts = [i for i, cell in enumerate(names) if FREQUENCY.match(cell)] or [0]
        if len(starts) == 1 and self.channel:
            raise InputError(f"channel {self.channel}: there is one, which is 0")
        if not any(names):
            if len(names) > 3:
                raise InputError(f"which column is the level? Found {len(names)} columns without names; name them")
            return 0, 1
        if len(starts) == 1:
            return starts[0], self._level({cell: i for i, cell in enumerate(names) if i != starts[0]})
        channel = self._channel(len(starts))
        first, end = starts[channel], [*starts, len(names)][channel + 1]
        return first, self._level({names[i]: i for i in range(first + 1, end)})

    def _channel(self, count: int) -> int:
        if self.channel is None:
            warnings.warn(
                f"the first of {count} channels is read; the option channel chooses, from 0", InputWarning, stacklevel=4
            )
            return 0
        if self.channel >= count:
            raise InputError(f"channel {self.channel}: there are {count}, counted from 0")
        return self.channel

    def _level(self, others: dict[str, int]) -> int:
        wanted = _ROLES[self.role]
        if self.role == "equalization" and "raw" in others:
            wanted = ("equalization",)
        levels = [cell for cell in others if not cell.startswith("phase")]
        by_name = [cell for cell in wanted if cell in others]
        by_name += levels if len(levels) == 1 else filter(_LEVEL.match, levels)
        if by_name:
            return others[by_name[0]]
        found = ", ".join(map(repr, others))
        raise InputError(f"which column is the {self.role}? Found {found}; name one {wanted[0]!r}, or keep only one")


def _value(cells: list[str], column: int, line: int) -> float:
    if column >= len(cells) or not cells[column].strip():
        raise wrong(line, f"column {column + 1} is missing; every row needs a frequency and a level")
    return number(cells[column], line)
