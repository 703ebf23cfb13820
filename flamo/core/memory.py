"""What is remembered until what it depends on changes: the response of a frozen parameter, the spectrum of a signal."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import nn

from flamo.core.constraints import Constraint
from flamo.core.response import Response
from flamo.kernels import backend

MOST = 1 << 22  # numbers of a signal that is remembered

_PLAIN = (type(None), bool, int, float, str, torch.dtype, torch.device, types.BuiltinFunctionType)
_Snapshot = dict[str, Any]
_Made = TypeVar("_Made")


@contextlib.contextmanager
def for_everyone() -> Iterator[None]:
    """What is made within of tensors that do not learn serves training as well: inference mode, and torch where it
    transforms a function (``torch.func``), would mark it for good."""
    with torch.inference_mode(False), torch._C._DisableFuncTorch():
        yield


def remembered(maxsize: int) -> Callable[[Callable[..., _Made]], Callable[..., _Made]]:
    """Remember the tensors that a function makes of numbers, such that they serve everyone.

    Made first in inference mode, or while torch transforms a function (``torch.func``), they would be marked by it for
    good. A default device is left to the function, which names its own.

    >>> @remembered(maxsize=4)
    ... def ramp(n: int) -> torch.Tensor:
    ...     return torch.arange(n, dtype=torch.float64, device="cpu")
    >>> _ = torch.func.grad(lambda x: (ramp(3) * x).sum())(torch.ones(3))
    >>> ramp(3).untyped_storage().nbytes()
    24
    """

    return lambda make: lru_cache(maxsize)(for_everyone()(make))


class Memory:
    """One response, and a snapshot of what it was computed from.

    A snapshot holds the parameter and every public attribute by value, since an edit of ``param.data`` leaves neither
    a new identity nor a new version behind.
    """

    def __init__(self) -> None:
        self._kept: tuple[_Snapshot, Response] | None = None

    def recall(self, processor: nn.Module, param: torch.Tensor, compute: Callable[[], Response]) -> Response:
        """The response that ``compute`` gives, remembered where it is safe to."""
        if not _is_frozen(param):
            return compute()
        before = self._kept
        moves = before is not None and not _same(before[0].get("param"), param)
        now = {"param": param} if moves else _snapshot(processor)  # the one shows when it has stopped
        if now is None:
            return compute()
        if before is None or moves or not _equal(before[0], now):
            with torch.inference_mode(False):  # what is remembered must serve training too
                was = {name: _copied(value) for name, value in now.items()}  # before another thread edits it
                response = compute()
            if not response.learns and not torch._C._are_functorch_transforms_active():
                self._kept = was, response
            return response
        _ = before[1].tensor  # asked for again: one that did without so far computes it now, once
        return before[1]


class LastResult:
    """What a function last made of a signal: training goes over the same one again and again.

    Kept by value, and given away by value, since either may be edited in place. Not kept are what learns, what is not
    on the CPU, and what is large.

    >>> last = LastResult()
    >>> doubled = last.recall(torch.ones(2), "doubled", lambda: torch.tensor([2.0, 2.0]))
    >>> last.recall(torch.ones(2), "doubled", lambda: "not called")
    tensor([2., 2.])
    """

    def __init__(self) -> None:
        self._kept: tuple[object, torch.Tensor, torch.Tensor] | None = None

    def recall(self, x: torch.Tensor, how: object, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """What ``compute`` makes of x, or has made of an equal one; ``how`` says what else it depends on."""
        learns = x.requires_grad and torch.is_grad_enabled()
        if learns or not 0 < x.numel() <= MOST or x.device.type != "cpu" or backend.transformed(x):
            return compute()
        kept = self._kept
        if kept is None or kept[0] != how or not _same(kept[1], x):
            kept = self._kept = how, _copied(x), compute()
        return kept[2].clone()

    def __reduce__(self) -> tuple[type[LastResult], tuple[()]]:
        return LastResult, ()  # a copy of a module, or one that is read from a file, starts without


def _is_frozen(param: torch.Tensor) -> bool:
    return type(param) is nn.Parameter and not param.requires_grad and param.device.type != "meta"


def _snapshot(processor: nn.Module) -> _Snapshot | None:
    """All that the response may depend on, by name; None where something in it cannot be compared, as a lambda."""
    state = processor._parameters | processor._buffers  # first, since they change most
    state |= {name: v for name, v in vars(processor).items() if not name.startswith("_") and name != "training"}
    return state if not processor._modules and all(map(_comparable, state.values())) else None


def _comparable(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_comparable, value))
    return isinstance(value, torch.Tensor) or _plain(value)


def _plain(value: Any) -> bool:
    """Whether it has no parts that may be edited, as the tensors of a constraint."""
    if isinstance(value, (tuple, Constraint)):
        return all(map(_plain, value if isinstance(value, tuple) else vars(value).values()))
    return isinstance(value, _PLAIN)


def _copied(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_copied, value))
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def _equal(before: _Snapshot, now: _Snapshot) -> bool:
    return before.keys() == now.keys() and all(_same(before[name], value) for name, value in now.items())


def _same(before: Any, now: Any) -> bool:
    if isinstance(now, tuple) and isinstance(before, tuple):
        return len(before) == len(now) and all(map(_same, before, now))
    if not isinstance(now, torch.Tensor) or not isinstance(before, torch.Tensor):
        return type(before) is type(now) and bool(before == now)
    alike = (before.shape, before.dtype, before.device) == (now.shape, now.dtype, now.device)
    return alike and torch.equal(before, now)
