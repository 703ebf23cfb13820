"""The bands of equalisers: where they lie, and their order: a low shelf, peaks, a high shelf."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from flamo.core.checks import whole
from flamo.core.rbj import Sections

Bands = tuple[torch.Tensor, torch.Tensor]  # centre frequencies, corners of the shelves


def band_types(n_bands: int) -> tuple[str, ...]:
    """The type of every band; a single one is a peak.

    >>> band_types(4)
    ('lowshelf', 'peaking', 'peaking', 'highshelf')
    """
    return ("peaking",) if n_bands == 1 else ("lowshelf", *("peaking",) * (n_bands - 2), "highshelf")


def band_sections(
    design: Callable[..., Sections], values: tuple[torch.Tensor, ...], dim: int, types: tuple[str, ...] | None = None
) -> Sections:
    """The sections of all bands from a design of bands of one type, ``design(*values, type=…)``.

    Args:
        design: what makes sections (b, a), each (3, …), of values (…).
        values: tensors that count the bands along ``dim``.
        dim: negative.
        types: of every band; None is a low shelf, peaks, a high shelf.
    """
    types = band_types(values[0].shape[dim]) if types is None else types
    groups = {kind: [n for n, other in enumerate(types) if other == kind] for kind in types}
    order = [n for group in groups.values() for n in group]
    if order != sorted(order):
        values = tuple(value.index_select(dim, torch.tensor(order, device=value.device)) for value in values)
    parts = zip(*(value.split([len(group) for group in groups.values()], dim) for value in values), strict=True)
    sections = [design(*part, type=kind) for part, kind in zip(parts, groups, strict=True)]
    b, a = (torch.cat(c, dim) for c in zip(*sections, strict=True))
    if order == sorted(order):
        return b, a
    back = torch.tensor(order, device=b.device).argsort()
    return b.index_select(dim, back), a.index_select(dim, back)


def eq_freqs(
    interval: int = 1,
    start_freq: float = 31.25,
    end_freq: float = 16000.0,
    device: torch.device | str | None = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Bands:
    """Centre frequencies of the bands in Hz, and the corners of the two shelves half a band outside of them.

    Args:
        interval: bands an octave.
        start_freq: the first band is one step above it, in Hz.
        end_freq: the last band is the first at or above it, in Hz.
        device, dtype: of the result.

    Raises:
        ValueError: interval below 1, or frequencies out of order.

    >>> eq_freqs()[0][[0, -1]]
    tensor([   62.5000, 16000.0000])
    """
    whole("interval", interval)
    if not 0 < start_freq < end_freq:
        raise ValueError(f"need 0 < start_freq < end_freq, got {start_freq:g}, {end_freq:g}")
    steps = math.ceil(interval * math.log2(end_freq / start_freq) - 1e-9)
    center = start_freq * 2.0 ** (torch.arange(1, steps + 1, dtype=torch.float64) / interval)
    half = 2.0 ** (0.5 / interval)
    shelving = torch.stack((center[0] / half, center[-1] * half))
    return center.to(device, dtype), shelving.to(device, dtype)


def octave_bands(interval: int = 1, start_freq: float = 31.25, end_freq: float = 16000.0) -> list[float]:
    """The centre frequencies of :func:`eq_freqs` as a list of numbers in Hz.

    >>> octave_bands(start_freq=500.0, end_freq=4000.0)
    [1000.0, 2000.0, 4000.0]
    """
    return eq_freqs(interval, start_freq, end_freq, dtype=torch.float64)[0].tolist()


def bands_below(fs: float, interval: int, start_freq: float = 31.25, end_freq: float = 16000.0) -> Bands:
    """As :func:`eq_freqs`, in float64; raises ValueError where the last band is above fs/2."""
    center, shelving = eq_freqs(interval, start_freq, end_freq, dtype=torch.float64)
    if center[-1] > fs / 2:
        raise ValueError(f"fs must be at least {2 * center[-1]:g} Hz for these bands, got {fs}")
    return center, shelving
