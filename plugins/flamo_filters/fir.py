"""Finite impulse responses."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import ClassVar

import torch
import torch.nn.functional as F

from flamo.core.computed import computed
from flamo.core.constraints import Identity
from flamo.core.dsp import DSP
from flamo.core.response import Response
from flamo.core.state_space import StateSpace


class Filter(DSP):
    r"""Matrix of finite impulse responses.

    .. math:: H(z) = \sum_{n=0}^{L-1} h_n z^{-n}, \quad h = \mathrm{map}(P)

    Args:
        size: (L, N_out, N_in): taps, outputs, inputs; also the shape of ``param``.
        nfft: number of FFT points.
        map: what turns ``param`` into taps.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.

    Raises:
        TypeError, ValueError: as :class:`~flamo.core.dsp.DSP`.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: standard normal.

    >>> fir = Filter((2, 1, 1), nfft=4)
    >>> fir.assign_value(torch.tensor([1.0, 1.0]).reshape(2, 1, 1))      # 1 + 1/z
    >>> fir.probe(1.0 + 0.0j)
    tensor([[2.+0.j]])
    """

    axes: ClassVar[tuple[str, ...]] = ("taps",)

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1, 1),
        nfft: int = 2048,
        map: Callable[[torch.Tensor], torch.Tensor] = Identity(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(size, nfft, map, requires_grad, alias_decay_db, device, dtype)
        self.initialize_class()

    @computed
    def alias_envelope_dcy(self) -> torch.Tensor:
        """γ^n for n = 0 … L - 1, or 0, 1, 2 for sections: what weights taps on the grid."""
        return self.gamma ** torch.arange(self.size[0], device=self.param.device)

    def state_space(self) -> StateSpace:
        taps = self.values()
        return StateSpace.of_taps(torch.diag_embed(taps) if self.diagonal else taps)

    @property
    def degree(self) -> int:
        return (self.size[0] - 1) * self.size[-1]

    def is_stable(self) -> bool:
        """True: an impulse response that ends always is."""
        return True

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        _, taps = self.operands(w, param)
        powers = torch.linalg.vander(w, N=taps.shape[0])
        return torch.tensordot(powers, taps.to(powers.dtype), dims=1)

    def on_grid(self, param: torch.Tensor) -> Response:
        n = self.nfft
        taps = self.values(param).to(param.dtype).movedim(-1 - self.channel_dims, -1)  # ([B], *channels, L)
        if taps.shape[-1] > n:
            warnings.warn(f"{taps.shape[-1]} taps are more than nfft={n}: the response wraps in time", stacklevel=2)
        taps = taps * (self.grid.gamma ** torch.arange(taps.shape[-1], dtype=torch.float64)).to(taps)
        h = poly_freq_response(taps, n, dim=-1).movedim(-1, -1 - self.channel_dims)
        return self.laid_out(h, param)


class parallelFilter(Filter):
    """One finite impulse response for each channel.

    As :class:`Filter`, with ``size`` (L, N).

    >>> parallelFilter((5, 3)).output_channels
    3
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        nfft: int = 2048,
        map: Callable[[torch.Tensor], torch.Tensor] = Identity(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(size, nfft, map, requires_grad, alias_decay_db, device, dtype)


def poly_freq_response(coeffs: torch.Tensor, nfft: int, dim: int = 0) -> torch.Tensor:
    r"""A polynomial in 1/z on the grid of a real FFT, :math:`\sum_n c_n e^{-j 2\pi k n/\mathrm{nfft}}`.

    Args:
        coeffs: coefficients, with n along ``dim``; there may be more of them than nfft.
        nfft: number of FFT points.
        dim: the axis of the coefficients.

    Returns:
        The shape of coeffs with nfft // 2 + 1 along ``dim``, complex.

    >>> poly_freq_response(torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0]), nfft=4).real           # 2 + 1/z
    tensor([3., 2., 1.])
    """
    taps = coeffs.movedim(dim, -1)
    wrapped = F.pad(taps, (0, -taps.shape[-1] % nfft)).unflatten(-1, (-1, nfft)).sum(-2)
    return torch.fft.rfft(wrapped).movedim(-1, dim)
