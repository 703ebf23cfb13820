"""Physical values in and out: hertz, decibels, Q, samples and seconds instead of raw parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.constraints import Constraint, Decibels
from flamo.core.grid import real_dtype

Value = Any
"""A number, a list or a tensor."""


class Quantity(computed[torch.Tensor]):
    """A physical value of a processor: read as an attribute, written by ``set``.

    Args:
        doc: what it is, with its unit.
        of: the quantity that it is another way to write, in the unit that ``read`` and ``write`` convert.
        read: (processor, value of the other) → value.
        write: (processor, value) → value of the other.
    """

    def __init__(
        self,
        doc: str,
        of: str | None = None,
        read: Callable[[Any, torch.Tensor], torch.Tensor] | None = None,
        write: Callable[[Any, torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        super().__init__(self._read)
        self.__doc__, self.of, self.convert, self.write = doc, of, read, write

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def _read(self, processor: Physical) -> torch.Tensor:
        values = processor.physical()
        if (self.of or self.name) not in values:  # a lowpass has a frequency, a bandpass two
            raise AttributeError(self.name)
        return self.convert(processor, values[self.of]) if self.of and self.convert else values[self.name]


class Physical(nn.Module):
    """What lets a processor be built from, set from and read back as physical values.

    A subclass declares each value as a :class:`Quantity` and says how they follow from the mapped parameter
    (:meth:`physical_of`) and how it follows from them (:meth:`value_of`).
    """

    param: nn.Parameter
    map: Callable[[torch.Tensor], torch.Tensor]
    count: ClassVar[str | None] = None  # the constructor's name for the number of sections, each with its own values

    def physical_of(self, value: torch.Tensor) -> dict[str, torch.Tensor]:
        """Physical values by name of a mapped parameter, each ([sections], *channels)."""
        return {}

    def value_of(self, value: torch.Tensor, physical: dict[str, torch.Tensor]) -> torch.Tensor:
        """The mapped parameter that has these physical values; ``value`` says what they leave open.

        Raises:
            ValueError: a value out of its range (see :func:`within`).
        """
        raise NotImplementedError(f"{type(self).__name__} must define value_of(value, physical)")

    def physical(self) -> dict[str, torch.Tensor]:
        """All physical values by name, in float64 and detached."""
        return self.physical_of(self.map(self._raw()))

    def set(self, **values: Value) -> None:
        """Set physical values by name; what is not named keeps its own.

        A number counts for all sections and channels, a list of one value a section for all channels, anything else
        must broadcast to the shape that the attribute of that name has.

        Raises:
            TypeError: a name that this processor has not, two names for one quantity, or a ``map`` without inverse.
            ValueError: a value of another shape or out of its range, which is named.
        """
        value = self.map(self._raw())
        now = self.physical_of(value)
        given = {name: self._shaped(name, v, now[name]) for name, v in self._resolved(values, now).items()}
        if not isinstance(self.map, Constraint):
            raise TypeError(
                f"{type(self).__name__}: map has no inverse, so that no raw value can be found for "
                f"{', '.join(values)}; assign a constraint of flamo.core.constraints, or use assign_value"
            )
        with torch.no_grad():
            self.param.copy_(self.map.inverse(self.value_of(value, now | given)))

    @classmethod
    def from_physical(cls, **arguments: Any) -> Self:
        """A new processor from physical values, next to any arguments of the constructor.

        The size and the number of sections follow from the shapes of the values where they are not given. Gains in dB
        that are not given are 0, other values the initial ones of the processor.

        >>> from flamo import dsp
        >>> dsp.Biquad.from_physical(frequency=[100.0, 200.0], gain_db=-6.0).size
        (2, 2, 1, 1)
        >>> dsp.parallelDelay.from_physical(samples=[809, 877, 937], isint=True).size
        (3,)
        """
        values = {name: arguments.pop(name) for name in cls._quantities() if name in arguments}
        channels = 1 if getattr(cls, "diagonal", False) else 2
        count = cls.count if cls.count in inspect.signature(cls).parameters else None
        for shape in (torch.as_tensor(v).shape for v in values.values()):
            if count and len(shape) in (1, 1 + channels):
                arguments.setdefault(count, shape[0])
            if len(shape) == channels + (cls.count is not None):
                arguments.setdefault("size", tuple(shape[-channels:]))
        processor = cls(**arguments)
        neutral = {"gain_db": 0.0} if "gain_db" in processor.physical() else {}
        processor.set(**neutral | values)
        return processor

    @classmethod
    def _quantities(cls) -> dict[str, Quantity]:
        found = (item for base in cls.__mro__ for item in vars(base).items())
        return {name: value for name, value in found if isinstance(value, Quantity)}

    def _raw(self) -> torch.Tensor:
        return self.param.detach().to(real_dtype(self.param.device))

    def _resolved(self, values: dict[str, Value], now: dict[str, torch.Tensor]) -> dict[str, Value]:
        """Values under the names of :meth:`physical_of`."""
        known = self._quantities()
        names = [name for name, q in known.items() if (q.of or name) in now]
        if not values:
            raise TypeError(f"{type(self).__name__}: nothing to set; give at least one of {', '.join(names)}")
        resolved: dict[str, Value] = {}
        for name, value in values.items():
            if name not in names:
                raise TypeError(f"{type(self).__name__} takes {', '.join(names) or 'no physical values'}, not {name}")
            quantity = known[name]
            if (quantity.of or name) in resolved:
                raise TypeError(f"{type(self).__name__}: {name} and {quantity.of or name} say the same; give one")
            tensor = torch.as_tensor(value, dtype=self._raw().dtype, device=self.param.device)
            resolved[quantity.of or name] = quantity.write(self, tensor) if quantity.write else tensor
        return resolved

    def _shaped(self, name: str, value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        if self.count and value.ndim == 1:
            value = value.reshape(-1, *(1,) * (like.ndim - 1))
        try:
            return value.expand_as(like)
        except RuntimeError:
            raise ValueError(
                f"{type(self).__name__}: {name} must broadcast to {tuple(like.shape)}, got {tuple(value.shape)}"
            ) from None


def decibels_of(name: str) -> Quantity:
    """A linear gain in decibels; writing it makes the gain positive."""
    decibels = Decibels()
    return Quantity(
        "Gains in dB.",
        of=name,
        read=lambda self, gain: decibels(gain),
        write=lambda self, gain_db: decibels.inverse(gain_db),
    )


def within(
    name: str, value: torch.Tensor, low: torch.Tensor | float, high: torch.Tensor | float, unit: str = ""
) -> torch.Tensor:
    """The value, if it lies in its range (bounds included, up to rounding).

    Raises:
        ValueError: an element is outside, or not a number; says which range it must be in.

    >>> within("gain_db", torch.tensor([3.0, 70.0]), -60.0, 60.0, "dB")
    Traceback (most recent call last):
    ...
    ValueError: gain_db must be within -60 to 60 dB, got 70
    """
    low, high = (torch.as_tensor(bound, dtype=value.dtype, device=value.device) for bound in (low, high))
    slack = 1e-9 * torch.maximum(low.abs(), high.abs()).nan_to_num(posinf=0.0)
    bad = ~((value >= low - slack) & (value <= high + slack))
    if bad.any():
        v, lo, hi = (t.expand(bad.shape)[bad][0].item() for t in (value, low, high))
        bounds = f"at least {lo:g}" if hi == float("inf") else f"at most {hi:g}" if lo == -float("inf") else ""
        raise ValueError(f"{name} must be {bounds or f'within {lo:g} to {hi:g}'} {unit}".rstrip() + f", got {v:g}")
    return value.clamp(low, high)
