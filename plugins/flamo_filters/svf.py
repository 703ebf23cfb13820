"""State-variable filters: one structure, three mixing values."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from flamo.core.checks import checked_size, choice, positive, whole
from flamo.core.constraints import Softplus
from flamo.core.physical import Quantity, Values, within
from flamo.core.rbj import Sections
from flamo_filters.arguments import EDGE
from flamo_filters.sections import SectionFilter
from flamo_filters.state_variable import TYPES, mixing_values, state_variable

_GAIN_OF_END = {"lowshelf": 20.0, "highshelf": 20.0, "peaking": 10.0, "notch": 10.0}  # dB for each unit of -log10 G


class SVF(SectionFilter):
    r"""Cascaded state-variable sections, general or of one type.

    ``param`` is (5, K, N_out, N_in), raw values p0 … p4 of every section:
    :math:`f = \tan(\tfrac{\pi}{2}\sigma(p_0))`, :math:`R = \mathrm{softplus}(p_1)/\ln 2`, and with
    :math:`G = 10^{-\mathrm{softplus}(p_2)}` the mixing values :math:`(m_{LP}, m_{BP}, m_{HP})` are

    - None: :math:`(p_2 + 1, p_3 + 2, p_4 + 1)`;
    - 'lowpass': (1, 0, 0), 'highpass': (0, 0, 1), 'bandpass': (0, 1, 0);
    - 'lowshelf': :math:`(1, 2R\sqrt G, G)`, 'highshelf': :math:`(G, 2R\sqrt G, 1)`;
    - 'peaking', 'notch': :math:`(1, 2R\sqrt G, 1)`. A peak has 1/R for R in its denominator.

    Args:
        size: (N_out, N_in).
        n_sections: number of sections K.
        filter_type: None, 'lowpass', 'highpass', 'bandpass', 'lowshelf', 'highshelf', 'peaking' or 'notch'.
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; coefficients are formed in float64 in either case.

    Raises:
        ValueError: an unknown filter_type, n_sections below 1, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: standard normal. Source: arXiv 2409.08723.

    >>> svf = SVF((1, 1), filter_type="lowpass")
    >>> round(svf.probe(1.0 + 0.0j).real.item(), 6)
    1.0
    """

    axes = ("parameters", "sections")

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        n_sections: int = 1,
        filter_type: str | None = None,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.n_sections, self.fs = whole("n_sections", n_sections), positive("fs", fs)
        self.filter_type = choice("filter_type", filter_type, (None, *TYPES))
        super().__init__(
            (5, self.n_sections, *checked_size(size)),
            nfft=nfft,
            requires_grad=requires_grad,
            alias_decay_db=alias_decay_db,
            device=device,
            dtype=dtype,
        )

    frequency = Quantity("Frequencies in Hz, (K, *channels).")
    q = Quantity("Quality factors of the poles, (K, *channels).")
    gain_db = Quantity(
        "Gains in dB, (K, *channels): of a low shelf's upper end, a high shelf's lower end, a peak's or notch's centre."
    )
    mLP = Quantity("Mixing values of the lowpass, (K, *channels), where no filter_type fixes them.")
    mBP = Quantity("Mixing values of the bandpass, (K, *channels), where no filter_type fixes them.")
    mHP = Quantity("Mixing values of the highpass, (K, *channels), where no filter_type fixes them.")

    def physical_of(self, value: torch.Tensor) -> Values:
        p = value.movedim(-2 - self.channel_dims, 0)
        R = self.param2R(p[1])
        q = R / 2 if self.filter_type == "peaking" else 1 / (2 * R)
        physical = {"frequency": self.fs / 2 * torch.sigmoid(p[0]), "q": q}
        if self.filter_type is None:
            return physical | dict(zip(("mLP", "mBP", "mHP"), self.param2mix(p[2:]), strict=True))
        if self.filter_type not in _GAIN_OF_END:
            return physical
        return physical | {"gain_db": self._highest(q) - _GAIN_OF_END[self.filter_type] * F.softplus(p[2])}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        p = value.movedim(-2 - self.channel_dims, 0).clone()
        if "frequency" in given:
            share = within("frequency", given["frequency"], 0.0, self.fs / 2, "Hz") / (self.fs / 2)
            p[0] = torch.logit(share.clamp(EDGE, 1 - EDGE))
        if "q" in given:
            q = within("q", given["q"], 1e-6, math.inf)
            p[1] = Softplus().inverse(math.log(2) * (2 * q if self.filter_type == "peaking" else 1 / (2 * q)))
        for row, (name, offset) in enumerate({"mLP": 1, "mBP": 2, "mHP": 1}.items(), start=2):
            if name in given:
                p[row] = given[name] - offset
        if "gain_db" in given or ("q" in given and self.filter_type == "peaking"):
            p[2] = self._raw_gain(value, given)
        return p.movedim(0, -2 - self.channel_dims)

    def _raw_gain(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        """p2 of a given gain, or of the one that there is where the Q of a peak changes, as far as that leaves it."""
        now = self.physical_of(value)
        highest = self._highest(given.get("q", now["q"]))
        gain_db = now["gain_db"].minimum(highest)
        if "gain_db" in given:
            gain_db = within("gain_db", given["gain_db"], -math.inf, highest, "dB")
        return Softplus().inverse((highest - gain_db) / _GAIN_OF_END[str(self.filter_type)])

    def _highest(self, q: torch.Tensor) -> torch.Tensor:
        """The gain in dB that a section has for G = 1: a peak of the classic form grows with its Q."""
        return 40 * torch.log10(2 * q) if self.filter_type == "peaking" else torch.zeros_like(q)

    def param2freq(self, param: torch.Tensor) -> torch.Tensor:
        """f = tan(ω/2) of the raw p0."""
        return torch.tan(math.pi / 2 * torch.sigmoid(param))

    def param2R(self, param: torch.Tensor) -> torch.Tensor:
        """R of the raw p1."""
        return F.softplus(param) / math.log(2)

    def param2mix(self, param: torch.Tensor, R: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """mLP, mBP and mHP of the raw (p2, p3, p4), stacked in the first dimension."""
        if self.filter_type is None:
            return param[0] + 1, param[1] + 2, param[2] + 1
        R = torch.ones_like(param[0]) if R is None else R
        return mixing_values(self.filter_type, R, 10 ** -F.softplus(param[0]))

    def map_param2svf(self, param: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """f, R, mLP, mBP and mHP of a raw parameter."""
        p = param.movedim(-2 - self.channel_dims, 0)
        f, R = self.param2freq(p[0]), self.param2R(p[1])
        return f, R, *self.param2mix(p[2:], R)

    def sections(self, value: torch.Tensor) -> Sections:
        f, R, low, band, high = self.map_param2svf(value)
        return state_variable(f, 1 / R if self.filter_type == "peaking" else R, low, band, high)


class parallelSVF(SVF):
    """Cascaded state-variable sections, one cascade for each channel.

    As :class:`SVF`, with ``size`` (N,) and ``param`` (5, K, N).

    >>> parallelSVF((3,), n_sections=2).param.shape
    torch.Size([5, 2, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        n_sections: int = 1,
        filter_type: str | None = None,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(
            size, n_sections, filter_type, nfft, fs, requires_grad, alias_decay_db, device=device, dtype=dtype
        )
