"""Graphic equalisers that reach their targets: command gains by least squares, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from flamo.core.constraints import Decibels
from flamo.kernels.sections import cascade
from flamo_filters.graphic import bands_below, graphic_sections, init_gains
from flamo_filters.rbj import Sections
from flamo_filters.sections import SectionFilter

PROTOTYPE_DB = 10.0  # gain of the sections whose leakage into other bands is measured
BOUND_DB = 20.0  # of every command gain but the broadband one
POINTS = 101


class AccurateGEQ(SectionFilter):
    r"""Graphic equaliser of octave or third-octave bands, by target gains.

    ``param`` is (bands + 2, N_out, N_in): linear target gains at 1 Hz, in every band and at fs/2.1; ``map`` makes
    decibels of them. Between these the target is linear in Hz. The command gains g of the sections of
    :class:`~flamo_filters.geq.GEQ` solve

    .. math:: \min_g \|G g - t\|^2, \quad |g_k| \le 20\,\mathrm{dB} \text{ for all but the broadband gain}

    at 101 frequencies from 1 Hz to fs/2.1, where G holds the responses of sections of 10 dB, in dB per dB. Solved
    directly, for all channels at once, and differentiable.

    Args:
        size: (N_out, N_in).
        octave_interval: bands an octave.
        nfft: number of FFT points.
        fs: sampling frequency in Hz; the last band must not be above fs/2.
        map: what turns ``param`` into dB.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        start_freq: the first band is one step above it, in Hz.
        end_freq: the last band is the first at or above it, in Hz.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64; coefficients are formed in float64 in either case.
        requires_grad: whether ``param`` is learned.

    Raises:
        ValueError: octave_interval below 1, fs too low, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: uniform between ±6 dB.
    Source: K. Prawda, V. Välimäki, S. J. Schlecht, DAFx 2019.

    >>> geq = AccurateGEQ((1, 1), nfft=96000)
    >>> geq.assign_value(torch.full((11, 1, 1), 2.0))
    >>> [round(20 * h.abs().log10().item(), 1) for h in geq.freq_response(geq.param)[[200, 2000, 20000], 0, 0]]
    [6.0, 6.0, 6.0]
    """

    axes = ("bands + 2",)

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        octave_interval: int = 1,
        nfft: int = 2048,
        fs: int = 48000,
        map: Callable[[torch.Tensor], torch.Tensor] = Decibels(),
        alias_decay_db: float = 0.0,
        start_freq: float = 31.25,
        end_freq: float = 16000.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        requires_grad: bool = False,
    ) -> None:
        self.octave_interval, self.fs, self.start_freq, self.end_freq = octave_interval, fs, start_freq, end_freq
        self.center_freq, self.shelving_crossover = bands_below(fs, octave_interval, start_freq, end_freq)
        self.n_gains = len(self.center_freq) + 2
        self.interaction, self.interpolation = _design(self.center_freq, self.shelving_crossover, fs)
        super().__init__((self.n_gains, *size), nfft, map, requires_grad, alias_decay_db, device, dtype)

    def init_param(self) -> None:
        init_gains(self.param)

    def command_gains(self, target_db: torch.Tensor) -> torch.Tensor:
        """Command gains in dB, (bands + 3, *channels), of target gains in dB, (bands + 2, *channels)."""
        targets = target_db.movedim(self.section_dim, -1) @ self.interpolation.to(target_db).T
        return bounded_least_squares(self.interaction.to(target_db), targets, BOUND_DB).movedim(-1, self.section_dim)

    def sections(self, value: torch.Tensor) -> Sections:
        center, shelving = self.center_freq.to(value), self.shelving_crossover.to(value)
        return graphic_sections(self.command_gains(value), center, shelving, self.fs, self.section_dim)


class parallelAccurateGEQ(AccurateGEQ):
    """Graphic equaliser of octave or third-octave bands, by target gains, one for each channel.

    As :class:`AccurateGEQ`, with ``size`` (N,) and ``param`` (bands + 2, N).

    >>> parallelAccurateGEQ((3,)).param.shape
    torch.Size([11, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        octave_interval: int = 1,
        nfft: int = 2048,
        fs: int = 48000,
        map: Callable[[torch.Tensor], torch.Tensor] = Decibels(),
        alias_decay_db: float = 0.0,
        start_freq: float = 31.25,
        end_freq: float = 16000.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        requires_grad: bool = False,
    ) -> None:
        super().__init__(
            size, octave_interval, nfft, fs, map, alias_decay_db, start_freq, end_freq, device, dtype, requires_grad
        )


def bounded_least_squares(matrix: torch.Tensor, target: torch.Tensor, bound: float) -> torch.Tensor:
    """Minimise ‖A x - t‖² for |x_k| ≤ bound, k ≥ 1; the first unknown is free.

    Block principal pivoting: unknowns beyond a bound are held there, held ones that the error pulls inside are freed,
    until neither happens.

    Args:
        matrix: A, (P, K), of full rank.
        target: t, (…, P).
        bound: positive.

    Returns:
        x, (…, K), differentiable with respect to the target.

    Source: J. J. Júdice and F. M. Pires, A block principal pivoting algorithm for large-scale strictly monotone linear
    complementarity problems, Computers & Operations Research 21(5), 1994.

    >>> bounded_least_squares(torch.eye(3), torch.tensor([50.0, 30.0, -5.0]), 20.0)
    tensor([50., 20., -5.])
    """
    normal, wanted = matrix.T @ matrix, target @ matrix
    held = _held(normal, wanted.detach(), bound)
    return _solve_held(normal, wanted, held)


def _held(normal: torch.Tensor, wanted: torch.Tensor, bound: float) -> torch.Tensor:
    """Which unknowns the solution holds at a bound: that bound with its sign, 0 where free."""
    held, fewest, patience = torch.zeros_like(wanted), None, 3
    for _ in range(20 * normal.shape[0]):
        x = _solve_held(normal, wanted, held)
        beyond = (x.abs() > bound * (1 + 1e-9)) & (held == 0)
        beyond[..., 0] = False
        inward = ((x @ normal - wanted) * held > 0) & (held != 0)
        wrong = beyond | inward
        count = int(wrong.sum())
        if count == 0:
            break
        if fewest is None or count < fewest:
            fewest, patience = count, 3
        else:
            patience -= 1
        if patience < 0:  # one at a time, the last of each item: slower, and sure to end
            last = wrong & (wrong.long().flip(-1).cumsum(-1).flip(-1) == 1)
            beyond, inward = beyond & last, inward & last
        held = torch.where(beyond, bound * x.sign(), torch.where(inward, 0.0, held))
    return held


def _solve_held(normal: torch.Tensor, wanted: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
    free = (held == 0).to(normal)
    eye = torch.eye(normal.shape[0], dtype=normal.dtype, device=normal.device)
    system = normal * free[..., :, None] * free[..., None, :] + eye * (1 - free)[..., None, :]
    return torch.linalg.solve(system, torch.where(held == 0, wanted - held @ normal, held))


def _design(center: torch.Tensor, shelving: torch.Tensor, fs: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The interaction matrix (points, bands + 3) in dB per dB, and what interpolates targets (points, bands + 2)."""
    top = fs / 2.1
    points = torch.logspace(0.0, math.log10(top), POINTS, dtype=torch.float64).round()
    b, a = graphic_sections(
        torch.full((len(center) + 3, 1), PROTOTYPE_DB, dtype=torch.float64), center, shelving, fs, -2
    )
    w = torch.exp(-2j * math.pi * points / fs)
    each = cascade(b.movedim(1, 2), a.movedim(1, 2), w, w.dtype)  # (points, bands + 3): one section a channel
    nodes = torch.cat((torch.ones(1, dtype=torch.float64), center, torch.tensor([top], dtype=torch.float64)))
    right = torch.searchsorted(nodes, points).clamp(1, len(nodes) - 1)
    share = ((points - nodes[right - 1]) / (nodes[right] - nodes[right - 1])).clamp(0, 1)
    interpolation = torch.zeros(POINTS, len(nodes), dtype=torch.float64)
    rows = torch.arange(POINTS)
    interpolation[rows, right - 1], interpolation[rows, right] = 1 - share, share
    return 20 * torch.log10(each.abs()) / PROTOTYPE_DB, interpolation
