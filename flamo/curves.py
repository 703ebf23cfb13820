"""Curves: magnitude in dB over frequency. Imports nothing heavy before it is asked for values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

MIN_HZ, MAX_HZ = 1e-3, 1e7
MAX_DB = 200.0  # beyond this a value is no audio level but a mistake


@dataclass(frozen=True)
class Curve:
    """Values in dB at ascending frequencies in Hz: a measurement, a target, an equalisation."""

    name: str
    frequency: tuple[float, ...]
    gain_db: tuple[float, ...]

    def at(self, frequency: ArrayLike) -> np.ndarray:
        """Values in dB at other frequencies in Hz: linear over the logarithm of frequency, held beyond the ends.

        >>> Curve("tilt", (100.0, 10000.0), (0.0, -4.0)).at([0.0, 1000.0, 20000.0])
        array([ 0., -2., -4.])
        """
        import numpy as np

        held = np.maximum(np.asarray(frequency, dtype=np.float64), self.frequency[0])
        return np.interp(np.log(held), np.log(self.frequency), self.gain_db)
