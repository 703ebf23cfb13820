"""A parametric equaliser that can be learned: every band moves freely within bounds."""

from __future__ import annotations

import operator
from typing import Any

import torch

from flamo.core import rbj
from flamo.core.checks import checked_size, choice, number, positive, whole
from flamo.core.constraints import Bound, Interval, LogInterval, Rows
from flamo.core.physical import Quantity, Values, within
from flamo.core.rbj import Sections
from flamo_filters.bands import band_sections, band_types
from flamo_filters.level_fit import LevelFit
from flamo_filters.sections import SectionFilter

MOST_BANDS = 1000  # whoever asks for more has mistyped; bounds are listed for each
BAND_TYPES = ("lowshelf", "peaking", "highshelf")


class ParametricEQ(SectionFilter):
    r"""Parametric equaliser whose bands move freely: frequency, gain and Q within bounds.

    Unless ``types`` says otherwise, the first band is a low shelf, the last a high shelf, the rest are peaks, all of
    them RBJ sections with true Q (:math:`\alpha = \sin\omega_0 / (2Q)`); a single band is a peak. ``param`` is
    (bands, 3, N_out, N_in); ``map`` makes of it frequency in Hz and Q on logarithmic axes, and gain in dB, each within
    its bounds. A bound may be a list of one value for every band; where both bounds are equal, the value is fixed.

    Args:
        size: (N_out, N_in).
        n_bands: number of bands.
        f_min, f_max: bounds of the frequencies in Hz.
        q_min, q_max: bounds of Q.
        gain_max: largest gain in dB.
        gain_min: lowest gain in dB; None is -gain_max.
        types: 'lowshelf', 'peaking' or 'highshelf' for every band.
        nfft: number of FFT points.
        fs: sampling frequency in Hz.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; coefficients are formed in float64 in either case.

    Raises:
        ValueError: no band, bounds out of order or not one for every band, f_max not below fs/2, another type, a size
            of another form.

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
        f_min: Bound = 20.0,
        f_max: Bound = 20000.0,
        q_min: Bound = 0.1,
        q_max: Bound = 10.0,
        gain_max: Bound = 20.0,
        nfft: int = 2048,
        fs: int = 48000,
        requires_grad: bool = True,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        gain_min: Bound | None = None,
        types: tuple[str, ...] | None = None,
    ) -> None:
        self.n_bands, self.fs = whole("n_bands", n_bands), positive("fs", fs)
        if self.n_bands > MOST_BANDS:
            raise ValueError(f"n_bands must be at most {MOST_BANDS}, got {self.n_bands}")
        self.types = _checked_types(types, self.n_bands)
        bounds = {"f_min": f_min, "f_max": f_max, "q_min": q_min, "q_max": q_max, "gain_max": gain_max}
        checked = {name: self._bound(name, value) for name, value in bounds.items()}
        low = tuple(-g for g in checked["gain_max"]) if gain_min is None else self._bound("gain_min", gain_min)
        self.f_min, self.f_max, self.q_min, self.q_max, self.gain_max = checked.values()
        self.gain_min = low
        self._check_order()
        rows = (
            LogInterval(self.f_min, self.f_max, -3),
            LogInterval(self.q_min, self.q_max, -3),
            Interval(self.gain_min, self.gain_max, -3),
        )
        shape = (self.n_bands, 3, *checked_size(size))
        super().__init__(shape, nfft, Rows(rows, self.section_dim), requires_grad, alias_decay_db, device, dtype)

    def _bound(self, name: str, value: Bound) -> tuple[float, ...]:
        """One bound for every band."""
        listed = tuple(number(name, v) for v in value) if isinstance(value, (list, tuple)) else (number(name, value),)
        listed = listed * self.n_bands if len(listed) == 1 else listed
        if len(listed) != self.n_bands:
            raise ValueError(f"{name} must be one number, or one for each of {self.n_bands} bands, got {len(listed)}")
        return listed

    def _check_order(self) -> None:
        ordered = all(map(operator.le, self.f_min, self.f_max)) and all(map(operator.le, self.q_min, self.q_max))
        if not ordered or min(self.f_min) <= 0 or min(self.q_min) <= 0 or max(self.f_max) >= self.fs / 2:
            raise ValueError(
                "need 0 < f_min ≤ f_max < fs/2 and 0 < q_min ≤ q_max, got "
                + ", ".join(f"{n}={_short(getattr(self, n))}" for n in ("f_min", "f_max", "q_min", "q_max"))
                + f", fs={self.fs:g}"
            )
        if not all(map(operator.le, self.gain_min, self.gain_max)):
            gains = f"gain_min={_short(self.gain_min)}, gain_max={_short(self.gain_max)}"
            raise ValueError(f"need gain_min ≤ gain_max, got {gains}")

    def init_param(self) -> None:
        self.check_param_shape()
        share = (torch.arange(self.n_bands, dtype=torch.float64) + 0.5) / self.n_bands
        low, high = (torch.tensor(bound, dtype=torch.float64) for bound in (self.f_min, self.f_max))
        gain = torch.tensor([min(max(0.0, lo), hi) for lo, hi in zip(self.gain_min, self.gain_max, strict=True)])
        self.param.data.zero_()
        self.set(frequency=low * (high / low) ** share, gain_db=gain)

    frequency = Quantity("Frequencies in Hz, (bands, *channels).")
    q = Quantity("Quality factors, (bands, *channels).")
    gain_db = Quantity("Gains in dB, (bands, *channels).")

    def physical_of(self, value: torch.Tensor) -> Values:
        return dict(zip(("frequency", "q", "gain_db"), value.unbind(self.section_dim), strict=True))

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        ranges = {
            "frequency": (self.f_min, self.f_max, "Hz"),
            "q": (self.q_min, self.q_max, ""),
            "gain_db": (self.gain_min, self.gain_max, "dB"),
        }
        checked = {name: within(name, v, *map(_column, ranges[name][:2]), ranges[name][2]) for name, v in given.items()}
        return torch.stack([checked.get(name, row) for name, row in self.physical_of(value).items()], self.section_dim)

    def sections(self, value: torch.Tensor) -> Sections:
        return band_sections(self.band, value.unbind(self.section_dim), self.section_dim, self.types)

    def band(self, frequency: torch.Tensor, q: torch.Tensor, gain_db: torch.Tensor, type: str) -> Sections:
        """Sections of one type from values of any one shape."""
        omega = 2 * torch.pi * frequency / self.fs
        return rbj.section(omega, torch.sin(omega) / (2 * q), 10 ** (gain_db / 40), type)

    def level_fit(self, *args: Any, **kwargs: Any) -> LevelFit:
        """The least-squares problem of curves in dB; arguments as :class:`~flamo_filters.level_fit.LevelFit`."""
        return LevelFit(self, *args, **kwargs)


def _checked_types(types: tuple[str, ...] | None, n_bands: int) -> tuple[str, ...]:
    if types is None:
        return band_types(n_bands)
    if len(types) != n_bands:
        raise ValueError(f"types must name each of {n_bands} bands, got {len(types)}")
    return tuple(choice("types", type, BAND_TYPES) for type in types)


def _column(bound: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(bound, dtype=torch.float64)[:, None, None]


def _short(bound: tuple[float, ...]) -> str:
    """One number where all are the same."""
    return f"{bound[0]:g}" if len(set(bound)) == 1 else str([float(f"{v:g}") for v in bound])
