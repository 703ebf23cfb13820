"""Second-order sections in JSON and CSV."""

from __future__ import annotations

import re

from flamo.equalizer import Equalizer
from flamo.errors import InputError
from flamo_readers import parts
from flamo_readers.tables import table
from flamo_readers.text import decoded, head, level, number, wrong
from flamo_readers.trees import tree

_ORDER = ("b0", "b1", "b2", "a0", "a1", "a2")


class SOSJSON:
    """Second-order sections in JSON, with their sampling frequency and a gain.

    ``{"format": "flamo-sos", "version": 1, "sample_rate": 48000, "gain_db": -6.3, "sos": [[b0, b1, b2, a0, a1, a2]]}``;
    ``bands`` beside the sections only tell what they were made of.

    >>> data = b'{"format": "flamo-sos", "version": 1, "sample_rate": 48000, "sos": [[2, 0, 0, 2, 0, 0.5]]}'
    >>> SOSJSON().read(data, "k").parts
    (Section(b0=1.0, b1=0.0, b2=0.0, a1=0.0, a2=0.25, fs=48000.0),)
    """

    suffixes = (".json",)

    def recognizes(self, data: bytes) -> bool:
        """Whether it says that it is of this format."""
        return re.search(r'"format"\s*:\s*"flamo-sos"', head(data)) is not None

    def read(self, data: bytes, name: str) -> Equalizer:
        """The sections. Raises InputError: not JSON, another format or version, something missing or not a number."""
        root = tree(data, is_json=True)
        known = {"format": "flamo-sos", "version": 1, "order": ",".join(_ORDER)}
        for key, value in known.items():
            if (key != "order" or root.has(key)) and root[key].value != value:
                raise root[key].wrong(f"must be {value!r}, got {str(root[key].value)[:40]!r}")
        rate = root["sample_rate"]
        if rate.number() <= 0:
            raise rate.wrong("must be positive")
        gain_db = level(root["gain_db"].number(), root["gain_db"].line) if root.has("gain_db") else 0.0
        found = []
        for section in root["sos"].items():
            row = [item.number() for item in section.items()]
            if len(row) != len(_ORDER):
                raise section.wrong(f"{len(row)} coefficients; a section has {', '.join(_ORDER)}")
            found.append(parts.section(section.line, row, rate.number()))
        return Equalizer(name, tuple(found), gain_db)


class SOSCSV:
    """Second-order sections in a table with columns b0, b1, b2, a0, a1, a2.

    Args:
        fs: sampling frequency in Hz at which the coefficients are right; the file does not say it.

    Raises:
        ValueError: fs is not a positive number.

    >>> SOSCSV().read(b"b0,b1,b2,a0,a1,a2\\n2,0,0,2,0,0.5\\n", "k").parts
    (Section(b0=1.0, b1=0.0, b2=0.0, a1=0.0, a2=0.25, fs=48000.0),)
    """

    suffixes = (".csv", ".tsv", ".txt")

    def __init__(self, fs: float = 48000.0) -> None:
        self.fs = parts.checked_fs(fs)

    def recognizes(self, data: bytes) -> bool:
        """Whether there is a column b0."""
        try:
            return "b0" in table(head(data)).names
        except InputError:
            return False

    def read(self, data: bytes, name: str) -> Equalizer:
        """The sections. Raises InputError: columns that are not there, a row that is not whole, no rows."""
        names, rows = table(decoded(data))
        missing = [key for key in _ORDER if key not in names]
        if missing:
            raise InputError(f"columns {', '.join(missing)} are missing; the first line must name {','.join(_ORDER)}")
        if not rows:
            raise InputError("no sections")
        found = []
        for line, cells in rows:
            if len(cells) < len(names):
                raise wrong(line, f"{len(cells)} columns; the header has {len(names)}")
            found.append(parts.section(line, [number(cells[names.index(key)], line) for key in _ORDER], self.fs))
        return Equalizer(name, tuple(found))
