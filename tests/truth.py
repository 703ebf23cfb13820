"""Truth from outside: the same systems by scipy, out of analog prototypes and impulse responses."""

import json
from pathlib import Path

import numpy as np
import torch
from scipy import signal

DATA = Path(__file__).parent / "data"


def golden(name):
    """A file of reference numbers, and what it says of itself."""
    data = np.load(DATA / "golden" / f"{name}.npz")
    return data, json.loads(str(data["meta"])) if "meta" in data.files else {}


def digital(numerator, denominator, omega):
    """The bilinear transform of an analog section in s, normalised to its frequency ω in radians per sample.

    Coefficients are ordered (s², s, 1).
    """
    scale = 2 * np.tan(omega / 2)  # with fs = 1, where the bilinear transform puts ω
    powers = scale ** -np.array([2.0, 1.0, 0.0])
    return np.concatenate(signal.bilinear(np.asarray(numerator) * powers, np.asarray(denominator) * powers, fs=1.0))


def peaking(omega, gain_db, q):
    a = 10 ** (gain_db / 40)
    return digital([1, a / q, 1], [1, 1 / (a * q), 1], omega)


def lowshelf(omega, gain_db, q):
    a = 10 ** (gain_db / 40)
    return digital(a * np.array([1, np.sqrt(a) / q, a]), [a, np.sqrt(a) / q, 1], omega)


def highshelf(omega, gain_db, q):
    a = 10 ** (gain_db / 40)
    return digital(a * np.array([a, np.sqrt(a) / q, 1]), [1, np.sqrt(a) / q, a], omega)


EQ = {"lowshelf": lowshelf, "peaking": peaking, "highshelf": highshelf}


def impulse_response(sos, length=1 << 15):
    """The impulse response of sections (K, 6)."""
    impulse = np.zeros(length)
    impulse[0] = 1.0
    return signal.sosfilt(sos, impulse)


def on_grid(impulse_response, nfft, gamma):
    """What frequency sampling makes of an impulse response: decay γ^n, wrap modulo nfft, FFT."""
    decayed = impulse_response * gamma ** np.arange(len(impulse_response))
    wrapped = np.pad(decayed, (0, -len(decayed) % nfft)).reshape(-1, nfft).sum(0)
    return np.fft.rfft(wrapped)


def peak_error(actual, expected):
    """Largest difference relative to the peak."""
    actual, expected = (np.asarray(v.detach() if isinstance(v, torch.Tensor) else v) for v in (actual, expected))
    return np.abs(actual - expected).max() / np.abs(expected).max()
