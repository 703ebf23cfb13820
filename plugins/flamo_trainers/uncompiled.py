"""Optimisers of torch without the marks that torch sets for its compiler.

A method with such a mark imports the compiler, about 900 modules that take as long as torch itself, only to call what
is beneath the mark. Here that is called directly; it does the same to the last bit.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import optim


class _Unmarked(optim.Optimizer):
    def step(self, closure: Callable[[], float] | None = None) -> Any:  # type: ignore[override]
        with torch.set_grad_enabled(self.defaults.get("differentiable", False)):  # which a mark would see to
            return _beneath(super().step)(self, closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        _beneath(super().zero_grad)(self, set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        _beneath(super().add_param_group)(self, param_group)

    def state_dict(self) -> dict[str, Any]:
        return _beneath(super().state_dict)(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        _beneath(super().load_state_dict)(self, state_dict)


def _beneath(method: Any) -> Callable[..., Any]:
    return inspect.unwrap(method.__func__)


class Adam(_Unmarked, optim.Adam):
    """As torch's."""


class AdamW(_Unmarked, optim.AdamW):
    """As torch's."""


class SGD(_Unmarked, optim.SGD):
    """As torch's."""


class LBFGS(_Unmarked, optim.LBFGS):
    """As torch's."""
