"""A parametric equaliser that can be learned: every band moves freely within bounds."""

from __future__ import annotations

import torch

from flamo.core import rbj
from flamo.core.checks import checked_size, positive, whole
from flamo.core.constraints import Interval, LogInterval, Rows
from flamo.core.physical import Quantity, Values, within
from flamo.core.rbj import Sections
from flamo_filters.bands import band_sections, band_types
from flamo_filters.sections import SectionFilter


class ParametricEQ(SectionFilter):
    r"""Parametric equaliser whose bands move freely: frequency, gain and Q within bounds.

    The first band is a low shelf, the last a high shelf, the rest are peaks, all of them RBJ sections with true Q
    (:math:`\alpha = \sin\omega_0 / (2Q)`); a single band is a peak. ``param`` is (bands, 3, N_out, N_in); ``map`` makes
    of it frequency in Hz and Q on logarithmic axes, and gain in dB, each strictly within its bounds.

    Args:
        size: (N_out, N_in).
        n_bands: number of bands.
        f_min, f_max: bounds of the frequencies in Hz.
        q_min, q_max: bounds of Q.
        gain_max: largest gain, and cut, in dB.
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; coefficients are formed in float64 in either case.

    Raises:
        ValueError: no band, bounds out of order, f_max not below fs/2, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: frequencies evenly spread on a logarithmic axis,
    gains 0 dB, Q in the middle of its logarithmic range. Source: W3C Audio EQ Cookbook.

    >>> eq = ParametricEQ(n_bands=1, fs=48000, dtype=torch.float64)
    >>> eq.set(frequency=1000.0, gain_db=6.0, q=2.0)
    >>> w = torch.exp(-2j * torch.pi * torch.tensor([1000.0], dtype=torch.float64) / 48000)
    >>> round(20 * eq.transfer(w).abs().log10().item(), 6)
    6.0
    """

    count = "n_bands"

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        n_bands: int = 10,
        f_min: float = 20.0,
        f_max: float = 20000.0,
        q_min: float = 0.1,
        q_max: float = 10.0,
        gain_max: float = 20.0,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = True,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.n_bands, self.fs, self.gain_max = whole("n_bands", n_bands), positive("fs", fs), gain_max
        self.f_min, self.f_max, self.q_min, self.q_max = f_min, f_max, q_min, q_max
        for name in ("f_min", "f_max", "q_min", "q_max", "gain_max"):
            positive(name, getattr(self, name))
        if f_min >= f_max or f_max >= fs / 2 or q_min >= q_max:
            raise ValueError(
                f"need f_min < f_max < fs/2 and q_min < q_max, got {f_min=}, {f_max=}, {fs=}, {q_min=}, {q_max=}"
            )
        bounds = (LogInterval(f_min, f_max), LogInterval(q_min, q_max), Interval(-gain_max, gain_max))
        rows = Rows(bounds, dim=self.section_dim)
        super().__init__(
            (self.n_bands, 3, *checked_size(size)), nfft, rows, requires_grad, alias_decay_db, device, dtype
        )

    def init_param(self) -> None:
        self.check_param_shape()
        share = (torch.arange(self.n_bands, dtype=torch.float64) + 0.5) / self.n_bands
        frequency = self.f_min * (self.f_max / self.f_min) ** share
        self.param.data.zero_()
        self.set(frequency=frequency)

    @property
    def types(self) -> tuple[str, ...]:
        """The type of every band: 'lowshelf', 'peaking' or 'highshelf'."""
        return band_types(self.n_bands)

    frequency = Quantity("Frequencies in Hz, (bands, *channels).")
    q = Quantity("Quality factors, (bands, *channels).")
    gain_db = Quantity("Gains in dB, (bands, *channels).")

    def physical_of(self, value: torch.Tensor) -> Values:
        return dict(zip(("frequency", "q", "gain_db"), value.unbind(self.section_dim), strict=True))

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        ranges = {
            "frequency": (self.f_min, self.f_max, "Hz"),
            "q": (self.q_min, self.q_max),
            "gain_db": (-self.gain_max, self.gain_max, "dB"),
        }
        checked = {name: within(name, v, *ranges[name]) for name, v in given.items()}  # type: ignore[arg-type]
        return torch.stack([checked.get(name, row) for name, row in self.physical_of(value).items()], self.section_dim)

    def sections(self, value: torch.Tensor) -> Sections:
        frequency, q, gain_db = value.unbind(self.section_dim)
        omega, amplitude = 2 * torch.pi * frequency / self.fs, 10 ** (gain_db / 40)
        alpha = torch.sin(omega) / (2 * q)
        return band_sections(rbj.section, (omega, alpha, amplitude), self.section_dim)
