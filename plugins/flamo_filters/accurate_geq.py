"""Graphic equalisers that reach their targets: command gains by least squares, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from flamo.core.checks import checked_size, positive, whole
from flamo.core.constraints import Decibels
from flamo.core.memory import remembered
from flamo.core.rbj import Sections
from flamo.kernels.sections import cascade
from flamo_filters.bands import bands_below
from flamo_filters.graphic import graphic_sections
from flamo_filters.graphic_eq import GraphicEQ
from flamo_filters.least_squares import bounded_least_squares

PROTOTYPE_DB = 10.0  # gain of the sections whose leakage into other bands is measured
BOUND_DB = 20.0  # of every command gain but the broadband one
POINTS = 101


class AccurateGEQ(GraphicEQ):
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
    >>> geq.set(gain_db=6.0)
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
        self.octave_interval, self.fs = whole("octave_interval", octave_interval), positive("fs", fs)
        self.start_freq, self.end_freq = positive("start_freq", start_freq), positive("end_freq", end_freq)
        self.center_freq, self.shelving_crossover = bands_below(fs, octave_interval, start_freq, end_freq)
        self.n_gains = len(self.center_freq) + 2
        super().__init__((self.n_gains, *checked_size(size)), nfft, map, requires_grad, alias_decay_db, device, dtype)

    def command_gains(self, target_db: torch.Tensor) -> torch.Tensor:
        """Command gains in dB, (bands + 3, *channels), of target gains in dB, (bands + 2, *channels)."""
        return _commands(target_db, self.center_freq, self.shelving_crossover, self.fs, self.section_dim)


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


def _commands(
    target_db: torch.Tensor, center: torch.Tensor, shelving: torch.Tensor, fs: float, dim: int
) -> torch.Tensor:
    """Command gains of target gains in dB, both along ``dim``."""
    where = target_db.dtype, target_db.device
    interaction, interpolation, free = _design(tuple(center.tolist()), tuple(shelving.tolist()), float(fs), *where)
    targets = target_db.movedim(dim, -1)
    commands = targets @ free.T  # without bounds
    if (commands[..., 1:].abs() > BOUND_DB).any():
        commands = bounded_least_squares(interaction, targets @ interpolation.T, BOUND_DB)
    return commands.movedim(-1, dim)


@remembered(maxsize=16)
def _design(
    center: tuple[float, ...], shelving: tuple[float, ...], fs: float, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The interaction matrix (points, bands + 3) in dB per dB, what interpolates targets (points, bands + 2), and the
    product of its pseudoinverse with that (bands + 3, bands + 2)."""
    top, double = fs / 2.1, {"dtype": torch.float64, "device": "cpu"}
    points = torch.logspace(0.0, math.log10(top), POINTS, **double).round()
    frequencies = torch.tensor(center, **double), torch.tensor(shelving, **double)
    b, a = graphic_sections(torch.full((len(center) + 3, 1), PROTOTYPE_DB, **double), *frequencies, fs, -2)
    w = torch.exp(-2j * math.pi * points / fs)
    each = cascade(b.movedim(1, 2), a.movedim(1, 2), w, w.dtype)  # (points, bands + 3): one section a channel
    interaction = 20 * torch.log10(each.abs()) / PROTOTYPE_DB
    nodes = torch.tensor((1.0, *center, top), **double)
    right = torch.searchsorted(nodes, points).clamp(1, len(nodes) - 1)
    share = ((points - nodes[right - 1]) / (nodes[right] - nodes[right - 1])).clamp(0, 1)
    interpolation = torch.zeros(POINTS, len(nodes), **double)
    rows = torch.arange(POINTS, device="cpu")
    interpolation[rows, right - 1], interpolation[rows, right] = 1 - share, share
    free = torch.linalg.pinv(interaction) @ interpolation
    return interaction.to(device, dtype), interpolation.to(device, dtype), free.to(device, dtype)


def accurate_geq(
    target_gain: torch.Tensor,
    center_freq: torch.Tensor,
    shelving_crossover: torch.Tensor,
    fs: int = 48000,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Sections:
    """The sections of a graphic equaliser by target gains; see :class:`AccurateGEQ`.

    Args:
        target_gain: in dB at 1 Hz, in every band and at fs/2.1: (bands + 2, …).
        center_freq: centre frequencies of the bands in Hz, (bands,).
        shelving_crossover: corners of the two shelves in Hz, (2,).
        fs: sampling frequency in Hz.
        device: of the result; None follows target_gain.
        dtype: of the result; coefficients are formed in float64.

    Returns:
        b, a: each (3, bands + 3, …): a plain gain, low shelf, peaks, high shelf.

    Raises:
        ValueError: another number of gains.

    >>> center, shelving = torch.tensor([500.0, 1000.0, 2000.0]), torch.tensor([350.0, 2800.0])
    >>> b, a = accurate_geq(torch.full((5,), 6.0), center, shelving)
    >>> round(20 * (b.sum(0) / a.sum(0)).prod().log10().item(), 2)          # at 0 Hz
    6.0
    """
    gain_db = torch.as_tensor(target_gain, dtype=torch.float64, device=device)
    center, shelving = torch.as_tensor(center_freq), torch.as_tensor(shelving_crossover)
    if len(gain_db) != len(center) + 2:
        raise ValueError(f"target_gain must have {len(center) + 2} gains (bands + 2), got {len(gain_db)}")
    commands = _commands(gain_db, center, shelving, fs, -gain_db.ndim)
    b, a = graphic_sections(commands, center, shelving, fs, dim=-gain_db.ndim)
    return b.to(dtype), a.to(dtype)
