"""The order of an equaliser's bands: a low shelf, peaks, a high shelf."""

from __future__ import annotations

from collections.abc import Callable

import torch

from flamo_filters.rbj import Sections


def band_types(n_bands: int) -> tuple[str, ...]:
    """The type of every band; a single one is a peak.

    >>> band_types(4)
    ('lowshelf', 'peaking', 'peaking', 'highshelf')
    """
    return ("peaking",) if n_bands == 1 else ("lowshelf", *("peaking",) * (n_bands - 2), "highshelf")


def band_sections(design: Callable[..., Sections], values: tuple[torch.Tensor, ...], dim: int) -> Sections:
    """The sections of all bands from a design of bands of one type, ``design(*values, type=…)``.

    Args:
        design: what makes sections (b, a), each (3, …), of values (…).
        values: tensors that count the bands along ``dim``.
        dim: negative.
    """
    types = band_types(values[0].shape[dim])
    groups = [(kind, types.count(kind)) for kind in dict.fromkeys(types)]
    parts = zip(*(value.split([count for _, count in groups], dim) for value in values), strict=True)
    sections = [design(*part, type=kind) for part, (kind, _) in zip(parts, groups, strict=True)]
    b, a = (torch.cat(c, dim) for c in zip(*sections, strict=True))
    return b, a
