"""Equalisers as players have them: bands in numbers, sections as coefficients, a gain. Imports nothing heavy."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from flamo.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

TYPES = ("peaking", "lowshelf", "highshelf", "lowpass", "highpass", "bandpass", "notch", "allpass")


@dataclass(frozen=True)
class Band:
    r"""One second-order filter of the Audio EQ Cookbook, with :math:`\alpha = \sin\omega_0 / (2Q)`.

    Args:
        type: one of ``TYPES``.
        frequency: centre in Hz; of a shelf, where it has half of its gain in dB.
        gain_db: of peaks and shelves, 0 for the others.
        q: quality factor.

    Raises:
        ValueError: another type, a frequency or Q that is not positive, a value that is not finite.
    """

    type: str
    frequency: float
    gain_db: float = 0.0
    q: float = math.sqrt(0.5)

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"type must be one of {', '.join(TYPES)}, got {self.type!r}")
        for name in ("frequency", "gain_db", "q"):
            value = getattr(self, name)
            if not math.isfinite(value) or (name != "gain_db" and value <= 0):
                raise ValueError(
                    f"{name} must be a finite{'' if name == 'gain_db' else ' positive'} number, got {value}"
                )


@dataclass(frozen=True)
class Section:
    """Coefficients b0, b1, b2, a1, a2 of a second-order section in scipy's signs, a0 = 1, right at one rate only.

    Raises:
        ValueError: a value that is not finite, or a rate that is not positive.
    """

    b0: float
    b1: float
    b2: float
    a1: float
    a2: float
    fs: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, astuple(self))) or self.fs <= 0:
            raise ValueError(f"coefficients must be finite and fs positive, got {astuple(self)}")


@dataclass(frozen=True)
class Equalizer:
    """Filters one after the other, and a gain in dB before them.

    >>> eq = Equalizer("bass", (Band("lowshelf", 105.0, 6.5, 0.7),), gain_db=-6.5)
    >>> abs(eq.response([20.0, 20000.0], 48000)).round(2)
    array([1.  , 0.47])
    """

    name: str
    parts: tuple[Band | Section, ...]
    gain_db: float = 0.0

    def sos(self, fs: float) -> np.ndarray:
        """The filters without the gain, (sections, 6), as scipy has them.

        Raises:
            InputError: sections of another rate, a band at or above fs/2.
        """
        import numpy as np

        rows = [_coefficients(self.name, part, fs) for part in self.parts]
        return np.array(rows, dtype=np.float64).reshape(-1, 6)

    def response(self, frequency: ArrayLike, fs: float) -> np.ndarray:
        """The complex response at frequencies in Hz, gain included; raises as :meth:`sos`."""
        import numpy as np
        from scipy.signal import freqz_sos

        at = np.asarray(frequency, dtype=np.float64)
        gain = 10 ** (self.gain_db / 20)
        return gain * freqz_sos(self.sos(fs), at, fs=fs)[1] if self.parts else np.full(at.shape, gain, dtype=complex)


def _coefficients(name: str, part: Band | Section, fs: float) -> list[float]:
    if isinstance(part, Section):
        if part.fs != fs:
            raise InputError(f"{name}: its coefficients are right at {part.fs:g} Hz only, not at {fs:g} Hz")
        return [part.b0, part.b1, part.b2, 1.0, part.a1, part.a2]
    if part.frequency >= fs / 2:
        raise InputError(f"{name}: a band at {part.frequency:g} Hz needs more than {fs:g} Hz of sampling frequency")
    import torch

    from flamo.core import rbj

    omega = torch.tensor(2 * math.pi * part.frequency / fs, dtype=torch.float64)
    amplitude = torch.tensor(10 ** (part.gain_db / 40), dtype=torch.float64)
    b, a = rbj.section(omega, torch.sin(omega) / (2 * part.q), amplitude, part.type)
    return (torch.cat((b, a)) / a[0]).tolist()
