"""Sections as miniDSP takes them."""

from __future__ import annotations

import re

from flamo.equalizer import Equalizer, Section
from flamo.errors import InputError
from flamo_readers import parts
from flamo_readers.text import decoded, head, number, numbered, wrong

_KEYS = ("b0", "b1", "b2", "a1", "a2")


class MiniDSP:
    """Sections of miniDSP: coefficients in text, with its signs of a1 and a2.

    Args:
        fs: sampling frequency in Hz of the device, at which the coefficients are right; the file does not say it.

    Raises:
        ValueError: fs is not a positive number.

    >>> MiniDSP().read(b"biquad1,\\nb0=1,\\nb1=0,\\nb2=0,\\na1=1.5,\\na2=-0.75", "k").parts[0].a1
    -1.5
    """

    suffixes = (".txt",)

    def __init__(self, fs: float = 48000.0) -> None:
        self.fs = parts.checked_fs(fs)

    def recognizes(self, data: bytes) -> bool:
        """Whether there is a line of a biquad."""
        return re.search(r"(?m)^\s*biquad\d+\s*,?\s*$", head(data)) is not None

    def read(self, data: bytes, name: str) -> Equalizer:
        """The sections. Raises InputError: a line of something else, a section that is not whole."""
        found = list[tuple[int, dict[str, float]]]()
        for line, content in numbered(decoded(data)):
            content = content.strip().rstrip(",").strip()
            key, equals, value = (word.strip() for word in content.partition("="))
            if re.fullmatch(r"biquad\d+", content):
                found.append((line, {}))
            elif not equals or not found or key not in _KEYS:
                raise wrong(line, f"{content[:40]!r} is neither biquadN nor one of {', '.join(_KEYS)} in it")
            elif key in found[-1][1]:
                raise wrong(line, f"{key} stands here a second time")
            else:
                found[-1][1][key] = number(value.replace(",", "."), line)
        if not found:
            raise InputError("no line 'biquad1,'")
        return Equalizer(name, tuple(self._section(line, values) for line, values in found))

    def _section(self, line: int, values: dict[str, float]) -> Section:
        missing = [key for key in _KEYS if key not in values]
        if missing:
            raise wrong(line, f"the section that begins here lacks {', '.join(missing)}")
        b0, b1, b2, a1, a2 = (values[key] for key in _KEYS)
        return parts.section(line, (b0, b1, b2, 1.0, -a1, -a2), self.fs)
