"""Designs to export, and what they should sound like; parsers of what is written, none of them flamo's."""

import math
import re

import numpy as np
from scipy.signal import freqz_sos

from flamo.equalizer import Band, Equalizer, Section

FS = 48000.0
FREQUENCY = np.geomspace(20, 20000, 300)
_ALL = ("peaking", "lowshelf", "highshelf", "lowpass", "highpass", "bandpass", "notch", "allpass")
_PLAYERS = ("lowshelf", "peaking", "highshelf")


def equalizer(seed, types=_ALL, digits=None, gain_db=None):
    """Random bands; rounded as the filters of a run are for ``digits=(2, 2, 3)``."""
    random = np.random.default_rng(seed)

    def rounded(value, n):
        return float(value) if digits is None else round(float(value), digits[n])

    bands = [
        Band(
            str(random.choice(types)),
            rounded(20 * 1000 ** random.uniform(0, 0.99), 0),
            rounded(random.uniform(-12, 12), 1),
            rounded(10 ** random.uniform(-0.7, 0.8), 2),
        )
        for _ in range(random.integers(1, 11))
    ]
    return Equalizer(f"eq {seed}", tuple(bands), rounded(random.uniform(-9, 3), 1) if gain_db is None else gain_db)


def player(seed):
    """As a player has it: shelves and peaks, rounded."""
    return equalizer(seed, _PLAYERS, (2, 2, 3))


def coefficients(seed):
    """The same filters as coefficients only."""
    eq = equalizer(seed)
    rows = eq.sos(FS).tolist()
    return Equalizer(eq.name, tuple(Section(*row[:3], *row[4:], fs=FS) for row in rows), eq.gain_db)


def truth(eq, frequency=FREQUENCY, fs=FS):
    """The response of an equaliser by scipy, with its sections by this file's own formulas."""
    rows = [rbj(p, fs) if isinstance(p, Band) else [p.b0, p.b1, p.b2, 1, p.a1, p.a2] for p in eq.parts]
    return 10 ** (eq.gain_db / 20) * freqz_sos(rows, frequency, fs=fs)[1]


def rbj(band, fs):
    """The Audio EQ Cookbook, typed anew."""
    w, A = 2 * math.pi * band.frequency / fs, 10 ** (band.gain_db / 40)
    c, alpha = math.cos(w), math.sin(w) / (2 * band.q)
    k = 2 * math.sqrt(A) * alpha
    plain = (1 + alpha, -2 * c, 1 - alpha)
    b, a = {
        "peaking": ((1 + alpha * A, -2 * c, 1 - alpha * A), (1 + alpha / A, -2 * c, 1 - alpha / A)),
        "lowshelf": (
            (A * (A + 1 - (A - 1) * c + k), 2 * A * (A - 1 - (A + 1) * c), A * (A + 1 - (A - 1) * c - k)),
            (A + 1 + (A - 1) * c + k, -2 * (A - 1 + (A + 1) * c), A + 1 + (A - 1) * c - k),
        ),
        "highshelf": (
            (A * (A + 1 + (A - 1) * c + k), -2 * A * (A - 1 + (A + 1) * c), A * (A + 1 + (A - 1) * c - k)),
            (A + 1 - (A - 1) * c + k, 2 * (A - 1 - (A + 1) * c), A + 1 - (A - 1) * c - k),
        ),
        "lowpass": (((1 - c) / 2, 1 - c, (1 - c) / 2), plain),
        "highpass": (((1 + c) / 2, -(1 + c), (1 + c) / 2), plain),
        "bandpass": ((alpha, 0, -alpha), plain),
        "notch": ((1, -2 * c, 1), plain),
        "allpass": (plain[::-1], plain),
    }[band.type]
    return [x / a[0] for x in (*b, *a)]


_CODES = {"PK": "peaking", "LSC": "lowshelf", "HSC": "highshelf", "LPQ": "lowpass", "HPQ": "highpass"}
_CODES |= {"BP": "bandpass", "NO": "notch", "AP": "allpass"}


def read_lines(text):
    """What Equalizer APO makes of a text: preamps add up, filters by its regular expressions, other lines ignored."""
    preamp, parts = 0.0, []
    for command, value in (line.split(":", 1) for line in text.splitlines() if ":" in line):
        if command == "Preamp":
            preamp += float(re.fullmatch(r"\s*(\S+) dB", value)[1])
        elif command.startswith("Filter") and "ON IIR" in value:
            rest = re.fullmatch(r"\s*ON IIR Order 2 Coefficients (\S+ \S+ \S+ \S+ \S+ \S+)", value)[1]
            b0, b1, b2, a0, a1, a2 = map(float, rest.split(" "))
            parts.append(Section(b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0, FS))
        elif command.startswith("Filter") and " ON " in value:
            parts.append(_band(value))
    return Equalizer("read", tuple(parts), preamp)


def _band(value):
    def found(pattern):
        match = re.search(pattern, value)
        return match[1] if match else "0"

    frequency = found(r"\s+Fc\s*(\S+)\s*Hz")
    assert not (len(frequency) >= 5 and frequency[-4] == "."), "read as thousands"
    code = re.match(r"\s*ON\s+([A-Z]+)", value)[1]
    return Band(_CODES[code], float(frequency), float(found(r"\s+Gain\s*(\S+)\s*dB")), float(found(r"\s+Q\s*(\S+)")))


def far(response, expected):
    """The largest error relative to the largest value."""
    return np.abs(response - expected).max() / np.abs(expected).max()


def decibels(response):
    return 20 * np.log10(np.abs(response))
