"""Constraints: named, invertible maps from what an optimiser moves to what a parameter means.

A constraint is a frozen value: it can be printed, compared, pickled and copied, and every one has an inverse, so that
a parameter can be set from and read back as a physical value. Any callable may stand in its place as a ``map``; it
only lacks the inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

_TINY = 1e-30  # smallest magnitude whose logarithm is taken: keeps values and gradients finite, in float32 too


Bound = float | tuple[float, ...]


class Constraint:
    """Base of the constraints: ``c(raw)`` is the value, ``c.inverse(value)`` a raw parameter for it.

    ``elementwise`` says whether each value depends on the raw parameter in its place only.
    """

    elementwise = True

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@dataclass(frozen=True)
class Identity(Constraint):
    """The raw parameter itself.

    >>> Identity()(torch.tensor(2.0))
    tensor(2.)
    """

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return raw

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        return value


@dataclass(frozen=True)
class Clamp(Constraint):
    """Cut off at ``low`` and ``high``; the inverse is the identity within them.

    >>> Clamp(0.0, 1.0)(torch.tensor([-0.5, 0.5, 2.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return raw.clamp(self.low, self.high)

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        return _within(value, self.low, self.high)


@dataclass(frozen=True)
class Interval(Constraint):
    r"""An interval: :math:`low + (high - low)\,\sigma(x)`. At the bounds themselves there is no gradient.

    Bounds may be tuples that count along ``dim`` (negative); where they are equal, the value is fixed.

    >>> half = Interval(-20.0, 20.0)
    >>> half(torch.tensor(0.0)), half.inverse(torch.tensor(0.0))
    (tensor(0.), tensor(0.))
    >>> Interval((0.0, 5.0), (1.0, 5.0))(torch.zeros(2))
    tensor([0.5000, 5.0000])
    """

    low: Bound
    high: Bound
    dim: int = -1

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        low, high = _bounds(self, raw)
        return (low + (high - low) * torch.sigmoid(raw)).clamp(low, high)  # rounding may leave it

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        low, high = _bounds(self, value)
        return _logit(_within(value, low, high) - low, high - low)


@dataclass(frozen=True)
class LogInterval(Constraint):
    r"""An interval on a logarithmic axis: :math:`low\,(high/low)^{\sigma(x)}`; for frequencies and Q.

    Bounds may be tuples, as those of :class:`Interval`.

    >>> octaves = LogInterval(20.0, 20480.0)
    >>> round(octaves(torch.tensor(0.0)).item(), 3)
    640.0
    """

    low: Bound
    high: Bound
    dim: int = -1

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)
        if min(_listed(self.low)) <= 0:
            raise ValueError(f"low must be positive on a logarithmic axis, got {self.low}")

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        low, high = _bounds(self, raw)
        return (low * torch.exp(torch.log(high / low) * torch.sigmoid(raw))).clamp(low, high)

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        low, high = _bounds(self, value)
        return _logit(torch.log(_within(value, low, high) / low), torch.log(high / low))


@dataclass(frozen=True)
class Softplus(Constraint):
    r"""Positive values: :math:`\ln(1 + e^x)`.

    >>> round(Softplus().inverse(Softplus()(torch.tensor(1.0))).item(), 5)
    1.0
    """

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return F.softplus(raw)

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        value = _within(value, 0.0, math.inf)
        return value + torch.log(-torch.expm1(-value.clamp(min=_TINY)))


@dataclass(frozen=True)
class Decibels(Constraint):
    r"""A linear gain as decibels: :math:`20 \log_{10}|x|`; finite, with a zero gradient, at x = 0.

    >>> Decibels()(torch.tensor([10.0, -1.0]))
    tensor([20.,  0.])
    """

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return 20.0 * torch.log10(raw.abs().clamp(min=_TINY))

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        return 10.0 ** (value / 20.0)


@dataclass(frozen=True)
class Chain(Constraint):
    """One constraint after the other: ``Chain((f, g))(x) = g(f(x))``.

    >>> Chain((Decibels(), Clamp(-60.0, 60.0)))(torch.tensor(0.0))
    tensor(-60.)
    """

    links: tuple[Constraint, ...]

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        for link in self.links:
            raw = link(raw)
        return raw

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        for link in reversed(self.links):
            value = link.inverse(value)
        return value


@dataclass(frozen=True)
class Rows(Constraint):
    """One constraint for each row along ``dim`` (negative: counted from the last), as in a (bands, 3, …) parameter.

    >>> rows = Rows((LogInterval(20.0, 20000.0), Interval(-12.0, 12.0)), dim=-1)
    >>> [round(value, 2) for value in rows(rows.inverse(torch.tensor([1000.0, 6.0]))).tolist()]
    [1000.0, 6.0]
    """

    rows: tuple[Constraint, ...]
    dim: int

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        parts = zip(self.rows, raw.unbind(self.dim), strict=True)
        return torch.stack([row(part) for row, part in parts], self.dim)

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        parts = zip(self.rows, value.unbind(self.dim), strict=True)
        return torch.stack([row.inverse(part) for row, part in parts], self.dim)


def _listed(bound: Bound) -> tuple[float, ...]:
    return bound if isinstance(bound, tuple) else (bound,)


def _check_bounds(low: Bound, high: Bound) -> None:
    lows, highs = _listed(low), _listed(high)
    if len(lows) != len(highs):
        raise ValueError(f"low and high must be as many, got {len(lows)} and {len(highs)}")
    fixed = isinstance(low, tuple)  # where a value may be
    if not all(lo < hi or (fixed and lo == hi) for lo, hi in zip(lows, highs, strict=True)):
        raise ValueError(f"low must be below high, got low={low}, high={high}")


def _bounds(interval: Interval | LogInterval, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both bounds as tensors that broadcast to ``like``."""
    shape = (-1, *(1,) * (-1 - interval.dim))
    pair = (torch.tensor(bound, dtype=like.dtype, device=like.device) for bound in (interval.low, interval.high))
    low, high = (bound.reshape(shape) if bound.ndim else bound for bound in pair)
    return low, high


def _logit(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """Of a share; 0 where the interval has no length."""
    share = torch.where(whole > 0, part / whole, 0.5)
    return torch.logit(share, eps=torch.finfo(share.dtype).eps)


def _within(value: torch.Tensor, low: torch.Tensor | float, high: torch.Tensor | float) -> torch.Tensor:
    outside = ~((value >= low) & (value <= high))
    if outside.any():
        low, high = (torch.as_tensor(bound).expand_as(value)[outside].flatten()[0] for bound in (low, high))
        raise ValueError(f"value {value[outside].flatten()[0].item():g} is outside the range {low:g} to {high:g}")
    return value
