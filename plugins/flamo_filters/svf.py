"""State-variable filters: one structure, three mixing values."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from flamo_filters.rbj import Sections
from flamo_filters.sections import SectionFilter

_TYPES = ("lowpass", "highpass", "bandpass", "lowshelf", "highshelf", "peaking", "notch")


def state_variable(
    f: torch.Tensor, R: torch.Tensor, mLP: torch.Tensor, mBP: torch.Tensor, mHP: torch.Tensor
) -> Sections:
    r"""The sections of a state-variable filter, by the bilinear transform.

    .. math::
        b = (f^2 m_{LP} + f m_{BP} + m_{HP},\; 2 f^2 m_{LP} - 2 m_{HP},\; f^2 m_{LP} - f m_{BP} + m_{HP}), \quad
        a = (f^2 + 2Rf + 1,\; 2f^2 - 2,\; f^2 - 2Rf + 1)

    Args:
        f: :math:`\tan(\omega/2)`.
        R: damping, 1/(2Q).
        mLP, mBP, mHP: how much of the lowpass, bandpass and highpass output makes the result.

    Returns:
        b, a: each (3, …); all arguments broadcast.

    Source: V. Välimäki and J. D. Reiss, All about audio equalization, Applied Sciences 6(5), 2016; arXiv 2409.08723.
    """
    low, band, high = f * f * mLP, f * mBP, mHP
    b = torch.broadcast_tensors(low + band + high, 2 * (low - high), low - band + high)
    a = torch.broadcast_tensors(f * f + 2 * R * f + 1, 2 * f * f - 2, f * f - 2 * R * f + 1)
    return torch.stack(b), torch.stack(a)


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
        if filter_type not in (None, *_TYPES):
            raise ValueError(f"filter_type must be None or one of {', '.join(_TYPES)}, got {filter_type!r}")
        self.n_sections, self.filter_type, self.fs = n_sections, filter_type, fs
        super().__init__(
            (5, n_sections, *size),
            nfft=nfft,
            requires_grad=requires_grad,
            alias_decay_db=alias_decay_db,
            device=device,
            dtype=dtype,
        )

    def param2freq(self, param: torch.Tensor) -> torch.Tensor:
        """f = tan(ω/2) of the raw p0."""
        return torch.tan(math.pi / 2 * torch.sigmoid(param))

    def param2R(self, param: torch.Tensor) -> torch.Tensor:
        """R of the raw p1."""
        return F.softplus(param) / math.log(2)

    def param2mix(self, param: torch.Tensor, R: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """mLP, mBP and mHP of the raw (p2, p3, p4), stacked in the first dimension."""
        one, zero = torch.ones_like(param[0]), torch.zeros_like(param[0])
        simple = {"lowpass": (one, zero, zero), "highpass": (zero, zero, one), "bandpass": (zero, one, zero)}
        if self.filter_type is None:
            return param[0] + 1, param[1] + 2, param[2] + 1
        if self.filter_type in simple:
            return simple[self.filter_type]
        gain = 10 ** -F.softplus(param[0])
        band = 2 * (one if R is None else R) * torch.sqrt(gain)
        low, high = {"lowshelf": (one, gain), "highshelf": (gain, one)}.get(self.filter_type, (one, one))
        return low, band, high

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
