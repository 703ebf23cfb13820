"""Lines of a graphic equaliser, as Equalizer APO, Wavelet and JamesDSP read them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flamo.curves import Curve
from flamo.errors import InputError
from flamo_readers.commands import Command, commands, preamp
from flamo_readers.text import curve, decoded, head, number, wrong


class GraphicEQ:
    """Curve of a GraphicEQ line: frequencies and gains, linear over log f between them.

    Lines of ``Preamp`` are added to it.

    Args:
        channel: read lines of this channel and of all; None is L, with a warning where others are left out.

    >>> GraphicEQ().read(b"GraphicEQ: 20 -0.2; 1000 -6; 20000 -3", "flat").gain_db
    (-0.2, -6.0, -3.0)
    """

    suffixes = (".txt",)

    def __init__(self, channel: str | None = None) -> None:
        self.channel = channel

    def recognizes(self, data: bytes) -> bool:
        """Whether there is such a line."""
        return re.search(r"(?m)^\s*GraphicEQ\s*:", head(data)) is not None

    def read(self, data: bytes, name: str) -> Curve:
        """The curve. Raises InputError: no such line or several, filters beside it, a point that is none."""
        points, offset_db = list[tuple[int, float, float]](), 0.0
        for command in commands(decoded(data), self.channel):
            if command.word == "Preamp":
                offset_db += preamp(command)
            elif command.word != "GraphicEQ":
                raise wrong(command.line, "a filter beside GraphicEQ; keep one of the two")
            elif points:
                raise wrong(command.line, "a second GraphicEQ; keep one")
            else:
                points = list(_points(command))
        if not points:
            raise InputError("no points, as in 'GraphicEQ: 20 -0.2; 1000 -6; 20000 -3'")
        return curve(name, points, offset_db)


def _points(command: Command) -> Iterator[tuple[int, float, float]]:
    for point in filter(str.strip, command.parameters.split(";")):
        words = point.split()
        if len(words) != 2:
            raise wrong(command.line, f"{point.strip()[:40]!r} is not a frequency and a gain")
        yield command.line, number(words[0], command.line), number(words[1], command.line)
