"""The classic parametric equaliser: bands tied to a row of frequencies."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from flamo.core import rbj
from flamo.core.checks import checked_size, choice, positive, whole
from flamo.core.constraints import Identity
from flamo.core.physical import Quantity, Values, within
from flamo.core.rbj import Sections
from flamo_filters.arguments import EDGE
from flamo_filters.bands import band_sections
from flamo_filters.sections import SectionFilter
from flamo_filters.state_variable import state_variable

_DESIGNS = ("biquad", "svf")


class PEQ(SectionFilter):
    r"""Parametric equaliser around fixed band frequencies, as in FLAMO.

    ``param`` is (bands, 3, N_out, N_in): frequency, R, gain in dB. The first band is a low shelf, the last a high
    shelf, the rest are peaks. Band k starts from :math:`\beta_k`, log-spaced from f_min to f_max, and with raw
    parameters p0, R, G:

    - design 'biquad': :math:`\omega = \mathrm{clamp}(\sigma(p_0) + 2\pi\beta/f_s)` between f_min and f_max,
      :math:`\alpha = \sin\omega/(2R)` for peaks; R is the slope S of the cookbook's shelves.
    - design 'svf': :math:`f = \tan(\tfrac{\pi}{2}\sigma(p_0 + \mathrm{logit}(2\beta/f_s)))`, R is the damping.

    Since :math:`\sigma(p_0)` is positive, a band of the design 'biquad' cannot move below its starting frequency:
    :class:`~flamo_filters.parametric_eq.ParametricEQ` has no such limit.

    Args:
        size: (N_out, N_in).
        n_bands: number of bands, at least 2.
        f_min, f_max: lowest and highest band frequency in Hz; f_max must be below fs/2 for the design 'svf'.
        design: 'biquad' or 'svf'.
        fs: sampling frequency in Hz.
        nfft: number of FFT points.
        map: applied to ``param`` first.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; coefficients are formed in float64 in either case.

    Raises:
        ValueError: an unknown design, fewer than 2 bands, frequencies out of order or too high, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: uniform in [0, 1). Source: arXiv 2409.08723.

    >>> peq = PEQ((1, 1), n_bands=3)
    >>> peq.assign_value(torch.tensor([0.0, 0.7, 0.0]).reshape(1, 3, 1, 1).expand(3, 3, 1, 1))
    >>> round(peq.probe(1.0 + 0.0j).abs().item(), 6)     # 0 dB in every band
    1.0
    """

    count = "n_bands"

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        n_bands: int = 10,
        f_min: float = 20,
        f_max: float = 20000,
        design: str = "biquad",
        fs: int = 48000,
        nfft: int = 2048,
        map: Callable[[torch.Tensor], torch.Tensor] = Identity(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.n_bands, self.design = whole("n_bands", n_bands, least=2), choice("design", design, _DESIGNS)
        self.f_min, self.f_max, self.fs = positive("f_min", f_min), positive("f_max", f_max), positive("fs", fs)
        if f_min >= f_max or (design == "svf" and f_max >= fs / 2):
            raise ValueError(f"need f_min < f_max (design 'svf': < fs/2), got {f_min=}, {f_max=}, {fs=}")
        super().__init__(
            (self.n_bands, 3, *checked_size(size)), nfft, map, requires_grad, alias_decay_db, device, dtype
        )

    def init_param(self) -> None:
        nn.init.uniform_(self.param)

    @property
    def center_freq_bias(self) -> torch.Tensor:
        """Starting frequencies of the bands in Hz."""
        low, high = math.log10(self.f_min), math.log10(self.f_max)
        return torch.logspace(low, high, self.n_bands, dtype=torch.float64, device=self.param.device)

    frequency = Quantity("Frequencies of the bands in Hz, (bands, *channels).")
    q = Quantity("Quality factors of the bands, (bands, *channels); for 'svf' those of the poles.")
    gain_db = Quantity("Gains of the bands in dB, (bands, *channels): at the centre of peaks, at the end of shelves.")

    def physical_of(self, value: torch.Tensor) -> Values:
        f, R, gain_db = self.map_eq(value)
        hertz = self.fs / (2 * math.pi)
        if self.design == "svf":  # its peaks have half the gain in dB that its shelves have
            level_db = self._shelves(gain_db, gain_db / 2)
            return {"frequency": 2 * torch.atan(f) * hertz, "q": 1 / (2 * R), "gain_db": level_db}
        return {"frequency": f * hertz, "q": self._shelves(_shelf_q(R, gain_db), R), "gain_db": gain_db}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        raw, R, gain_db = value.unbind(self.section_dim)
        svf = self.design == "svf"
        if "frequency" in given:
            raw = self._raw_frequency(given["frequency"])
        now = self.physical_of(value)
        q = within("q", given["q"], 1e-6, math.inf) if "q" in given else now["q"]
        if "gain_db" in given:
            gain_db = self._shelves(given["gain_db"], 2 * given["gain_db"]) if svf else given["gain_db"]
        if "q" in given:
            R = 1 / (2 * q) if svf else self._shelves(_shelf_slope(q, gain_db), q)
        elif "gain_db" in given and not svf:  # the Q of a shelf stays as its gain moves
            R = self._shelves(_shelf_slope(q, gain_db), R)
        return torch.stack((raw, R, gain_db), self.section_dim)

    def _raw_frequency(self, frequency: torch.Tensor) -> torch.Tensor:
        bias = self.center_freq_bias.reshape(-1, *(1,) * self.channel_dims)
        if self.design == "svf":
            share = within("frequency", frequency, 0.0, self.fs / 2, "Hz") / (self.fs / 2)
            return torch.logit(share.clamp(EDGE, 1 - EDGE)) - torch.logit(2 * bias / self.fs)
        per_hertz = 2 * math.pi / self.fs
        highest = (bias + 1 / per_hertz).clamp(max=self.f_max)
        shift = per_hertz * (within("frequency", frequency, bias, highest, "Hz") - bias)
        return torch.logit(shift, eps=torch.finfo(shift.dtype).eps)

    def _shelves(self, shelves: torch.Tensor, peaks: torch.Tensor) -> torch.Tensor:
        """Values of all bands, from those for shelves and those for peaks."""
        result = peaks.clone()
        result[[0, -1]] = shelves[[0, -1]]
        return result

    def map_eq(self, param: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Frequency (radians per sample, or tan(ω/2) for 'svf'), R and gain in dB of a mapped parameter."""
        raw, R, gain_db = param.unbind(self.section_dim)
        bias = self.center_freq_bias.reshape(-1, *(1,) * self.channel_dims)
        if self.design == "svf":
            return torch.tan(math.pi / 2 * torch.sigmoid(raw + torch.logit(2 * bias / self.fs))), R, gain_db
        per_hertz = 2 * math.pi / self.fs
        omega = torch.sigmoid(raw) + per_hertz * bias
        return omega.clamp(per_hertz * self.f_min, per_hertz * self.f_max), R, gain_db

    def compute_biquad_coeff(
        self, f: torch.Tensor, R: torch.Tensor, G: torch.Tensor, type: str = "peaking"
    ) -> Sections:
        """Sections (b, a) of one type ('peaking', 'lowshelf', 'highshelf') from what :meth:`map_eq` returns."""
        design = _svf_section if self.design == "svf" else _biquad_section
        return design(f, R, G, type)

    def sections(self, value: torch.Tensor) -> Sections:
        return band_sections(self.compute_biquad_coeff, self.map_eq(value), self.section_dim)


