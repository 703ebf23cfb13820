"""Between time and frequency: FFTs along the time axis of (B, T, N), with and without the anti-aliasing envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import nn

from flamo.core.checks import checked_map, choice
from flamo.core.grid import FrequencyGrid
from flamo.core.memory import LastResult
from flamo.core.recorded import Recorded
from flamo.kernels.magnitude import Magnitudes


class Transform(Recorded, nn.Module):
    """Any function of the signal, at the ends of a system.

    Args:
        transform: a callable tensor → tensor; None leaves the signal as it is. A lambda works, but cannot be pickled.
            Within it, ``torch.abs`` of a spectrum is :func:`~flamo.kernels.magnitude.magnitude`, which is faster.
        device: kept for systems that ask for it; a transform has no parameter.
        dtype: likewise.

    Raises:
        TypeError: transform is neither None nor callable.

    >>> Transform(torch.abs)(torch.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """

    def __init__(
        self,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if transform is not None:
            checked_map("transform", transform)
            self.transform = transform  # type: ignore[method-assign, assignment]
        self.device, self.dtype = device, dtype

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        """What is done to the signal; an assigned attribute replaces it."""
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if "transform" not in vars(self) or not x.is_complex():
            return self.transform(x)
        with Magnitudes():
            return self.transform(x)

    def probe(self, z: torch.Tensor) -> None:
        """A transform has no value at a point of the z-plane: None, and a system passes over it."""

    def set_nfft(self, nfft: int) -> Self:
        if hasattr(self, "nfft"):
            self.nfft = FrequencyGrid(nfft).nfft
        return self

    def set_alias_decay_db(self, alias_decay_db: float) -> Self:
        if hasattr(self, "alias_decay_db"):
            self.alias_decay_db = FrequencyGrid(1, float(alias_decay_db)).alias_decay_db
        return self

    def set_device(self, device: torch.device | str | None) -> Self:
        self.device = device
        return self

    def set_dtype(self, dtype: torch.dtype) -> Self:
        self.dtype = dtype
        return self


class _FourierTransform(Transform):
    def __init__(self, nfft: int, norm: str, device: torch.device | str | None, dtype: torch.dtype) -> None:
        super().__init__(device=device, dtype=dtype)
        choice("norm", norm, ("backward", "ortho", "forward"))
        self.nfft, self.norm = FrequencyGrid(nfft).nfft, norm
        self._last = LastResult()

    def _rfft(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft(x, n=self.nfft, dim=1, norm=self.norm)

    def extra_repr(self) -> str:
        return f"nfft={self.nfft}"


class FFT(_FourierTransform):
    r"""Real FFT along time.

    .. math:: X_k = \sum_n x_n e^{-j 2\pi kn/\mathrm{nfft}}

    Args:
        nfft: number of points; a shorter signal is filled with zeros, a longer one cut off.
        norm: 'backward', 'ortho' or 'forward', as in ``torch.fft.rfft``.
        dtype: kept for systems that ask for it; the result follows the signal.

    Raises:
        ValueError: nfft below 1, an unknown norm.

    Shapes: (B, T, N) → (B, nfft // 2 + 1, N).

    >>> FFT(8)(torch.ones(1, 8, 2)).shape
    torch.Size([1, 5, 2])
    """

    def __init__(self, nfft: int = 2048, norm: str = "backward", dtype: torch.dtype = torch.float32) -> None:
        super().__init__(nfft, norm, None, dtype)

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        return self._last.recall(x, (self.nfft, self.norm), lambda: self._rfft(x))


class iFFT(_FourierTransform):
    """Inverse real FFT along time.

    Args:
        nfft: number of points.
        norm: 'backward', 'ortho' or 'forward', as in ``torch.fft.irfft``.
        dtype: kept for systems that ask for it; the result follows the spectrum.

    Raises:
        ValueError: nfft below 1, an unknown norm.

    Shapes: (B, nfft // 2 + 1, N) → (B, nfft, N).

    >>> x = torch.arange(8.0).reshape(1, 8, 1)
    >>> torch.allclose(iFFT(8)(FFT(8)(x)), x, atol=1e-6)
    True
    """

    def __init__(self, nfft: int = 2048, norm: str = "backward", dtype: torch.dtype = torch.float32) -> None:
        super().__init__(nfft, norm, None, dtype)

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft(x, n=self.nfft, dim=1, norm=self.norm)


class _AntiAliasTransform(_FourierTransform):
    def __init__(
        self,
        nfft: int = 2048,
        norm: str = "backward",
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(nfft, norm, device, dtype)
        self.alias_decay_db = FrequencyGrid(nfft, float(alias_decay_db)).alias_decay_db

    def undo_decay(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] != self.nfft:
            raise ValueError(f"{type(self).__name__}: input must have nfft={self.nfft} samples, got {x.shape[1]}")
        return FrequencyGrid(self.nfft, self.alias_decay_db).undo_decay(x)

    def extra_repr(self) -> str:
        return f"nfft={self.nfft}, alias_decay_db={self.alias_decay_db}"


class FFTAntiAlias(_AntiAliasTransform):
    r"""Real FFT after the inverse of the anti-aliasing decay.

    The FFT of the signal times :math:`\gamma^{-n}`.

    Args:
        nfft: number of points, and of samples of the signal.
        norm: 'backward', 'ortho' or 'forward', as in ``torch.fft.rfft``.
        alias_decay_db: decay in dB over nfft samples, as in :class:`~flamo.core.grid.FrequencyGrid`.
        device: kept for systems that ask for it.
        dtype: kept for systems that ask for it; the result follows the signal.

    Raises:
        ValueError: a signal whose length is not nfft, nfft below 1, an unknown norm.

    Shapes: (B, nfft, N) → (B, nfft // 2 + 1, N).

    >>> FFTAntiAlias(8, alias_decay_db=20.0)(torch.ones(1, 8, 2)).shape
    torch.Size([1, 5, 2])
    """

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        x = self.undo_decay(x)
        return self._last.recall(x, (self.nfft, self.norm), lambda: self._rfft(x))


class iFFTAntiAlias(_AntiAliasTransform):
    r"""Inverse real FFT, then the inverse of the anti-aliasing decay.

    The signal times :math:`\gamma^{-n}`: takes back the decay of responses on the grid.

    Args:
        nfft: number of points.
        norm: 'backward', 'ortho' or 'forward', as in ``torch.fft.irfft``.
        alias_decay_db: decay in dB over nfft samples, as in :class:`~flamo.core.grid.FrequencyGrid`.
        device: kept for systems that ask for it.
        dtype: kept for systems that ask for it; the result follows the spectrum.

    Raises:
        ValueError: nfft below 1, an unknown norm.

    Shapes: (B, nfft // 2 + 1, N) → (B, nfft, N).

    >>> iFFTAntiAlias(8, alias_decay_db=20.0)(torch.ones(1, 5, 2, dtype=torch.complex64)).shape
    torch.Size([1, 8, 2])
    """

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        return self.undo_decay(torch.fft.irfft(x, n=self.nfft, dim=1, norm=self.norm))
