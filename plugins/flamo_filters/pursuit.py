"""Where the bands of an equaliser start: chosen one after the other from a dictionary, as a matching pursuit does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from flamo.kernels.levels import levels

GAIN_DB = 3.0  # at which the shape of a band is taken; shapes in dB are nearly proportional to the gain
RIDGE = 1e-2  # keeps gains of bands that are alike from growing against each other


def pursue(fit: Any, count: int) -> torch.Tensor:
    """Frequency, Q and gain of every band, (K, 3, T·count), for ``count`` attempts at each of the T curves of a
    :class:`~flamo_filters.level_fit.LevelFit`.

    In every round the candidate that reduces the error most is taken, and all gains are solved for anew: an orthogonal
    matching pursuit. Attempts after the first choose from a random half of the candidates.

    Source: Y. C. Pati, R. Rezaiifar, P. S. Krishnaprasad, Orthogonal matching pursuit, Asilomar 1993.
    """
    eq = fit.eq
    bands = list(zip(eq.types, eq.f_min, eq.f_max, eq.q_min, eq.q_max, strict=True))
    groups = list(dict.fromkeys(bands))
    candidates = [(f, q, n) for n, group in enumerate(groups) for f, q in _grid(*group)]
    shapes = fit.weighted(_shapes(fit, groups, candidates))  # (T, n, F)
    room = torch.tensor([bands.count(group) for group in groups])
    chosen, gain = _chosen(shapes, fit.weighted(fit.target[:, None].clone())[:, 0], room, candidates, count)
    return _values(eq, [groups.index(band) for band in bands], candidates, chosen, gain)


def _grid(type: str, f_min: float, f_max: float, q_min: float, q_max: float) -> Iterator[tuple[float, float]]:
    """Frequencies and Qs within bounds."""
    peak = type == "peaking"
    low, high = max(q_min, 0.3 if peak else 0.5), min(q_max, 5.0 if peak else 1.0)
    low, high = (low, high) if low <= high else (q_min, q_max)
    for f in _spread(f_min, f_max, 48 if peak else 24):
        for q in _spread(low, high, 6 if peak else 3, ends=True):
            yield f, q


def _spread(low: float, high: float, count: int, ends: bool = False) -> list[float]:
    """Numbers evenly spread on a logarithmic axis."""
    if low == high:
        return [low]
    shares = [n / (count - 1) if ends else (n + 1) / (count + 1) for n in range(count)]
    return [low * (high / low) ** share for share in shares]


def _shapes(fit: Any, groups: list[Any], candidates: list[tuple[float, float, int]]) -> torch.Tensor:
    """Levels per dB of gain of every candidate at the points, (T, n, F)."""
    f, q = (torch.tensor([c[n] for c in candidates], dtype=torch.float64) for n in (0, 1))
    types = [groups[c[2]][0] for c in candidates]
    T, n = len(fit.phi), len(candidates)
    shapes = torch.empty(T, n, fit.phi.shape[1], dtype=torch.float64)
    for type in dict.fromkeys(types):
        at = torch.tensor([i for i, other in enumerate(types) if other == type])
        b, a = fit.eq.band(f[at], q[at], torch.full((len(at),), GAIN_DB, dtype=torch.float64), type)
        coefficients = torch.cat((b, a))[:, None, None].expand(6, 1, T, len(at))
        shapes[:, at] = levels(coefficients, coefficients.new_zeros(0, 6, 1, T, len(at)), fit.phi)[0] / GAIN_DB
    return shapes


def _chosen(
    shapes: torch.Tensor, wanted: torch.Tensor, room: torch.Tensor, candidates: list[Any], count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices and gains of the candidates that are taken, (T, count, K)."""
    T, n, _ = shapes.shape
    group = torch.tensor([c[2] for c in candidates])
    few = torch.bincount(group)[group] < 8  # of these nothing is to be left out
    half = (torch.rand(count, n) < 0.5) | few  # the same for every curve: it fares alone as it does among others
    half[0] = True
    open_ = half.expand(T, count, n).clone()
    left = room.expand(T, count, -1).clone()
    unit = shapes / shapes.norm(dim=2, keepdim=True).clamp(min=1e-9)
    rest, gain = wanted[:, None].expand(T, count, -1), torch.empty(0)
    taken = torch.empty(T, count, 0, dtype=torch.long)
    for _ in range(int(room.sum())):
        score = (rest @ unit.mT).abs().masked_fill(~open_ | (left.gather(2, group.expand(T, count, n)) == 0), -1.0)
        best = score.argmax(2, keepdim=True)
        taken = torch.cat((taken, best), 2)
        open_.scatter_(2, best, False)
        left.scatter_add_(2, group[best], torch.full_like(best, -1))
        columns = shapes[torch.arange(T)[:, None, None], taken]  # (T, count, k, F)
        gram = columns @ columns.mT
        ridge = RIDGE * gram.diagonal(dim1=2, dim2=3).mean(2)[..., None].expand(*taken.shape)
        gain = torch.linalg.solve(gram + torch.diag_embed(ridge), columns @ wanted[:, None, :, None])[..., 0]
        rest = wanted[:, None] - (gain[..., None] * columns).sum(2)
    return taken, gain


def _values(eq: Any, slots: list[int], candidates: list[Any], taken: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    """The candidates as values of the bands, those of one group by frequency."""
    table = torch.tensor(candidates, dtype=torch.float64)  # (n, 3): frequency, Q, group
    f, q, group = table[taken].unbind(-1)
    order = (group * 1e8 + f).argsort(-1)  # groups are in the order of the bands' first
    place = torch.tensor(sorted(range(len(slots)), key=lambda n: slots[n]))
    values = torch.stack([v.gather(2, order) for v in (f, q, gain)], -1)  # (T, S, K, 3)
    values[:, :, place] = values.clone()
    low, high = (torch.tensor(bound, dtype=torch.float64) for bound in (eq.gain_min, eq.gain_max))
    values[..., 2] = torch.minimum(torch.maximum(values[..., 2], low), high)
    return values.permute(2, 3, 0, 1).flatten(2)
