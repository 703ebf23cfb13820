"""What an object was constructed with: remembered, so that it can be described and built anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch

from flamo.core.constraints import Constraint

_PLAIN = (type(None), bool, int, float, str, torch.dtype, torch.device, Constraint)
_MOST = 1 << 16  # numbers of a tensor that are kept
_DEPTH = 8  # of lists in lists


@dataclass(frozen=True)
class NotData:
    """Stands for an argument that is no plain data, such as a function or a module, and says what it was."""

    what: str


class Recorded:
    """Base that remembers the arguments of the constructor, whatever its signature is.

    They are kept by value: later changes of a list or tensor do not reach them, and nothing large or alive is held.
    Pickles and copies have them as well, since they are an attribute like any other.

    >>> class Point(Recorded):
    ...     def __init__(self, x, y=0):
    ...         pass
    >>> recorded(Point(1, y=[2, print]))
    ((1,), {'y': [2, NotData(what='a function')]})
    """

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        kept = tuple(map(_kept, args)), {name: _kept(value) for name, value in kwargs.items()}
        vars(self)["_constructed_with"] = kept
        return self


def recorded(instance: object) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Positional and named arguments of the constructor; None where they are not known."""
    return vars(instance).get("_constructed_with")


def _kept(value: Any, depth: int = 0) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if hasattr(value, "__array__") and hasattr(value, "tolist"):
        return _kept(value.tolist(), depth) if value.size <= _MOST else NotData(f"an array of {value.size} numbers")
    if isinstance(value, (list, tuple, dict)) and depth < _DEPTH:
        if isinstance(value, dict):
            return {name: _kept(item, depth + 1) for name, item in value.items()}
        return (list if isinstance(value, list) else tuple)(_kept(item, depth + 1) for item in value)
    return NotData("a function" if callable(value) and not isinstance(value, torch.nn.Module) else _name(value))


def _tensor(value: torch.Tensor) -> torch.Tensor | NotData:
    if value.numel() > _MOST or value.device.type == "meta" or type(value) not in (torch.Tensor, torch.nn.Parameter):
        return NotData(f"a tensor of {value.numel()} numbers")
    return value.detach().cpu().clone()


def _name(value: object) -> str:
    return f"a {type(value).__name__}"
