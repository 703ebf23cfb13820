"""Delays with gains."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from flamo.core.checks import checked_map, checked_size
from flamo.core.constraints import Constraint, Identity, Rows, Softplus
from flamo.core.physical import Quantity, Values, decibels_of
from flamo.core.response import Response
from flamo.kernels.delays import delay_at
from flamo_delays.delay import Delay, Map, delay_on_grid


@dataclass(frozen=True)
class _TwoMaps:
    """A map for the gains and one for the delays, where they are no constraints."""

    gain: Map
    delay: Map
    dim: int

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        gain, delay = raw.unbind(self.dim)
        return torch.stack((self.gain(gain), self.delay(delay)), self.dim)


class GainDelay(Delay):
    r"""Matrix of delays, each with a gain.

    .. math:: H(z) = g\, z^{-m}, \quad g = \mathrm{map\_gain}(P_0), \quad m = \mathrm{map\_delay}(P_1)\, f_s / unit

    Args:
        size: (N_out, N_in); ``param`` is (2, N_out, N_in).
        max_len: bound of the initial delays in samples.
        isint: whether delays are rounded to whole samples; they have no gradient then.
        unit: how many of the units of the delays make a second.
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        map_gain: what turns raw values into gains; None leaves them.
        map_delay: what turns raw values into delays; None is softplus where ``param`` is learned, else leaves them.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; phases are formed in float64 in either case.

    Raises:
        ValueError: max_len below 1, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: gain 1, delays as :class:`Delay`.

    >>> tap = GainDelay((1, 1), isint=True, nfft=8)
    >>> tap.set(samples=2.0, gain=0.5)
    >>> round(tap.probe(1.0 + 0.0j).real.item(), 6)
    0.5
    """

    axes = ("2",)

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        max_len: int = 2000,
        isint: bool = False,
        unit: int = 100,
        nfft: int = 2048,
        fs: int = 48000,
        map_gain: Map | None = None,
        map_delay: Map | None = None,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        learned: Map = Softplus() if requires_grad else Identity()
        self.map_gain: Map = checked_map("map_gain", Identity() if map_gain is None else map_gain)
        self.map_delay: Map = checked_map("map_delay", learned if map_delay is None else map_delay)
        super().__init__(
            (2, *checked_size(size)), max_len, isint, unit, nfft, fs, requires_grad, alias_decay_db, device, dtype
        )

    def default_map(self, requires_grad: bool) -> Map:
        if isinstance(self.map_gain, Constraint) and isinstance(self.map_delay, Constraint):
            return Rows((self.map_gain, self.map_delay), dim=-1 - self.channel_dims)
        return _TwoMaps(self.map_gain, self.map_delay, dim=-1 - self.channel_dims)

    def init_param(self) -> None:
        self.param.data.fill_(1.0)
        super().init_param()

    @property
    def time_map(self) -> Map:
        return self.map_delay

    def _assign_times(self, raw: torch.Tensor) -> None:
        self.assign_value(raw.expand(self.size[1:]), indx=(1,))

    def _rows(self, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gains and times of a mapped parameter."""
        gain, times = value.unbind(-1 - self.channel_dims)
        return gain, times

    def _times(self, value: torch.Tensor) -> torch.Tensor:
        return self._rows(value)[1]

    gain = Quantity("Linear gains.")
    gain_db = decibels_of("gain")

    def physical_of(self, value: torch.Tensor) -> Values:
        return {"gain": self._rows(value)[0], **super().physical_of(value)}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        gain, times = self._rows(value)
        times = super().value_of(times, given) if "samples" in given else times
        return torch.stack((given.get("gain", gain), times), -1 - self.channel_dims)

    def taps(self) -> torch.Tensor:
        gain = self.physical()["gain"]
        return super().taps() * (torch.diag_embed(gain) if self.diagonal else gain)

    def get_gains(self) -> Map:
        """What turns a raw parameter into gains."""
        return lambda param: self._rows(self.values(param))[0].to(param.dtype)

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        w, value = self.operands(w, param)
        return self._rows(value)[0] * delay_at(w, self._samples(value))

    def on_grid(self, param: torch.Tensor) -> Response:
        value = self.values(param)
        gain = self._rows(value)[0].unsqueeze(-1 - self.channel_dims).to(param.dtype)
        h = delay_on_grid(self.grid, self._samples(value), self.channel_dims, param.dtype.to_complex())
        return self.laid_out(gain * h, param)


class parallelGainDelay(GainDelay):
    """One delay with a gain for each channel.

    As :class:`GainDelay`, with ``size`` (N,) and ``param`` (2, N).

    >>> parallelGainDelay((3,), max_len=100).param.shape
    torch.Size([2, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        max_len: int = 2000,
        isint: bool = False,
        unit: int = 100,
        nfft: int = 2048,
        fs: int = 48000,
        map_gain: Map | None = None,
        map_delay: Map | None = None,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(
            size, max_len, isint, unit, nfft, fs, map_gain, map_delay, requires_grad, alias_decay_db, device, dtype
        )
