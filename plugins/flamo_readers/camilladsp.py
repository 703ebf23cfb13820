"""Configurations of CamillaDSP."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator

from flamo.equalizer import Band, Equalizer, Section
from flamo.errors import InputWarning
from flamo_readers import parts
from flamo_readers.text import head, level
from flamo_readers.trees import Tree, tree

_TYPES = {
    "Peaking": "peaking",
    "Lowshelf": "lowshelf",
    "Highshelf": "highshelf",
    "Lowpass": "lowpass",
    "Highpass": "highpass",
    "Bandpass": "bandpass",
    "Notch": "notch",
    "Allpass": "allpass",
}
_FREE = ("b0", "b1", "b2", "a1", "a2")


class CamillaDSP:
    """Filters of a configuration of CamillaDSP, in the order of its pipeline.

    Args:
        fs: sampling frequency in Hz at which ``Free`` coefficients are right and bandwidths are meant; None is the
            one of ``devices``, else 48 kHz.
        channel: which, from 0; None is the first, with a warning where filters of others are left out.

    Raises:
        ValueError: fs is not a positive number, or channel is negative.

    Source: CamillaDSP 4, README and src/biquad.rs.

    >>> text = b'''filters:
    ...   bass: {type: Biquad, parameters: {type: Lowshelf, freq: 105, gain: 6.5, q: 0.7}}
    ... pipeline:
    ...   - {type: Filter, channels: [0, 1], names: [bass]}'''
    >>> CamillaDSP().read(text, "bass").parts
    (Band(type='lowshelf', frequency=105.0, gain_db=6.5, q=0.7),)
    """

    suffixes = (".yml", ".yaml")

    def __init__(self, fs: float | None = None, channel: int | None = None) -> None:
        if channel is not None and channel < 0:
            raise ValueError(f"channel must be 0 or more, got {channel}")
        self.fs, self.channel = None if fs is None else parts.checked_fs(fs), channel

    def recognizes(self, data: bytes) -> bool:
        """Whether it names filters at its top."""
        return re.search(r"(?m)^filters\s*:", head(data)) is not None

    def read(self, data: bytes, name: str) -> Equalizer:
        """The filters. Raises InputError: not YAML, a filter that is missing, incomplete or of another type."""
        config = tree(data)
        fs = self._fs(config)
        found, gain_db, sign = list[Band | Section](), 0.0, 1
        for step in self._names(config):
            if not config["filters"].has(step.text()):
                raise step.wrong(f"no filter is named {step.text()[:40]!r}")
            one = config["filters"][step.text()]
            kind = one["type"].text()
            if kind == "Gain":
                gain_db, sign = gain_db + _gain(one["parameters"]), sign * _sign(one["parameters"])
            elif kind == "Biquad":
                found.append(_biquad(one["parameters"], fs))
            else:
                raise one["type"].wrong(f"{kind[:40]!r} is not read; only Biquad and Gain are")
        if sign < 0:
            found.append(Section(-1.0, 0.0, 0.0, 0.0, 0.0, fs))
        return Equalizer(name, tuple(found), gain_db)

    def _fs(self, config: Tree) -> float:
        if self.fs is not None:
            return self.fs
        if not config.has("devices") or not config["devices"].has("samplerate"):
            return 48000.0
        rate = config["devices"]["samplerate"]
        if rate.number() <= 0:
            raise rate.wrong("must be positive")
        return rate.number()

    def _names(self, config: Tree) -> Iterator[Tree]:
        """The filters of the channel, as the pipeline has them."""
        left_out = False
        for step in config["pipeline"].items():
            if step.truth("bypassed"):
                continue
            if step["type"].text() != "Filter":
                raise step["type"].wrong(f"{step['type'].text()[:40]!r} is not read; only steps of type Filter are")
            if step.has("channel"):
                raise step["channel"].wrong("CamillaDSP takes a list now: 'channels: [0]'")
            if step.has("channels") and (self.channel or 0) not in [c.number() for c in step["channels"].items()]:
                left_out = True
            else:
                yield from step["names"].items()
        if left_out and self.channel is None:
            message = "channel 0 is read, filters of other channels are left out; the option channel chooses"
            warnings.warn(message, InputWarning, stacklevel=3)


def _gain(of: Tree) -> float:
    """A gain in dB."""
    gain = of["gain"]
    if of.truth("mute"):
        raise of["mute"].wrong("a gain that mutes is no filter")
    scale = of["scale"].text() if of.has("scale") else "dB"
    if scale not in ("dB", "linear"):
        raise of["scale"].wrong(f"must be dB or linear, got {scale[:40]!r}")
    if scale == "dB":
        return level(gain.number(), gain.line)
    if gain.number() == 0:
        raise gain.wrong("a gain of 0 mutes")
    return level(20 * math.log10(abs(gain.number())), gain.line)


def _sign(of: Tree) -> int:
    negative = of.has("scale") and of["scale"].value == "linear" and of["gain"].number() < 0
    return -1 if negative != of.truth("inverted") else 1


def _biquad(of: Tree, fs: float) -> Band | Section:
    kind = of["type"].text()
    if kind == "Free":
        b0, b1, b2, a1, a2 = (of[key].number() for key in _FREE)
        return parts.section(of.line, (b0, b1, b2, 1.0, a1, a2), fs)
    if kind not in _TYPES:
        raise of["type"].wrong(f"{kind[:40]!r} is not read; known are Free, {', '.join(_TYPES)}")
    type, frequency = _TYPES[kind], of["freq"].number()
    gain_db = of["gain"].number() if type in ("peaking", "lowshelf", "highshelf") else 0.0
    return parts.band(of["freq"].line, type, frequency, gain_db, _q(of, type, frequency, gain_db, fs))


def _q(of: Tree, type: str, frequency: float, gain_db: float, fs: float) -> float:
    """The quality factor, or what it is of a slope or a bandwidth."""
    if type.endswith("shelf") and of.has("slope"):
        slope = of["slope"]
        if slope.number() <= 0:
            raise slope.wrong("must be positive")
        return parts.slope_q(slope.line, gain_db, 12 / slope.number())
    if type in ("peaking", "bandpass", "notch", "allpass") and of.has("bandwidth"):
        return parts.bandwidth_q(of["bandwidth"].line, of["bandwidth"].number(), frequency, fs)
    return of["q"].number()
