"""The frequency grid: the one place that computes the points at which a system is sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from flamo.core.checks import number, whole
from flamo.core.memory import remembered
from flamo.kernels.circle import fixed


@dataclass(frozen=True)
class FrequencyGrid:
    r"""The points at which a system is sampled.

    .. math:: w_k = z_k^{-1} = \gamma\, e^{-j 2\pi k/\mathrm{nfft}}, \quad k = 0 \ldots \lfloor\mathrm{nfft}/2\rfloor

    :math:`\gamma = 10^{-|a| / (20\,\mathrm{nfft})}` lets a signal decay by ``alias_decay_db`` = a dB over nfft samples,
    so that what a long response aliases in time is weaker by as much.

    Args:
        nfft: number of FFT points, at least 1.
        alias_decay_db: decay over nfft samples in dB; its sign does not count.

    Raises:
        TypeError: nfft is not a whole number.
        ValueError: nfft is below 1, or alias_decay_db is not finite.

    Source: S. J. Schlecht and G. Dal Santo et al., FLAMO, arXiv 2409.08723, section "time anti-aliasing".

    >>> grid = FrequencyGrid(nfft=8, alias_decay_db=20.0)
    >>> grid.bins, round(grid.gamma**8, 12)
    (5, 0.1)
    >>> grid.points()[0].real.item() == grid.gamma
    True
    """

    nfft: int
    alias_decay_db: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "nfft", whole("nfft", self.nfft))
        number("alias_decay_db", self.alias_decay_db)

    @property
    def bins(self) -> int:
        """Number of points, nfft // 2 + 1."""
        return self.nfft // 2 + 1

    @property
    def gamma(self) -> float:
        """Radius of the points."""
        return 10.0 ** (-abs(self.alias_decay_db) / (20.0 * self.nfft))

    def points(self, device: torch.device | str | None = None) -> torch.Tensor:
        """The points w, shape (bins,), complex in the :func:`working precision <real_dtype>` of the device.

        Shared by everyone: do not edit them in place.
        """
        return _points(self, torch.device(device or "cpu"))

    def envelope(self, device: torch.device | str | None = None, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        r"""The decay :math:`\gamma^n`, n = 0 … nfft - 1, shape (nfft,)."""
        return _envelope(self, torch.device(device or "cpu"), dtype)

    def undo_decay(self, x: torch.Tensor) -> torch.Tensor:
        """A signal (B, nfft, …) times γ^-n."""
        return x / self.envelope(x.device, x.dtype).reshape(-1, *(1,) * (x.ndim - 2))


def real_dtype(device: torch.device) -> torch.dtype:
    """The precision in which points and coefficients are formed: float64 wherever the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64


@remembered(maxsize=16)
def _points(grid: FrequencyGrid, device: torch.device) -> torch.Tensor:
    k, step = torch.arange(grid.bins, dtype=torch.float64, device="cpu"), 2.0 * math.pi / grid.nfft
    # sines of angles within a quarter turn: exactly 0 and ±1 where they should be, so that zeros on the grid are zeros
    cos, sin = torch.sin(step * (grid.nfft / 4 - k)), torch.sin(step * torch.minimum(k, grid.nfft / 2 - k))
    w = grid.gamma * torch.complex(cos, -sin)
    return fixed(w.to(device, real_dtype(device).to_complex()))


@remembered(maxsize=16)
def _envelope(grid: FrequencyGrid, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    n = torch.arange(grid.nfft, dtype=torch.float64, device="cpu")
    return torch.exp(n * math.log(grid.gamma)).to(device, dtype)
