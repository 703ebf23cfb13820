"""Files of filters of Equalizer APO and REW."""

from __future__ import annotations

import math
import re

from flamo.equalizer import Band, Equalizer, Section
from flamo.errors import InputError
from flamo_readers import parts
from flamo_readers.commands import FILTER, Command, commands, preamp, quantity
from flamo_readers.text import decoded, head, number, wrong

_TYPES = {
    **dict.fromkeys(("PK", "PEQ", "Modal"), "peaking"),
    **dict.fromkeys(("LS", "LSC"), "lowshelf"),
    **dict.fromkeys(("HS", "HSC"), "highshelf"),
    **dict.fromkeys(("LP", "LPQ"), "lowpass"),
    **dict.fromkeys(("HP", "HPQ"), "highpass"),
    "BP": "bandpass",
    "NO": "notch",
    "AP": "allpass",
}
_DEFAULT_Q = {"lowpass": math.sqrt(0.5), "highpass": math.sqrt(0.5), "bandpass": math.sqrt(0.5), "notch": 30.0}
_DEFAULT_SLOPE = 0.9
_STATE = re.compile(r"\s*(ON|OFF)\b\s*(\S*)")
_FREQUENCY = re.compile(r"\sFc\s*([-+0-9.eE\u00a0]+)\s*H\s*z")
_SLOPE = re.compile(r"\s*ON\s+\w+\s+([-+0-9.eE]+)\s*dB")
_ORDER = re.compile(r"\s*ON\s+IIR\s+Order\s+(\d+)\s+Coefficients\s+(.*)")


class EqualizerAPO:
    """Filters of Equalizer APO or REW, one a line.

    ``Preamp`` adds up, filters that are ``OFF`` or ``None`` are left out. LS and HS with a Q or a slope have their
    corner at Fc, LSC and HSC their centre. As Equalizer APO does, ``Fc 1.000 Hz`` is read as one thousand.

    Args:
        fs: sampling frequency in Hz at which ``IIR`` coefficients are right and bandwidths in octaves are meant.
        channel: read lines of this channel and of all; None is L, with a warning where others are left out.

    Raises:
        ValueError: fs is not a positive number.

    Source: Equalizer APO, configuration reference and source; R. Bristow-Johnson, Audio EQ Cookbook.

    >>> EqualizerAPO().read(b"Preamp: -3 dB\\nFilter 1: ON PK Fc 105 Hz Gain 3 dB Q 0.7", "bass").parts
    (Band(type='peaking', frequency=105.0, gain_db=3.0, q=0.7),)
    """

    suffixes = (".txt",)

    def __init__(self, fs: float = 48000.0, channel: str | None = None) -> None:
        self.fs, self.channel = parts.checked_fs(fs), channel

    def recognizes(self, data: bytes) -> bool:
        """Whether there is a line of a filter, or a Preamp without GraphicEQ."""
        text = head(data)
        has_filter = re.search(r"(?m)^\s*Filter\s*\d*\s*:\s*(ON|OFF)\b", text)
        return bool(has_filter or re.search(r"(?m)^\s*Preamp\s*:", text)) and "GraphicEQ" not in text

    def read(self, data: bytes, name: str) -> Equalizer:
        """The filters. Raises InputError: a line that is not a whole filter, an unknown type, nothing to read."""
        found, gain_db, empty = list[Band | Section](), 0.0, True
        for command in commands(decoded(data), self.channel):
            empty = False
            if command.word == "Preamp":
                gain_db += preamp(command)
            elif FILTER.fullmatch(command.word):
                found += self._filter(command)
            else:
                raise wrong(command.line, "GraphicEQ is a curve, not a filter; the reader 'graphic_eq' takes it")
        if empty:
            raise InputError("no line 'Filter: ON ...' and no 'Preamp: ...'")
        return Equalizer(name, tuple(found), gain_db)

    def _filter(self, command: Command) -> list[Band | Section]:
        state = _STATE.match(command.parameters)
        if state is None:
            raise wrong(command.line, "a filter is ON or OFF, as in 'Filter: ON PK Fc 100 Hz Gain -3 dB Q 1'")
        if state[1] == "OFF" or state[2] == "None":
            return []
        return [self._section(command) if state[2] == "IIR" else self._band(command, state[2])]

    def _section(self, command: Command) -> Section:
        match = _ORDER.match(command.parameters)
        if match is None or match[1] not in ("1", "2"):
            raise wrong(command.line, "IIR needs 'Order 1' or 'Order 2', and 'Coefficients' b0 b1 b2 a0 a1 a2")
        row, count = [number(word, command.line) for word in match[2].split()], int(match[1]) + 1
        if len(row) != 2 * count:
            raise wrong(command.line, f"{len(row)} coefficients; order {match[1]} has {2 * count}")
        zeros = [0.0] * (3 - count)
        return parts.section(command.line, [*row[:count], *zeros, *row[count:], *zeros], self.fs)

    def _band(self, command: Command, word: str) -> Band:
        line = command.line
        type = _TYPES.get(word)
        if type is None:
            raise wrong(line, f"unknown type {word[:40]!r} of a filter; known are {', '.join(_TYPES)}")
        frequency, gain_db = _frequency(command), quantity(command, "Gain", r"\s*dB")
        if type not in ("peaking", "lowshelf", "highshelf"):
            return parts.band(line, type, frequency, 0.0, self._q(command, word, type, frequency))
        if gain_db is None:
            raise wrong(line, f"{word} needs a gain, as in 'Gain -3 dB'")
        if type == "peaking":
            return parts.band(line, type, frequency, gain_db, self._q(command, word, type, frequency))
        return _shelf(command, type, frequency, gain_db, is_corner=word in ("LS", "HS"))

    def _q(self, command: Command, word: str, type: str, frequency: float) -> float:
        q, octaves = quantity(command, "Q", ""), quantity(command, r"BW\s+Oct", "")
        if q is None and octaves is not None:
            return parts.bandwidth_q(command.line, octaves, frequency, self.fs)
        if q is None and type not in _DEFAULT_Q:
            raise wrong(command.line, f"{word} needs a width, as in 'Q 1.41' or 'BW Oct 1'")
        return _DEFAULT_Q[type] if q is None else q


def _frequency(command: Command) -> float:
    match = _FREQUENCY.search(command.parameters)
    if match is None:
        raise wrong(command.line, "no frequency, as in 'Fc 100 Hz'")
    digits = match[1].replace("\u00a0", "")
    if len(digits) >= 5 and digits[-4] == ".":  # a point before three digits separates thousands
        digits = digits[:-4] + digits[-3:]
    return number(digits, command.line)


def _shelf(command: Command, type: str, frequency: float, gain_db: float, is_corner: bool) -> Band:
    line, q, slope = command.line, quantity(command, "Q", ""), _SLOPE.match(command.parameters)
    if q is not None:
        inverse = parts.inverse_slope(line, gain_db, q)
    elif slope:
        steepness = number(slope[1], line)
        if steepness <= 0:
            raise wrong(line, f"a slope of {steepness:g} dB; it must be positive")
        inverse = 12 / steepness
    else:
        inverse, is_corner = 1 / _DEFAULT_SLOPE, False
    if q is None:
        q = parts.slope_q(line, gain_db, inverse)
    if is_corner:
        shift = min(abs(gain_db) / 80 * inverse, 300)  # what is beyond is out of range in any case
        frequency *= 10 ** (shift if type == "lowshelf" else -shift)
    return parts.band(line, type, frequency, gain_db, q)
