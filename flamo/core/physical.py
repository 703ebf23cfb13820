"""Physical values in and out: hertz, decibels, Q, samples and seconds instead of raw parameters."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.constraints import Constraint, Decibels
from flamo.core.grid import real_dtype

Values = dict[str, torch.Tensor]


class Quantity(computed[torch.Tensor]):
    """A physical value of a processor, read and written as an attribute, written together with others by ``set``.

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
        self.owner, self.name = owner, name

    def _read(self, processor: Physical) -> torch.Tensor:
        if self.name in vars(processor):  # a subclass of one's own has an attribute of that name
            return vars(processor)[self.name]
        values = processor.physical()
        if (self.of or self.name) not in values:  # a lowpass has a frequency, a bandpass two
            raise AttributeError(self.name)
        return self.convert(processor, values[self.of]) if self.of and self.convert else values[self.name]

    def __set__(self, processor: Physical, value: Any) -> None:
        if type(processor).__module__ == self.owner.__module__:
            processor.set(**{self.name: value})
        else:
            vars(processor)[self.name] = value


class Physical(nn.Module):
    """What lets a processor be built from, set from and read back as physical values.

    A subclass declares each value as a :class:`Quantity` and says how they follow from the mapped parameter
    (:meth:`physical_of`) and how it follows from them (:meth:`value_of`).
    """

    param: nn.Parameter
    map: Callable[[torch.Tensor], torch.Tensor]
    count: ClassVar[str | None] = None  # the constructor's name for the number of sections, each with its own values

    def values(self, param: torch.Tensor | None = None) -> torch.Tensor:
        """The mapped parameter."""
        raise NotImplementedError

    def physical_of(self, value: torch.Tensor) -> Values:
        """Physical values by name of a mapped parameter, each ([sections], *channels)."""
        return {}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        """The mapped parameter with some physical values changed to those given, the others as ``value`` has them.

        Raises:
            ValueError: a value out of its range (see :func:`within`).
        """
        raise NotImplementedError(f"{type(self).__name__} must define value_of(value, given)")

    def physical(self) -> Values:
        """All physical values by name, in float64 and detached."""
        return self.physical_of(self.values().detach())

    def set(self, **values: Any) -> None:
        """Set physical values by name; what is not named keeps its own.

        A number counts for all sections and channels, a list of one value a section for all channels, anything else
        must broadcast to the shape that the attribute of that name has.

        Raises:
            TypeError: a name that this processor has not, two names for one quantity, a value that is no real number,
                or a ``map`` without inverse.
            ValueError: a value of another shape or out of its range, which is named.
        """
        value = self.values().detach()
        now = self.physical_of(value)
        given = {name: self._shaped(name, v, now[name]) for name, v in self._resolved(values, now).items()}
        if not isinstance(self.map, Constraint):
            raise TypeError(
                f"{type(self).__name__}: map has no inverse, so that no raw value can be found for "
                f"{', '.join(values)}; assign a constraint of flamo.core.constraints, or use assign_value"
            )
        wanted = self.value_of(value, given)
        raw = self.map.inverse(wanted)
        if self.map.elementwise:
            raw = torch.where(wanted == value, self.param.detach().to(raw), raw)
        raw = raw.to(self.param.dtype)
        if not raw.isfinite().all():
            raise ValueError(f"{type(self).__name__}: {', '.join(values)} cannot be reached by a finite parameter")
        with torch.no_grad():
            self.param.copy_(raw)

    @classmethod
    def from_physical(cls, **arguments: Any) -> Self:
        """A new processor from physical values, next to any arguments of the constructor.

        The size and the number of sections follow from the shapes of the values where they are not given. Gains in dB
        that are not given are 0 where that can be, other values the initial ones of the processor.

        Raises:
            TypeError, ValueError: as the constructor and :meth:`set`; no physical value at all.

        >>> from flamo import dsp
        >>> dsp.Biquad.from_physical(frequency=[100.0, 200.0], gain_db=-6.0).size
        (2, 2, 1, 1)
        >>> dsp.parallelDelay.from_physical(samples=[809, 877, 937], isint=True).size
        (3,)
        """
        names, signature = list(cls._quantities()), inspect.signature(cls).parameters
        if unknown := [name for name in arguments if name not in names and name not in signature]:
            raise TypeError(f"{cls.__name__} takes {', '.join([*names, *signature])}, not {', '.join(unknown)}")
        values = {name: _real(name, arguments.pop(name)) for name in names if name in arguments}
        channels = 1 if getattr(cls, "diagonal", False) else 2
        for shape in (value.shape for value in values.values()):
            if cls.count in signature and len(shape) in (1, 1 + channels):
                arguments.setdefault(str(cls.count), shape[0])
            if len(shape) == channels + (cls.count is not None):
                arguments.setdefault("size", tuple(shape[-channels:]))
        processor = cls(**arguments)
        processor.set(**values)
        if "gain_db" in processor.physical().keys() - values.keys():
            with contextlib.suppress(ValueError):  # a peak of the classic state-variable filter may not get there
                processor.set(gain_db=0.0)
        return processor

    @classmethod
    def _quantities(cls) -> dict[str, Quantity]:
        found = (item for base in cls.__mro__ for item in vars(base).items())
        return {name: value for name, value in found if isinstance(value, Quantity)}

    def _resolved(self, values: dict[str, Any], now: Values) -> Values:
        """Values under the names of :meth:`physical_of`."""
        known, resolved = self._quantities(), dict[str, torch.Tensor]()
        names = [name for name, q in known.items() if (q.of or name) in now]
        has = f"takes {', '.join(names)}" if names else "has no physical values"
        if not values:
            raise TypeError(f"{type(self).__name__}: nothing to set; it {has}")
        for name, value in values.items():
            if name not in names:
                raise TypeError(f"{type(self).__name__} {has}, not {name}")
            quantity = known[name]
            if (quantity.of or name) in resolved:
                raise TypeError(f"{type(self).__name__}: {name} and {quantity.of or name} say the same; give one")
            tensor = _real(name, value).to(self.param.device, real_dtype(self.param.device))
            resolved[quantity.of or name] = quantity.write(self, tensor) if quantity.write else tensor
        return resolved

    def _shaped(self, name: str, value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        listed = self.count is not None and value.ndim == 1
        shaped = value.reshape(-1, *(1,) * (like.ndim - 1)) if listed else value
        try:
            return shaped.expand_as(like)
        except RuntimeError:
            hint = "; a list is one value a section" if listed else ""
            raise ValueError(
                f"{type(self).__name__}: {name} must broadcast to {tuple(like.shape)}, got {tuple(value.shape)}{hint}"
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
        ValueError: an element is outside; says which range it must be in.

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


def _real(name: str, value: Any) -> torch.Tensor:
    """A number, a list or a tensor as a detached tensor of finite real numbers."""
    try:
        tensor = torch.as_tensor(value).detach()
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a number, or a list or tensor of numbers, got {value!r}") from None
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{name} must be real numbers, got {tensor.dtype}")
    tensor = torch.as_tensor(value, dtype=torch.float64).detach()  # a list of floats would be float32
    if not tensor.isfinite().all():
        raise ValueError(f"{name} must be finite, got {tensor[~tensor.isfinite()][0].item()}")
    return tensor
