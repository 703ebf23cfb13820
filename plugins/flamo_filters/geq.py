"""Graphic equalisers."""

from __future__ import annotations

from collections.abc import Callable

import torch

from flamo.core.checks import checked_size, positive, whole
from flamo.core.constraints import Decibels
from flamo_filters.bands import bands_below
from flamo_filters.graphic_eq import GraphicEQ


class GEQ(GraphicEQ):
    r"""Graphic equaliser of octave or third-octave bands, by command gains.

    ``param`` is (bands + 3, N_out, N_in): linear gains of the whole, of a low shelf, of a peak in every band and of a
    high shelf; ``map`` makes decibels of them. Neighbouring bands add up;
    :class:`~flamo_filters.accurate_geq.AccurateGEQ` takes target gains instead.

    Args:
        size: (N_out, N_in).
        octave_interval: bands an octave: 1 or 3, say.
        nfft: number of FFT points.
        fs: sampling frequency in Hz; the last band must not be above fs/2.
        map: what turns ``param`` into dB.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; coefficients are formed in float64 in either case.

    Raises:
        ValueError: octave_interval below 1, fs too low, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: uniform between ±6 dB. Source: Prawda et al., DAFx 2019.

    >>> geq = GEQ((1, 1))
    >>> geq.set(gain_db=0.0)
    >>> round(geq.probe(1.0 + 0.0j).real.item(), 6)
    1.0
    """

    axes = ("bands + 3",)

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        octave_interval: int = 1,
        nfft: int = 2048,
        fs: int = 48000,
        map: Callable[[torch.Tensor], torch.Tensor] = Decibels(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.octave_interval, self.fs = whole("octave_interval", octave_interval), positive("fs", fs)
        self.center_freq, self.shelving_crossover = bands_below(fs, octave_interval)
        self.n_gains = len(self.center_freq) + 3
        super().__init__((self.n_gains, *checked_size(size)), nfft, map, requires_grad, alias_decay_db, device, dtype)


class parallelGEQ(GEQ):
    """Graphic equaliser of octave or third-octave bands, one for each channel.

    As :class:`GEQ`, with ``size`` (N,) and ``param`` (bands + 3, N).

    >>> parallelGEQ((3,)).param.shape
    torch.Size([12, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        octave_interval: int = 1,
        nfft: int = 2048,
        fs: int = 48000,
        map: Callable[[torch.Tensor], torch.Tensor] = Decibels(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(size, octave_interval, nfft, fs, map, requires_grad, alias_decay_db, device, dtype)
