"""What can be exported: one channel of filters, or a curve, or a whole system, asked for in the form a format needs."""

from __future__ import annotations

import re
import warnings
from abc import ABC, abstractmethod
from typing import NoReturn

import numpy as np
from scipy.signal import freqz_sos, sosfilt

from flamo.curves import Curve
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError, InputWarning

CASCADE = "a cascade of second-order sections"
_DEEPEST = 1e-10  # of the largest magnitude: what a logarithm is taken of
_MOST_BYTES = 180  # of a name in the name of a file


class Design(ABC):
    """What an exporter is given. Each form raises InputError, saying what is missing and why, where it cannot be had.

    Args:
        name: for names of files and titles; what does not fit into a line of text is replaced.
        fs: sampling frequency in Hz of everything that is asked for.
        why: what there is instead, for the forms that are missing.
    """

    def __init__(self, name: str, fs: float, why: str) -> None:
        printable = "".join(c if c.isprintable() else " " for c in name.encode("utf-8", "replace").decode())
        self.name, self.fs, self.why = " ".join(printable.split()) or "design", fs, why

    def bands(self) -> Equalizer:
        """As bands in numbers (every part a :class:`~flamo.equalizer.Band`) and a gain."""
        self.lacks("an equaliser of bands with a frequency, a gain and a Q")

    def sections(self) -> tuple[float, np.ndarray]:
        """As a gain (linear, with its sign) and second-order sections (n, 6) in scipy's order, a0 = 1, at ``fs``."""
        self.lacks(CASCADE)

    @abstractmethod
    def response(self, frequency: np.ndarray) -> np.ndarray:
        """Complex response at frequencies in Hz, (F, N_out, N_in)."""

    @abstractmethod
    def impulse_response(self, length: int) -> np.ndarray:
        """The first samples of the impulse response, (length, N_out, N_in)."""

    @property
    def order(self) -> int:
        """Samples of silence after which nothing comes any more."""
        return 0

    def magnitude(self, frequency: np.ndarray) -> np.ndarray:
        """Of one channel at frequencies in Hz, (F,)."""
        response = self.response(frequency)
        if response.shape[1:] != (1, 1):
            outputs, inputs = response.shape[1:]
            self.lacks("a filter of one channel", f"its response is a matrix, {outputs} by {inputs}")
        return abs(response[:, 0, 0])

    def minimum_phase(self, length: int) -> np.ndarray:
        r"""The first samples of the impulse response of minimum phase that has the magnitude of this one, (length,).

        The cepstrum :math:`c` of :math:`\ln|H|` is made causal: :math:`c_0, 2 c_1, 2 c_2, \dots`. Source: Oppenheim
        and Schafer, Discrete-Time Signal Processing, 13.5.
        """
        points = 1 << max(16, (8 * length - 1).bit_length())
        magnitude = self.magnitude(np.fft.rfftfreq(points, 1 / self.fs))
        if not magnitude.max() > 0:
            self.lacks("a filter", "its response is 0")
        cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, _DEEPEST * magnitude.max())))
        cepstrum[1 : points // 2] *= 2
        cepstrum[points // 2 + 1 :] = 0
        return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:length]

    def file(self, ending: str) -> str:
        """The name of a file: the design's, without what file systems refuse, and an ending."""
        stem = re.sub(r'[<>:"/\\|?*]', "_", self.name).strip(" .") or "design"
        return stem.encode()[:_MOST_BYTES].decode("utf-8", "ignore") + ending

    def lacks(self, what: str, why: str | None = None) -> NoReturn:
        """Refuse a form."""
        raise InputError(f"{self.name} is not {what}: {why or self.why}")


class CascadeDesign(Design):
    """Second-order sections of one channel and a gain.

    Args:
        name, fs, why: as :class:`Design`.
        gain: linear, with its sign.
        sos: (n, 6) in scipy's order, a0 = 1.
    """

    def __init__(self, name: str, fs: float, why: str, gain: float, sos: np.ndarray) -> None:
        super().__init__(name, fs, why)
        self.gain, self.sos = gain, sos

    @property
    def order(self) -> int:
        return 2 * len(self.sos)

    def sections(self) -> tuple[float, np.ndarray]:
        return self.gain, self.sos

    def response(self, frequency: np.ndarray) -> np.ndarray:
        return self.gain * freqz_sos(self._rows(), frequency, fs=self.fs)[1][:, None, None]

    def impulse_response(self, length: int) -> np.ndarray:
        return sosfilt(self._rows(), self.gain * (np.arange(length) == 0))[:, None, None]

    def _rows(self) -> np.ndarray:
        """The sections, at least one."""
        return self.sos if len(self.sos) else np.array([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])


class EqualizerDesign(CascadeDesign):
    """An equaliser at a sampling frequency.

    Args:
        equalizer: its values.
        fs: in Hz.
        fitted: the sampling frequency at which the values were found, where that is known.

    Raises:
        InputError: it cannot be had at ``fs``; see :meth:`flamo.equalizer.Equalizer.sos`.

    Warns:
        InputWarning: ``fs`` is another: bands change their shape near fs/2.

    >>> eq = EqualizerDesign(Equalizer("bass", (Band("lowshelf", 105.0, 6.0),), -6.0), 48000)
    >>> eq.sections()[1].shape, eq.file(".txt")
    ((1, 6), 'bass.txt')
    """

    def __init__(self, equalizer: Equalizer, fs: float, fitted: float | None = None) -> None:
        try:
            gain, sos = 10 ** (equalizer.gain_db / 20), equalizer.sos(fs)
        except OverflowError:
            gain, sos = np.inf, np.empty((0, 6))
        if not (np.isfinite(sos).all() and np.isfinite(gain)):
            raise InputError(f"{equalizer.name}: a gain is out of range; the equaliser is damaged")
        others = [n for n, part in enumerate(equalizer.parts, 1) if not isinstance(part, Band)]
        super().__init__(equalizer.name, fs, f"part {others[0]} is coefficients only" if others else "", gain, sos)
        self.equalizer = equalizer
        if fitted not in (None, fs) and len(others) < len(equalizer.parts):
            message = f"fitted at {fitted:g} Hz and exported for {fs:g} Hz: bands near fs/2 have another shape there"
            warnings.warn(f"{self.name}: {message}", InputWarning, stacklevel=2)

    def bands(self) -> Equalizer:
        return self.lacks("an equaliser of bands") if self.why else self.equalizer


class CurveDesign(Design):
    """A curve of magnitudes, interpolated linearly in log f and held flat outside.

    >>> CurveDesign(Curve("tilt", (10.0, 1000.0), (20.0, 0.0)), 48000).magnitude(np.array([100.0])).round(3)
    array([3.162])
    """

    def __init__(self, curve: Curve, fs: float) -> None:
        super().__init__(curve.name, fs, "it is a curve of magnitudes")
        self.curve = curve

    def response(self, frequency: np.ndarray) -> np.ndarray:
        return 10 ** (self.curve.at(frequency) / 20)[:, None, None] + 0j

    def impulse_response(self, length: int) -> np.ndarray:
        """That of minimum phase."""
        return self.minimum_phase(length)[:, None, None]
