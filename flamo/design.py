"""What can be exported: one channel of filters, or a curve, or a whole system, asked for in the form a format needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NoReturn

from flamo.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from flamo.equalizer import Equalizer


class Design(ABC):
    """What an exporter is given. Each form raises InputError, saying what is missing, where it cannot be had.

    Args:
        name: for names of files and titles.
        fs: sampling frequency in Hz of everything that is asked for.
    """

    def __init__(self, name: str, fs: float) -> None:
        self.name, self.fs = name, fs

    def bands(self) -> Equalizer:
        """As bands in numbers (every part a :class:`~flamo.equalizer.Band`) and a gain."""
        self.lacks("bands with a frequency, a gain and a Q")

    def sections(self) -> tuple[float, np.ndarray]:
        """As a gain (linear, with its sign) and second-order sections (n, 6) in scipy's order, a0 = 1, at ``fs``."""
        self.lacks("a cascade of second-order sections")

    @abstractmethod
    def response(self, frequency: np.ndarray) -> np.ndarray:
        """Complex response at frequencies in Hz, (F, N_out, N_in)."""

    def impulse_response(self, length: int) -> np.ndarray:
        """The first samples of the impulse response, (length, N_out, N_in)."""
        self.lacks("an impulse response")

    def lacks(self, what: str) -> NoReturn:
        """Refuse a form."""
        raise InputError(f"{self.name} is not {what}")
