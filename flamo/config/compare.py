"""Whether a module that was built anew is the same as the one that was described."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from flamo.core.constraints import Constraint
from flamo.core.dsp import DSP

_PASSED_OVER = {"training", "device"}
_POINTS = torch.exp(-1j * torch.linspace(0.1, 3.0, 5, dtype=torch.float64))  # where responses are compared
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)


def differences(live: nn.Module, rebuilt: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """Where a system differs from one that was built anew, as (dotted path, module, reason).

    The new one gets the values of the other's parameters and buffers.
    """
    ours, theirs = (dict(m.named_modules(remove_duplicate=False)) for m in (live, rebuilt))
    for name, module in ours.items():
        if name not in theirs:
            yield name, module, "is a part that the constructors do not make"
        else:
            yield from ((name, module, reason) for reason in _reasons(module, theirs[name]))
    for name in theirs.keys() - ours.keys():
        yield name, theirs[name], "is a part that is gone, and would come back"


def _reasons(live: nn.Module, rebuilt: nn.Module) -> list[str]:
    if type(live) is not type(rebuilt):
        return [f"would come back as a {type(rebuilt).__name__}"]
    if live._forward_hooks or live._forward_pre_hooks:
        return ["has a forward hook, which is code; remove it before saving"]
    reasons = [*_changed(live, rebuilt), *_state(live, rebuilt)]
    if not reasons and isinstance(live, DSP) and isinstance(rebuilt, DSP) and not _respond_alike(live, rebuilt):
        return ["would come back with another response; something of it was changed after construction"]
    return reasons


@torch.no_grad()
def _state(live: nn.Module, rebuilt: nn.Module) -> Iterator[str]:
    """Differences of parameters and buffers other than their values, which are taken over."""
    for name, ours, theirs in _pairs(live, rebuilt):
        if ours is None or theirs is None or (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            yield f"its {name} is {_kind(ours)}, and would come back as {_kind(theirs)}"
        elif ours.requires_grad != theirs.requires_grad:
            yield f"its {name} would come back {'frozen' if ours.requires_grad else 'learned'}"
        elif name not in live._non_persistent_buffers_set:
            theirs.copy_(ours)
        elif not alike(ours, theirs):
            yield f"its buffer {name} is not part of its state, and was changed after construction"


def _pairs(live: nn.Module, rebuilt: nn.Module) -> Iterator[tuple[str, torch.Tensor | None, torch.Tensor | None]]:
    for ours, theirs in ((live._parameters, rebuilt._parameters), (live._buffers, rebuilt._buffers)):
        names = dict.fromkeys((*ours, *theirs))
        pairs = ((name, ours.get(name), theirs.get(name)) for name in names)
        yield from (pair for pair in pairs if pair[1:] != (None, None))


def _kind(value: torch.Tensor | None) -> str:
    return "nothing" if value is None else f"{tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"


def _changed(live: nn.Module, rebuilt: nn.Module) -> Iterator[str]:
    for name, value in _public(live).items():
        if name not in _public(rebuilt):
            if callable(value) and hasattr(type(live), name) and name != "init_param":  # which is of no use any more
                yield f"its {name} was replaced by a function, which cannot be described"
        elif not alike(value, vars(rebuilt)[name]):
            yield f"its {name} was changed after construction, which its constructor has no argument for"


def _public(module: nn.Module) -> dict[str, Any]:
    return {n: v for n, v in vars(module).items() if not n.startswith("_") and n not in _PASSED_OVER}


def alike(a: Any, b: Any) -> bool:
    """Whether two attributes mean the same. Functions do where they are the same code."""
    a, b = _number(a), _number(b)
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        same_kind = a.dtype == b.dtype and a.shape == b.shape
        return same_kind and bool(torch.isclose(a.cpu(), b.cpu(), rtol=0, atol=0, equal_nan=True).all())
    if isinstance(a, float) or type(a) is not type(b):
        return type(a) is type(b) and a == b
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(value, b[name]) for name, value in a.items())
    if isinstance(a, _FUNCTIONS):
        code = [getattr(f, "__code__", None) for f in (a, b)]
        return code[0] == code[1] if code[0] else a == b
    if isinstance(a, Constraint) or type(a).__eq__ is not object.__eq__:
        return bool(a == b)
    return True  # objects that cannot be compared: the response will tell


def _number(value: Any) -> Any:
    """A number, also one of a tensor, as a float; anything else as it is."""
    if isinstance(value, torch.Tensor) and value.ndim == 0 and not value.is_complex() and value.dtype != torch.bool:
        return float(value)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


@torch.no_grad()
def _respond_alike(live: DSP, rebuilt: DSP) -> bool:
    try:
        h = _answer(live)
    except Exception:  # whatever a stranger's processor raises: there is nothing to compare
        return True
    g = _answer(rebuilt.to(live.param.device))
    return h.shape == g.shape and bool(torch.isclose(h, g, rtol=1e-5, equal_nan=True).all())


def _answer(processor: DSP) -> torch.Tensor:
    """Some of a response, without computing all of it where that can be."""
    if processor.has_transfer:
        return processor.transfer(_POINTS.to(processor.param.device))
    shape = (1, processor.grid.bins, processor.input_channels)
    return processor(torch.ones(shape, dtype=processor.param.dtype.to_complex(), device=processor.param.device))
