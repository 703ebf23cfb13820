"""Modules and parameters that stand in several places of a system at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from flamo.core.container import Container

_TABLES = ("_modules", "_parameters", "_buffers")


def ties_of(module: nn.Module) -> dict[str, str]:
    """Every further place of a module, parameter or buffer, and its first one, as dotted names.

    >>> gain = nn.Identity()
    >>> ties_of(nn.Sequential(gain, gain))
    {'1': '0'}
    """
    first: dict[int, str] = {}
    found: dict[str, str] = {}
    for name, item in _places(module):
        if not is_tied(name, found):
            place = first.setdefault(id(item), name)
            found |= {} if place == name else {name: place}
    return found


def _places(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """Everything by its dotted name; what is within a part comes before the next part."""
    yield from module.named_modules(remove_duplicate=False)
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def is_tied(name: str, ties: Mapping[str, Any]) -> bool:
    """Whether a name is, or is within, a further place of something."""
    return any(name == place or name.startswith(f"{place}.") for place in ties)


def tie(module: nn.Module, ties: Mapping[str, Any]) -> None:
    """Put what is in the first place into the further ones.

    Raises:
        ValueError: a place that is not there, two that do not hold the same kind of thing, or a first place that
            comes later or is around the other, so that something would contain itself.
    """
    order = {name: number for number, (name, _) in enumerate(_places(module))}
    for place, first in ties.items():
        if not isinstance(first, str):
            raise ValueError(f"{first!r} is no name")
        table, name, item = _at(module, place)
        source = _at(module, first)[2]
        if order[first] >= order[place] or place.startswith(f"{first}.") or not _same_kind(item, source):
            raise ValueError(f"{place} and {first} cannot be one")
        table[name] = source
    for part in module.modules():
        if isinstance(part, Container):
            part.check()


def _at(module: nn.Module, place: str) -> tuple[dict[str, Any], str, Any]:
    owner, _, name = place.rpartition(".")
    try:
        holder = module.get_submodule(owner)
    except AttributeError:
        holder = None
    for table in (getattr(holder, table) for table in _TABLES) if holder else ():
        if table.get(name) is not None:
            return table, name, table[name]
    raise ValueError(f"there is no {place}")


def _same_kind(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return (a.shape, a.dtype, a.requires_grad) == (b.shape, b.dtype, b.requires_grad)
    states = [{n: (t.shape, t.dtype) for n, t in m.state_dict().items()} for m in (a, b) if isinstance(m, nn.Module)]
    return type(a) is type(b) and states[0] == states[1]
