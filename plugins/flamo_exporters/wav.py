"""Impulse responses as WAV files of 32-bit floats, each with a JSON file that says how it was made."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.signal import firwin2

from flamo.audio import wav_bytes
from flamo.design import Design
from flamo.errors import InputError, InputWarning

LONGEST = 1 << 24  # samples: six minutes at 48 kHz
_SECONDS = 10.0  # of an impulse response, at most
_RESIDUE = 1e-10  # of the energy, where it is cut
_POINTS = 1 << 17  # of the magnitude of a linear phase filter
_FIR_SECONDS, _LONGER = 0.34, 3  # of a filter whose length is not given; how often that may be doubled
_HEARD = (20.0, 20000.0)  # Hz, between which a filter is compared with what it stands for
_CLOSE_DB = 0.1


class FirMinimum:
    """FIR filter of minimum phase with the same magnitude, as WAV.

    Args:
        length: in samples; None is a third of a second, or up to 8 times as long where that takes it within 0.1 dB.

    Raises:
        ValueError: a length below 2 or above 2^24.
        InputError: on export, of what has more than one input or output, or no whole sampling frequency.

    Warns:
        InputWarning: on export, where the filter is more than 0.1 dB off between 20 Hz and 20 kHz.
    """

    suffix = ".wav"

    def __init__(self, length: int | None = None) -> None:
        self.length = length if length is None else _checked(length)

    def export(self, design: Design) -> Mapping[str, bytes]:
        samples = _long_enough(design, self.length, design.minimum_phase)
        return _files(design, "_minimum_phase", samples, phase="minimum", offset=0)


class FirLinear:
    """FIR filter of linear phase with the same magnitude, as WAV.

    By windowing (a cosine at both ends) the zero-phase impulse response; it delays by ``offset`` samples,
    (length - 1)/2.

    Args:
        length: in samples, an odd number; None as for :class:`FirMinimum`.

    Raises:
        ValueError: a length below 3, above 2^24 or an even one.
        InputError: on export, as :class:`FirMinimum`.

    Warns:
        InputWarning: on export, as :class:`FirMinimum`.
    """

    suffix = ".wav"

    def __init__(self, length: int | None = None) -> None:
        if length is not None and _checked(length) % 2 == 0:
            raise ValueError(f"length must be odd, got {length}")
        self.length = length

    def export(self, design: Design) -> Mapping[str, bytes]:
        samples = _long_enough(design, self.length, lambda length: _linear_phase(design, length - 1 + length % 2))
        return _files(design, "_linear_phase", samples, phase="linear", offset=(len(samples) - 1) // 2)


class ImpulseResponse:
    """Impulse response of any system, as WAV.

    The outputs are the channels of the file; each input has a file of its own. Samples are not normalised. A curve,
    which has no phase, gets the minimum one.

    Args:
        length: in samples; None ends where the rest has 1e-10 of the energy, or after 10 s.

    Raises:
        ValueError: a length below 2 or above 2^24.
        InputError: on export, of a response that is not finite, or no whole sampling frequency.

    Warns:
        InputWarning: on export, of one that has not decayed after 10 s.
    """

    suffix = ".wav"

    def __init__(self, length: int | None = None) -> None:
        self.length = length if length is None else _checked(length)

    def export(self, design: Design) -> Mapping[str, bytes]:
        response = design.impulse_response(self.length) if self.length else _decayed(design)
        inputs = response.shape[2]
        files: dict[str, bytes] = {}
        for n in range(inputs):
            ending = "_impulse_response" + (f"_input_{n + 1}" if inputs > 1 else "")
            files |= _files(design, ending, response[:, :, n], offset=0)
        return files


def _checked(length: int) -> int:
    if not 2 <= length <= LONGEST:
        raise ValueError(f"length must be from 2 to {LONGEST} samples, got {length}")
    return length


def _linear_phase(design: Design, length: int) -> np.ndarray:
    points = max(_POINTS, 1 << (4 * length).bit_length()) + 1
    frequency = np.linspace(0, design.fs / 2, points)
    magnitude = design.magnitude(frequency)
    return firwin2(length, frequency, magnitude, nfreqs=points, fs=design.fs, window=("tukey", 0.5))


def _long_enough(design: Design, length: int | None, made: Callable[[int], np.ndarray]) -> np.ndarray:
    """A filter of a length, or of the first of several that is as it should be; a warning where it is not."""
    shortest = min(1 << int(_FIR_SECONDS * design.fs).bit_length(), LONGEST >> _LONGER)
    for count in [length] if length else [shortest << n for n in range(_LONGER + 1)]:
        samples = made(count)
        error_db, where = _error(design, samples)
        if error_db <= _CLOSE_DB:
            return samples
    message = f"the filter of {len(samples)} samples is up to {error_db:.2g} dB off at {where:.0f} Hz"
    warnings.warn(f"{design.name}: {message}; give it a larger length", InputWarning, stacklevel=3)
    return samples


def _error(design: Design, samples: np.ndarray) -> tuple[float, float]:
    """The largest difference in dB between a filter and what it stands for, and its frequency in Hz."""
    points = 4 * len(samples)
    frequency = np.fft.rfftfreq(points, 1 / design.fs)
    wanted, found = design.magnitude(frequency), np.abs(np.fft.rfft(samples, points))
    heard = (frequency >= _HEARD[0]) & (frequency <= _HEARD[1]) & (wanted > 1e-3 * wanted.max())
    error = np.abs(20 * np.log10(np.maximum(found[heard], 1e-300) / wanted[heard]))
    return (float(error.max()), float(frequency[heard][error.argmax()])) if error.size else (0.0, 0.0)


def _decayed(design: Design) -> np.ndarray:
    """Twice as long until nearly nothing is in the last half, then cut."""
    for length in _lengths(4 * max(design.order, 1024), int(_SECONDS * design.fs)):
        response = design.impulse_response(length)
        left = np.cumsum((response**2).sum((1, 2))[::-1])[::-1]
        if left[length // 2] <= _RESIDUE * left[0]:
            return response[: max(2, int(np.argmax(left <= _RESIDUE * left[0])))]
    message = f"{design.name}: its impulse response has not decayed after {_SECONDS:g} s; give a length for more"
    warnings.warn(message, InputWarning, stacklevel=3)
    return response


def _lengths(first: int, longest: int) -> Iterator[int]:
    while first < longest:
        yield first
        first *= 2
    yield longest


def _files(design: Design, ending: str, samples: np.ndarray, **facts: Any) -> dict[str, bytes]:
    """A WAV file and what there is to know of it."""
    if design.fs != round(design.fs):
        raise InputError(f"{design.name}: WAV files have whole sampling frequencies, not {design.fs:g} Hz")
    try:
        data = wav_bytes(samples, round(design.fs))
    except ValueError as error:
        raise InputError(f"{design.name}: its impulse response cannot be written: {error}") from error
    about = {"format": "flamo-impulse-response", "version": 1, "name": design.name, "sample_rate": round(design.fs)}
    about |= {"length": len(samples), "scale": 1.0, **facts}
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    return {design.file(f"{ending}.wav"): data, design.file(f"{ending}.json"): text.encode()}
