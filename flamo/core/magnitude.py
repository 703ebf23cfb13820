"""The magnitude of a spectrum, at the end of a system."""

from __future__ import annotations

import torch

from flamo.core.constraints import Decibels
from flamo.core.transforms import Transform


class Magnitude(Transform):
    r"""Magnitude of a spectrum.

    .. math:: y = |X|

    Shapes: any; real.

    >>> Magnitude()(torch.tensor([3.0 + 4.0j]))
    tensor([5.])
    """

    def __init__(self) -> None:
        super().__init__()

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        return x.abs()


class Level(Transform):
    r"""Magnitude of a spectrum in decibels.

    .. math:: y = 20 \log_{10} |X|

    Finite, with a zero gradient, where the spectrum is zero.

    Shapes: any; real.

    >>> Level()(torch.tensor([10.0j]))
    tensor([20.])
    """

    def __init__(self) -> None:
        super().__init__()

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        return Decibels()(x)
