"""Nested state as tensors by name and JSON for the rest, so that it can be kept without running code; random state."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

Tensors = dict[str, torch.Tensor]


def pack(value: Any, tensors: Tensors, path: str = "") -> Any:
    """Put copies of the tensors in ``value`` into ``tensors``; returns the rest as what JSON can hold, exactly.

    Args:
        value: numbers, strings, None, tensors; lists, tuples and mappings of these, nested.
        tensors: where the tensors go, by their path, on the CPU.
        path: name of the value.

    Raises:
        TypeError: something else; says where.

    >>> tensors = {}
    >>> pack({"lr": 0.1, "state": {0: torch.ones(2)}}, tensors)
    {'lr': 0.1, 'state': {'$items': [[0, {'$tensor': 'state/0'}]]}}
    >>> unpack(pack((1.0, float("inf")), tensors), tensors)
    (1.0, inf)
    """
    match value:
        case torch.Tensor():
            return _put(value, tensors, path)
        case float() if not math.isfinite(value):
            return {"$float": str(value)}
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            items = [pack(item, tensors, _join(path, n)) for n, item in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple": items}
        case Mapping():
            pairs = [[name, pack(item, tensors, _join(path, name))] for name, item in value.items()]
            plain = all(isinstance(name, str) and not name.startswith("$") for name in value)
            return dict(pairs) if plain else {"$items": pairs}
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}, which is at {path!r}")


def unpack(data: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The inverse of :func:`pack`; tensors are copies.

    Raises:
        KeyError: a tensor is missing.
    """
    if isinstance(data, list):
        return [unpack(item, tensors) for item in data]
    if not isinstance(data, dict):
        return data
    match data:
        case {"$tensor": name, **rest}:
            copy = tensors[name].clone()
            return torch.view_as_complex(copy) if "complex" in rest else copy
        case {"$float": text}:
            return float(text)
        case {"$tuple": items}:
            return tuple(unpack(item, tensors) for item in items)
        case {"$items": pairs}:
            return {name: unpack(item, tensors) for name, item in pairs}
    return {name: unpack(item, tensors) for name, item in data.items()}


def _put(value: torch.Tensor, tensors: Tensors, path: str) -> dict[str, Any]:
    while path in tensors:  # names with slashes in them may meet
        path += "_"
    value = value.detach()
    real = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value  # safetensors: no complex128
    tensors[path] = real.cpu().clone(memory_format=torch.contiguous_format)
    return {"$tensor": path} | ({"complex": True} if value.is_complex() else {})


def _join(path: str, name: Any) -> str:
    return f"{path}/{name}" if path else str(name)


def random_state() -> dict[str, Any]:
    """The state of the random generators of torch (CPU), numpy and Python."""
    return {"torch": torch.get_rng_state(), "numpy": _listed(np.random.get_state()), "python": random.getstate()}


def set_random_state(state: Mapping[str, Any]) -> None:
    """Let them go on from there."""
    torch.set_rng_state(state["torch"])
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])


def _listed(state: Any) -> tuple[Any, ...]:
    """numpy's state without an array in it."""
    return tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in state)
