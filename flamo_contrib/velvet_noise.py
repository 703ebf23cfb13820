"""Velvet-noise filters."""

from __future__ import annotations

import warnings
from typing import ClassVar

import torch

from flamo.core.checks import checked_size, positive
from flamo.core.dsp import DSP
from flamo.core.response import Response


class VelvetNoise(DSP):
    r"""Matrix of velvet-noise filters: sparse pulses at random places, whose gains may be learned.

    .. math:: H(z) = \sum_{m=0}^{M-1} g_m z^{-k_m}, \quad k_m = \mathrm{round}(m T + r_m (T - 1)), \quad
        T = f_s / \varrho

    One pulse lies in each of M consecutive intervals of T samples, its place in it drawn uniformly (r in [0, 1)). At a
    density of 2000 pulses a second it sounds smoother than white noise, at a fraction of its operations; short ones
    decorrelate channels. Places are drawn once, with torch's generator, and kept in the buffer ``positions``.

    Args:
        size: (N_out, N_in). ``param`` is (M, N_out, N_in): the gains g.
        duration: length in seconds.
        density: pulses a second, :math:`\varrho`.
        rt60: time in seconds in which the initial gains decay by 60 dB; None is no decay.
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        requires_grad: whether the gains are learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.

    Raises:
        ValueError: density above fs, no pulse in the duration, one of the numbers not positive.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: random signs with the decay, of unit energy.
    Source: V. Välimäki, B. Holm-Rasmussen, B. Alary, H.-M. Lehtonen, Late reverberation synthesis using filtered velvet
    noise, Applied Sciences 7(5), 483, 2017; as a decorrelator with optimised gains S. J. Schlecht, B. Alary,
    V. Välimäki, E. A. P. Habets, Optimized velvet-noise decorrelator, DAFx 2018.

    >>> velvet = VelvetNoise((2, 1), duration=0.03, density=1000.0, nfft=4096)
    >>> velvet.positions.shape, (velvet.positions[:, 0, 0].diff() > 0).all().item()
    (torch.Size([30, 2, 1]), True)
    >>> round(velvet.param.square().sum().item(), 3)                # two outputs of unit energy
    2.0
    """

    axes: ClassVar[tuple[str, ...]] = ("pulses",)
    positions: torch.Tensor

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        duration: float = 0.03,
        density: float = 2000.0,
        rt60: float | None = None,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.duration, self.density, self.fs = positive("duration", duration), positive("density", density), fs
        self.rt60 = None if rt60 is None else positive("rt60", rt60)
        if density > positive("fs", fs):
            raise ValueError(f"density must be at most one pulse a sample, fs={fs}, got {density}")
        pulses = int(duration * density)
        if pulses < 1:
            raise ValueError(f"duration={duration} has no pulse at density={density}; make one of them larger")
        shape = (pulses, *checked_size(size))
        super().__init__(
            shape, nfft, requires_grad=requires_grad, alias_decay_db=alias_decay_db, device=device, dtype=dtype
        )
        self.initialize_class()

    def init_param(self) -> None:
        interval = self.fs / self.density
        starts = interval * torch.arange(self.size[0], dtype=torch.float64).reshape(-1, *[1] * (len(self.size) - 1))
        within = (interval - 1) * torch.rand(self.size, dtype=torch.float64)
        positions = torch.round(starts + within).long()
        gains = 2.0 * torch.randint(0, 2, self.size) - 1.0
        if self.rt60 is not None:
            gains = gains * 10 ** (-3 * positions / (self.fs * self.rt60))
        self.register_buffer("positions", positions.to(self.param.device))
        self.param.data = (gains / gains.norm(dim=0)).to(self.param)

    def is_stable(self) -> bool:
        """True: an impulse response that ends always is."""
        return True

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        w, gains = self.operands(w, param)
        return (gains * w[:, None] ** self.positions).sum(1)

    def on_grid(self, param: torch.Tensor) -> Response:
        n, axis = self.nfft, -1 - self.channel_dims
        if self.duration * self.fs > n:
            warnings.warn(f"{self.duration} s are more than nfft={n} samples: the response wraps in time", stacklevel=2)
        gains = self.values(param).movedim(axis, 0)  # (M, [B], *channels)
        places = self.positions.reshape(len(gains), *[1] * (gains.ndim - self.positions.ndim), *self.size[1:])
        gains = gains * self.grid.gamma ** places.to(gains)
        taps = gains.new_zeros(n, *gains.shape[1:]).scatter_add(0, (places % n).expand(gains.shape), gains)
        return self.laid_out(torch.fft.rfft(taps.to(param.dtype), dim=0).movedim(0, axis), param)


class ParallelVelvetNoise(VelvetNoise):
    """One velvet-noise filter for each channel.

    As :class:`VelvetNoise`, with ``size`` (N,) and ``param`` (M, N): decorrelates the channels of a signal.

    >>> ParallelVelvetNoise((3,), duration=0.01).param.shape
    torch.Size([20, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        duration: float = 0.03,
        density: float = 2000.0,
        rt60: float | None = None,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(size, duration, density, rt60, nfft, fs, requires_grad, alias_decay_db, device, dtype)