class parallelPEQ(PEQ):
    """Parametric equaliser around fixed band frequencies, one for each channel.

    As :class:`PEQ`, with ``size`` (N,) and ``param`` (bands, 3, N). Mind the order of ``nfft`` and ``fs``.

    >>> parallelPEQ((3,), n_bands=5).param.shape
    torch.Size([5, 3, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        n_bands: int = 10,
        f_min: float = 20,
        f_max: float = 20000,
        design: str = "biquad",
        nfft: int = 2048,
        fs: int = 48000,
        map: Callable[[torch.Tensor], torch.Tensor] = Identity(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(
            size, n_bands, f_min, f_max, design, fs, nfft, map, requires_grad, alias_decay_db, device, dtype
        )


def _steepness(R: torch.Tensor, amplitude: torch.Tensor) -> torch.Tensor:
    """Where the formula has no real section, the steepest one that it has."""
    return ((amplitude**2 + 1) * (1 / R - 1) + 2 * amplitude).clamp(min=1e-12)


def _shelf_q(R: torch.Tensor, gain_db: torch.Tensor) -> torch.Tensor:
    """Q of a shelf of slope R: the steepness is A/Q²."""
    amplitude = 10 ** (gain_db / 40)
    return torch.sqrt(amplitude / _steepness(R, amplitude))


def _shelf_slope(q: torch.Tensor, gain_db: torch.Tensor) -> torch.Tensor:
    """Inverse of :func:`_shelf_q`."""
    amplitude = 10 ** (gain_db / 40)
    return (amplitude**2 + 1) / ((amplitude - 1) ** 2 + amplitude / q**2)


def _biquad_section(omega: torch.Tensor, R: torch.Tensor, gain_db: torch.Tensor, type: str) -> Sections:
    amplitude = 10 ** (gain_db / 40)
    if type == "peaking":
        return rbj.peaking(omega, torch.sin(omega) / (2 * R), amplitude)
    shelf = {"lowshelf": rbj.lowshelf, "highshelf": rbj.highshelf}[type]
    return shelf(omega, torch.sin(omega) * torch.sqrt(_steepness(R, amplitude)), amplitude)


def _svf_section(f: torch.Tensor, R: torch.Tensor, gain_db: torch.Tensor, type: str) -> Sections:
    gain, one = 10 ** (gain_db / 20), torch.ones_like(R)
    low, high = {"peaking": (one, one), "lowshelf": (gain, one), "highshelf": (one, gain)}[type]
    return state_variable(f, R, low, 2 * R * torch.sqrt(gain), high)
