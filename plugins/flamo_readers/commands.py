"""The language of Equalizer APO, one command a line, as far as files of filters and of REW speak it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from flamo.errors import InputWarning
from flamo_readers.text import level, number, numbered, wrong

FILTER = re.compile(r"Filter\s*\d*")
_NUMBER = r"[-+0-9.eE]+"
_PREAMP = re.compile(rf"\s*({_NUMBER})\s*dB")
_OTHERS = {"Include", "Convolution", "Copy", "Delay", "VSTPlugin", "LoudnessCorrection", "If", "ElseIf", "Eval"}
_SAME = {"1": "L", "2": "R"}


class Command(NamedTuple):
    """One line: its number, the word before the colon, and what follows, with decimal points."""

    line: int
    word: str
    parameters: str


def commands(text: str, channel: str | None = None) -> Iterator[Command]:
    """The filters, preamplifications and graphic equalisers of a channel, those before any ``Channel:`` included.

    Args:
        text: of the file. Lines with other words mean nothing, as for Equalizer APO itself.
        channel: its name, in any case; None is L, with a warning where lines of other channels are left out.

    Raises:
        InputError: a command that changes the sound in another way, or filters of several devices.
    """
    wanted, scope, devices = (channel or "L").upper(), {"ALL"}, set[str]()
    left_out = None
    for line, content in numbered(text):
        word, colon, parameters = content.partition(":")
        word = word.strip()
        if not colon:
            if FILTER.fullmatch(word) or word in ("Preamp", "GraphicEQ"):
                raise wrong(line, f"{word!r} is cut off; write the whole line, or take it out")
            continue
        if word == "Channel":
            scope = {_SAME.get(name, name) for name in parameters.upper().split()}
        elif word == "Device":
            devices |= {parameters.strip()} - {"all", "ALL", "All"}
            if len(devices) > 1:
                raise wrong(line, "a second device; keep the lines of one")
        elif word in _OTHERS:
            raise wrong(line, f"{word} is not a filter in numbers; take the line out, or put in what it stands for")
        elif FILTER.fullmatch(word) or word in ("Preamp", "GraphicEQ"):
            if scope & {"ALL", wanted}:
                yield Command(line, word, parameters.replace(",", "."))
            else:
                left_out = line
    if channel is None and left_out is not None:
        message = (
            f"channel L is read, lines of other channels (line {left_out}) are left out; the option channel chooses"
        )
        warnings.warn(message, InputWarning, stacklevel=2)


def preamp(command: Command) -> float:
    """The gain in dB of a ``Preamp``.

    Raises:
        InputError: there is none.
    """
    match = _PREAMP.match(command.parameters)
    if not match:
        raise wrong(command.line, "Preamp needs a gain, as in 'Preamp: -6.3 dB'")
    return level(number(match[1], command.line), command.line)


def quantity(command: Command, name: str, unit: str) -> float | None:
    """The number after a name and before a unit, as in ``Gain -3 dB``; None where there is none.

    Raises:
        InputError: it is not a number, or the line ends before it.
    """
    match = re.search(rf"\s{name}\s*({_NUMBER}){unit}", command.parameters)
    if match is None and re.search(rf"\s{name}\s*$", command.parameters):
        raise wrong(command.line, f"{command.word} is cut off: no number after the last word")
    return number(match[1], command.line) if match else None
