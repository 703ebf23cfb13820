"""Delays."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import torch

from flamo.core.checks import number, positive
from flamo.core.computed import computed
from flamo.core.constraints import Constraint, Identity, Softplus
from flamo.core.dsp import DSP
from flamo.core.grid import FrequencyGrid
from flamo.core.physical import Quantity, Values, within
from flamo.core.response import Response
from flamo.core.state_space import StateSpace
from flamo.kernels.delays import delay_at, delay_bank

Map = Callable[[torch.Tensor], torch.Tensor]


class Delay(DSP):
    r"""Matrix of delays, in whole samples or fractions of them.

    .. math:: H(z) = z^{-m}, \quad m = \mathrm{map}(P)\, f_s / unit

    Away from the grid, :math:`z^{-m}` of a fraction is its principal branch.

    Args:
        size: (N_out, N_in), also the shape of ``param``.
        max_len: bound of the initial delays in samples.
        isint: whether delays are rounded to whole samples; they have no gradient then.
        unit: how many of the units of ``param`` make a second: 1 for seconds, 1000 for milliseconds.
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        requires_grad: whether ``param`` is learned; ``map`` is softplus then, so that delays stay positive.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; phases are formed in float64 in either case.

    Raises:
        ValueError: max_len below 1, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: whole samples in [1, max_len), or uniform in
    [0, max_len).

    >>> delay = Delay((1, 1), isint=True, nfft=8)
    >>> delay.set(samples=2.0)
    >>> delay.probe(2.0 + 0.0j)                                    # 2^-2
    tensor([[0.2500+0.j]])
    """

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        max_len: int = 2000,
        isint: bool = False,
        unit: int = 100,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if number("max_len", max_len) < 1:
            raise ValueError(f"max_len must be at least 1 sample, got {max_len}")
        self.max_len, self.isint, self.unit, self.fs = max_len, isint, positive("unit", unit), positive("fs", fs)
        super().__init__(size, nfft, self.default_map(requires_grad), requires_grad, alias_decay_db, device, dtype)
        self.initialize_class()

    def default_map(self, requires_grad: bool) -> Map:
        """The map of a new module."""
        return Softplus() if requires_grad else Identity()

    def init_param(self) -> None:
        longest, channels = float(self.max_len), self.size[len(self.axes) :]
        if self.isint:
            samples = torch.randint(1, max(2, math.ceil(longest)), channels, device="cpu").double()
        else:
            samples = longest * torch.rand(channels, dtype=torch.float64, device="cpu")
        times, map = self.sample2s(samples.clamp(min=1e-3)), self.time_map
        self._assign_times(map.inverse(times) if isinstance(map, Constraint) else times)

    @property
    def time_map(self) -> Map:
        """The map of the delays."""
        return self.map

    def s2sample(self, delay: torch.Tensor) -> torch.Tensor:
        """Units of time as samples."""
        return delay * self.fs / self.unit

    def sample2s(self, delay: torch.Tensor) -> torch.Tensor:
        """Samples as units of time."""
        return delay / self.fs * self.unit

    def get_delays(self) -> Map:
        """What turns a raw parameter into delays in samples, before they are rounded."""
        return lambda param: self.s2sample(self._times(self.values(param))).to(param.dtype)

    def _samples(self, value: torch.Tensor) -> torch.Tensor:
        """Delays in samples of a mapped parameter."""
        samples = self.s2sample(self._times(value))
        return samples.round() if self.isint else samples

    def _times(self, value: torch.Tensor) -> torch.Tensor:
        """Delays in units of time of a mapped parameter."""
        return value

    samples = Quantity("Delays in samples, rounded where ``isint``.")
    seconds = Quantity(
        "Delays in seconds.", of="samples", read=lambda self, m: m / self.fs, write=lambda self, t: t * self.fs
    )

    def physical_of(self, value: torch.Tensor) -> Values:
        return {"samples": self._samples(value)}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        return self.sample2s(within("samples", given["samples"], 0.0, math.inf))

    @computed
    def order(self) -> torch.Tensor:
        """Length in samples of the longest impulse response."""
        return self.physical()["samples"].max().long() + 1

    def _assign_times(self, raw: torch.Tensor) -> None:
        self.assign_value(raw.expand(self.size))

    def taps(self) -> torch.Tensor:
        """Impulse responses (L, N_out, N_in) of whole delays.

        Raises:
            ValueError: a delay is no whole number of samples; it has no finite impulse response.
        """
        samples = self.physical()["samples"]
        rounding = 4 * torch.finfo(self.param.dtype).eps * samples.clamp(min=1.0)
        if ((samples - samples.round()).abs() > rounding).any():
            raise ValueError(f"{type(self).__name__}: fractional delays have no finite impulse response, and no poles")
        samples = samples.round()
        samples = (torch.diag_embed(samples + 1) - 1 if self.diagonal else samples).long()  # -1: no path
        return (torch.arange(int(samples.max()) + 1, device=samples.device)[:, None, None] == samples).double()

    def state_space(self) -> StateSpace:
        return StateSpace.of_taps(self.taps())

    @property
    def degree(self) -> int:
        samples = self.physical()["samples"].ceil()
        return int((samples if self.diagonal else samples.amax(0)).sum())

    def is_stable(self) -> bool:
        """True: a delay always is."""
        return True

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        w, value = self.operands(w, param)
        return delay_at(w, self._samples(value))

    def on_grid(self, param: torch.Tensor) -> Response:
        samples, dtype = self._samples(self.values(param)), param.dtype.to_complex()
        return self.laid_out(delay_on_grid(self.grid, samples, self.channel_dims, dtype), param)


class parallelDelay(Delay):
    """One delay for each channel.

    As :class:`Delay`, with ``size`` (N,). Mind the order of ``unit`` and ``isint``.

    >>> parallelDelay((3,), max_len=100).output_channels
    3
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        max_len: int = 2000,
        unit: int = 100,
        isint: bool = False,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(size, max_len, isint, unit, nfft, fs, requires_grad, alias_decay_db, device, dtype)


def delay_on_grid(grid: FrequencyGrid, samples: torch.Tensor, channel_dims: int, dtype: torch.dtype) -> torch.Tensor:
    r""":math:`w_k^m = \gamma^m e^{-j 2\pi k m / \mathrm{nfft}}`, m ([B], *channels) → ([B], F, *channels).

    Warns of delays that the grid cannot tell from shorter ones.
    """
    _warn_of_wrapping(samples, grid.nfft)
    h = delay_bank(samples.flatten(), grid.nfft, grid.gamma, dtype)
    return h.reshape(-1, *samples.shape).movedim(0, -1 - channel_dims)


def _warn_of_wrapping(samples: torch.Tensor, nfft: int) -> None:
    try:
        longest = float(samples.detach().max())
    except RuntimeError:  # within torch.vmap no value is known
        return
    if longest >= nfft:
        message = f"a delay of {longest:g} samples is not shorter than nfft={nfft}: it wraps in time"
        warnings.warn(message, stacklevel=2)
