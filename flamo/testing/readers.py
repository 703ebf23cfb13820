"""What a reader has to keep."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from flamo.curves import Curve
from flamo.equalizer import Equalizer
from flamo.errors import InputError
from flamo.protocols import Reader
from flamo.testing.case import Case
from flamo.testing.check import WrongError, require

_FOREIGN = {
    "no bytes": b"",
    "zeros": bytes(64),
    "a sound": b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00",
    "prose": b"It was a dark and stormy night;\nthe rain fell in torrents.\n",
    "text that is no UTF-8": b"caf\xe9 \xff\xfe\n" * 4,
    "a long line": b"x" * 100_000,
    "noise": random.Random(0).randbytes(4096),
}


def follows_the_protocol(case: Case) -> None:
    """It is built without arguments, and has what flamo.protocols.Reader asks.

    Give every option a default, and define suffixes, recognizes(data) and read(data, name)."""
    made = case.build()
    require(isinstance(made, Reader), "it lacks one of suffixes, recognizes and read")


def suffixes_are_lower_case(case: Case) -> None:
    """suffixes is a tuple of lower-case suffixes with their dot.

    Write suffixes = (".txt", ".csv"): names of files are compared in lower case."""
    suffixes = case.build().suffixes
    require(isinstance(suffixes, tuple) and bool(suffixes), f"suffixes is {suffixes!r}")
    for suffix in suffixes:
        good = isinstance(suffix, str) and re.fullmatch(r"\.[a-z0-9]+", suffix)
        require(bool(good), f"{suffix!r} is no lower-case suffix with its dot")


def recognizes_without_raising(case: Case) -> None:
    """recognizes answers True or False to any bytes.

    Look at the beginning only, decode with errors='replace', and leave the judgement of details to read."""
    for what, data in _FOREIGN.items():
        answer = case.build().recognizes(data)
        require(isinstance(answer, bool), f"to {what} recognizes answers {answer!r}")


def leaves_foreign_files_to_others(case: Case) -> None:
    """It recognises neither nothing nor noise.

    Ask for something that only this format has."""
    taken = [what for what in ("no bytes", "zeros", "a sound", "noise") if case.build().recognizes(_FOREIGN[what])]
    require(not taken, f"it recognises {', '.join(taken)}")


def refuses_in_one_line(case: Case) -> None:
    """What cannot be read is an InputError of one line.

    Raise flamo.errors.InputError('line 3: what is wrong; what to do') where parsing fails."""
    for what, data in _FOREIGN.items():
        _checked(case, what, data)


def reads_its_sample(case: Case) -> None:
    """It recognises its sample, and reads a curve or an equaliser of it, the same one each time.

    Check that sample is a whole file of this format."""
    sample = _sample(case)
    require(case.build().recognizes(sample) is True, "it does not recognise its sample")
    value = case.build().read(sample, "sample")
    require(value.name == "sample", f"the name 'sample' was given, and it is {value.name!r}")
    require(value == case.build().read(sample, "sample"), "the same bytes give another value")
    if isinstance(value, Curve):
        require(len(value.frequency) == len(value.gain_db) > 0, "it has not one gain for each frequency")
        rises = all(low < high for low, high in zip(value.frequency, value.frequency[1:], strict=False))
        require(rises and value.frequency[0] > 0, "its frequencies do not rise from above 0")


def bears_damage(case: Case) -> None:
    """A file that is cut off or damaged is an InputError, or what is left of it.

    Check every value as it is read; catch what parsers raise and say the line."""
    sample, chance = _sample(case), random.Random(0)
    for _ in range(60):
        cut = sample[: chance.randrange(len(sample))]
        _checked(case, f"its sample cut off after {len(cut)} bytes", cut)
        place = chance.randrange(len(sample))
        spoilt = sample[:place] + chance.randbytes(1) + sample[place + 1 :]
        _checked(case, f"its sample with byte {place} spoilt", spoilt)


def line_ends_do_not_matter(case: Case) -> None:
    """Windows line ends and a byte order mark change nothing.

    Decode with 'utf-8-sig' and use str.splitlines."""
    sample = _sample(case)
    value = case.build().read(sample, "sample")
    for other in (sample.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + sample):
        require(case.build().recognizes(other), "with other line ends or a byte order mark it is not recognised")
        require(case.build().read(other, "sample") == value, "with other line ends or a mark it reads differently")


def checks(case: Case) -> Iterator[Any]:
    """Every check that such a reader is asked: with a sample, those that need one."""
    yield from (follows_the_protocol, suffixes_are_lower_case, recognizes_without_raising)
    yield from (leaves_foreign_files_to_others, refuses_in_one_line)
    if case.sample:
        yield from (reads_its_sample, bears_damage)
        if b"\x00" not in case.sample:
            yield line_ends_do_not_matter


def _sample(case: Case) -> bytes:
    if case.sample is None:
        raise WrongError("it has no sample")
    return case.sample


def _checked(case: Case, what: str, data: bytes) -> None:
    """Read, or be refused in good order."""
    try:
        value = case.build().read(data, "sample")
    except InputError as error:
        text = str(error)
        require(bool(text.strip()) and "\n" not in text, f"of {what} it says {text!r}, which is not one line")
        return
    except Exception as error:
        raise WrongError(f"{what} raises {type(error).__name__}: {error}") from error
    require(isinstance(value, (Curve, Equalizer)), f"of {what} it reads a {type(value).__name__}")
