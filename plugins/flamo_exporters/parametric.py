"""Parametric filters as text, one a line: Equalizer APO and Room EQ Wizard."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

from flamo.design import Design
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError, InputWarning
from flamo_exporters.folded import exact, in_decibels, number, peak_db

CODES = {
    "peaking": "PK",
    "lowshelf": "LSC",
    "highshelf": "HSC",
    "lowpass": "LPQ",
    "highpass": "HPQ",
    "bandpass": "BP",
    "notch": "NO",
    "allpass": "AP",
}
"""Of bands in these programs; the frequency of LSC and HSC is the centre, that of LS and HS a corner."""
WITH_GAIN = ("peaking", "lowshelf", "highshelf")


class EqualizerApo:
    """Text of Equalizer APO, and of the many players that read it: a preamp and parametric filters.

    Frequencies have two decimals at most, since Equalizer APO takes the point of three for one between thousands.
    Gains and Q have four. Where bands are lacking, sections are written as coefficients, which are right at one
    sampling frequency only and which Equalizer APO alone reads.

    Args:
        headroom: lower the preamp, which is the gain of the design, by the largest gain of the whole, where that is
            above 0 dB: nothing clips then. As AutoEq does.
        coefficients: write bands as coefficients, too, which keeps all digits.

    Raises:
        InputError: on export, of what is no cascade of second-order sections.

    >>> from flamo.design import EqualizerDesign
    >>> eq = Equalizer("bass", (Band("lowshelf", 105.0, 6.5, 0.7), Band("peaking", 8445.5, -2.0, 1.5)))
    >>> print(EqualizerApo().export(EqualizerDesign(eq, 48000))["bass.txt"].decode(), end="")
    Preamp: -6.5 dB
    Filter 1: ON LSC Fc 105 Hz Gain 6.5 dB Q 0.7
    Filter 2: ON PK Fc 8445.5 Hz Gain -2 dB Q 1.5
    """

    suffix = ".txt"

    def __init__(self, headroom: bool = True, coefficients: bool = False) -> None:
        self.headroom, self.coefficients = headroom, coefficients

    def export(self, design: Design) -> Mapping[str, bytes]:
        eq = None if self.coefficients else bands_of(design)
        if eq is None:
            gain_db, sos = in_decibels(design)
            lines = [f"ON IIR Order 2 Coefficients {' '.join(map(exact, row))}" for row in sos]
            head = f"# Coefficients for {design.fs:g} Hz\n"
        else:
            gain_db, lines, head = eq.gain_db, [_line(part) for part in eq.parts if isinstance(part, Band)], ""
        frequencies = [part.frequency for part in eq.parts if isinstance(part, Band)] if eq else []
        preamp = f"Preamp: {number(self._preamp(design, gain_db, frequencies), 4 if eq else 12)} dB\n"
        text = head + preamp + "".join(f"Filter {n}: {line}\n" for n, line in enumerate(lines, 1))
        return {design.file(self.suffix): text.encode()}

    def _preamp(self, design: Design, gain_db: float, frequencies: list[float]) -> float:
        """In whole hundredths of a dB below what would clip."""
        peak = peak_db(design, *frequencies)
        if not self.headroom or peak < 1e-6:
            return gain_db
        return math.floor(100 * (gain_db - peak) + 1e-6) / 100


def bands_of(design: Design) -> Equalizer | None:
    """The bands of a design; None where there are none."""
    try:
        return design.bands()
    except InputError:
        return None


def _line(band: Band) -> str:
    gain = f" Gain {number(band.gain_db, 4)} dB" if band.type in WITH_GAIN else ""
    return f"ON {CODES[band.type]} Fc {number(band.frequency, 2)} Hz{gain} Q {number(band.q, 4)}"


class Rew:
    """Filter settings of Room EQ Wizard.

    Its generic equaliser; frequencies and gains have two decimals, Q three. The format has no gain of the whole.

    Raises:
        InputError: on export, of what has no bands.

    Warns:
        InputWarning: on export, of a gain that is left out.

    >>> from flamo.design import EqualizerDesign
    >>> eq = Equalizer("bass", (Band("lowshelf", 105.0, 6.5, 0.7),))
    >>> print(Rew().export(EqualizerDesign(eq, 48000))["bass_rew.txt"].decode().splitlines()[-1])
    Filter  1: ON  LSC      Fc   105.00 Hz  Gain   6.50 dB  Q  0.700
    """

    suffix = ".txt"

    def export(self, design: Design) -> Mapping[str, bytes]:
        eq = design.bands()
        if eq.gain_db:
            message = f"{design.name}: filter settings of REW have no gain; set {eq.gain_db:.2f} dB beside them"
            warnings.warn(message, InputWarning, stacklevel=2)
        head = ["Filter Settings file", "", "Room EQ V5.31.3", "", f"Notes:{design.name}", "", "Equaliser: Generic"]
        lines = [f"Filter {n:2}: {_padded(part)}" for n, part in enumerate(eq.parts, 1) if isinstance(part, Band)]
        return {design.file(f"_rew{self.suffix}"): "\n".join([*head, design.name, *lines, ""]).encode()}


def _padded(band: Band) -> str:
    gain = f"  Gain {band.gain_db:6.2f} dB" if band.type in WITH_GAIN else ""
    return f"ON  {CODES[band.type]:<7}  Fc {band.frequency:8.2f} Hz{gain}  Q {band.q:6.3f}"
