"""Lowpass, highpass and bandpass cascades."""

from __future__ import annotations

import torch
from torch import nn

from flamo.core.checks import checked_size, choice, positive, whole
from flamo.core.constraints import Chain, Clamp, Constraint, Decibels, Rows
from flamo.core.physical import Quantity, Values, within
from flamo.core.rbj import Sections
from flamo_filters.arguments import EDGE
from flamo_filters.pass_filters import bandpass_filter, highpass_filter, lowpass_filter
from flamo_filters.sections import SectionFilter

_DESIGNS = {"lowpass": lowpass_filter, "highpass": highpass_filter, "bandpass": bandpass_filter}
_GAIN_RANGE = (-60.0, 60.0)
_GAIN = Chain((Decibels(), Clamp(*_GAIN_RANGE)))


class Biquad(SectionFilter):
    r"""Cascaded RBJ lowpass, highpass and bandpass sections.

    ``param`` is (K, P, N_out, N_in): a cutoff as a fraction of fs/2 and a linear gain (P = 2), or two cutoffs and a
    gain for a bandpass (P = 3). ``map`` clamps cutoffs to [0, 1] and turns gains into dB within ±60. Low- and highpass
    have Butterworth damping, :math:`\alpha = \sin\omega/\sqrt 2`.

    Args:
        size: (N_out, N_in).
        n_sections: number of sections K.
        filter_type: 'lowpass', 'highpass' or 'bandpass'.
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; coefficients are formed in float64 in either case.

    Raises:
        ValueError: an unknown filter_type, n_sections below 1, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: cutoff uniform in [0, 0.5), a bandpass's second one
    uniform between the largest first one and 1, gain uniform in (-1, 1). Source: W3C Audio EQ Cookbook.

    >>> lowpass = Biquad((1, 1), fs=48000)
    >>> lowpass.set(frequency=1000.0, gain_db=0.0)
    >>> round(lowpass.probe(1.0 + 0.0j).real.item(), 6)
    1.0
    >>> lowpass.set(frequency=50000.0)
    Traceback (most recent call last):
    ...
    ValueError: frequency must be within 0 to 24000 Hz, got 50000
    """

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        n_sections: int = 1,
        filter_type: str = "lowpass",
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.n_sections, self.fs = whole("n_sections", n_sections), positive("fs", fs)
        self.filter_type = choice("filter_type", filter_type, _DESIGNS)
        super().__init__(
            (self.n_sections, *self.get_size(), *checked_size(size)),
            nfft=nfft,
            requires_grad=requires_grad,
            alias_decay_db=alias_decay_db,
            device=device,
            dtype=dtype,
        )

    def get_size(self) -> tuple[int]:
        """Number of parameters of a section."""
        return (3,) if self.filter_type == "bandpass" else (2,)

    def get_map(self) -> None:
        eps = torch.finfo(self.param.dtype).eps
        cutoff: tuple[Constraint, ...] = (Clamp(0.0, 1.0),)
        if self.filter_type == "bandpass":
            cutoff = (Clamp(eps, 1.0 - eps),) * 2
        self.map = Rows((*cutoff, _GAIN), dim=self.section_dim)

    def init_param(self) -> None:
        cutoff, gain = self.param.data[:, :-1], self.param.data[:, -1]
        nn.init.uniform_(cutoff[:, 0], 0.0, 0.5)
        if self.filter_type == "bandpass":
            nn.init.uniform_(cutoff[:, 1], cutoff[:, 0].max().item(), 1.0)
        nn.init.uniform_(gain, -1.0, 1.0)

    frequency = Quantity("Cutoff frequencies in Hz of a low- or highpass, (K, *channels).")
    frequency_low = Quantity("Lower cutoff frequencies in Hz of a bandpass, (K, *channels).")
    frequency_high = Quantity("Upper cutoff frequencies in Hz of a bandpass, (K, *channels).")
    gain_db = Quantity("Gains in dB, (K, *channels).")

    def physical_of(self, value: torch.Tensor) -> Values:
        *cutoffs, gain_db = value.unbind(self.section_dim)
        return {**dict(zip(self._cutoffs, self._hertz(cutoffs), strict=True)), "gain_db": gain_db}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        *fractions, gain_db = value.unbind(self.section_dim)
        nyquist, eps = self.fs / 2, torch.finfo(self.param.dtype).eps if self.filter_type == "bandpass" else 0.0
        for i, name in enumerate(self._cutoffs):
            if name in given:
                fractions[i] = (within(name, given[name], 0.0, nyquist, "Hz") / nyquist).clamp(eps, 1.0 - eps)
        if "frequency_high" in given:
            within("frequency_high", given["frequency_high"], nyquist * fractions[0], nyquist, "Hz")
        elif "frequency_low" in given:
            within("frequency_low", given["frequency_low"], 0.0, nyquist * fractions[1], "Hz")
        if "gain_db" in given:
            gain_db = within("gain_db", given["gain_db"], *_GAIN_RANGE, "dB")
        return torch.stack((*fractions, gain_db), self.section_dim)

    @property
    def _cutoffs(self) -> tuple[str, ...]:
        return ("frequency_low", "frequency_high") if self.filter_type == "bandpass" else ("frequency",)

    def _hertz(self, fractions: list[torch.Tensor]) -> list[torch.Tensor]:
        return [fraction.clamp(EDGE, 1 - EDGE) * (self.fs / 2) for fraction in fractions]

    def sections(self, value: torch.Tensor) -> Sections:
        *cutoffs, gain_db = value.unbind(self.section_dim)
        return _DESIGNS[self.filter_type](*self._hertz(cutoffs), gain=gain_db, fs=self.fs, dtype=value.dtype)


class parallelBiquad(Biquad):
    """Cascaded RBJ lowpass, highpass and bandpass sections, one cascade for each channel.

    As :class:`Biquad`, with ``size`` (N,) and ``param`` (K, P, N).

    >>> parallelBiquad((3,), n_sections=2).param.shape
    torch.Size([2, 2, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        n_sections: int = 1,
        filter_type: str = "lowpass",
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
