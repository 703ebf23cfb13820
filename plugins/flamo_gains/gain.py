"""Gains, the same at every frequency."""

from __future__ import annotations

from collections.abc import Callable

import torch

from flamo.core.constraints import Identity
from flamo.core.dsp import DSP
from flamo.core.physical import Quantity, Values, decibels_of
from flamo.core.response import Response
from flamo.core.state_space import StateSpace


class Gain(DSP):
    r"""Matrix of gains that mixes N_in channels into N_out.

    .. math:: H(z) = \mathrm{map}(P)

    Args:
        size: (N_out, N_in), also the shape of ``param``.
        nfft: number of FFT points of the system it stands in.
        map: what turns ``param`` into gains.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: of the system it stands in; a gain does not decay.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.

    Raises:
        TypeError, ValueError: as :class:`~flamo.core.dsp.DSP`.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: standard normal.

    >>> gain = Gain((1, 2), nfft=8)
    >>> gain.assign_value(torch.tensor([[2.0, 3.0]]))
    >>> gain(torch.ones(1, 5, 2))[0, 0]
    tensor([5.])
    """

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
        self.initialize_class()

    gain = Quantity("Linear gains.")
    gain_db = decibels_of("gain")

    def physical_of(self, value: torch.Tensor) -> Values:
        return {"gain": value}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        return given["gain"]

    def state_space(self) -> StateSpace:
        return StateSpace.of_gain(self.probe(torch.ones((), dtype=torch.complex128)))

    def is_stable(self) -> bool:
        """True: a gain always is."""
        return True

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        w, gain = self.operands(w, param)
        return gain + torch.zeros_like(w)

    def on_grid(self, param: torch.Tensor) -> Response:
        gain = self.values(param)  # ([B], channels): the same in every bin
        gain = gain.to(param.dtype.to_complex() if gain.is_complex() else param.dtype)
        return self.laid_out(gain.unsqueeze(-1 - self.channel_dims), param)


class parallelGain(Gain):
    """One gain for each channel.

    As :class:`Gain`, with ``size`` (N,).

    >>> parallelGain((3,)).output_channels
    3
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        nfft: int = 2048,
        map: Callable[[torch.Tensor], torch.Tensor] = Identity(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(size, nfft, map, requires_grad, alias_decay_db, device, dtype)
