"""In which precision a module computes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flamo.testing.case import Case
from flamo.testing.check import require, require_near
from flamo.testing.examples import called, example

_NARROW = (torch.float16, torch.bfloat16, torch.float32, torch.complex64)


def keeps_its_precision(case: Case) -> None:
    """float64 in gives float64 out, and float32 gives float32.

    Form tensors with the dtype of what they meet, and leave .float() and .double() to the caller."""
    for dtype in (torch.float64, torch.float32):
        made, arguments = example(case, dtype)
        result = called(made, arguments).dtype
        require(result in (dtype, dtype.to_complex()), f"{dtype} becomes {result}")


def computes_in_float64(case: Case) -> None:
    """In float64, no step on the way is narrower.

    Give every tensor that is made a dtype: torch.tensor(0.1) has seven digits, and so has all that it touches; Python
    numbers have sixteen."""
    made, arguments = example(case)
    with _Narrow() as narrow:
        called(made, arguments)
    require(not narrow.found, f"{narrow.found} makes a tensor of float32 in a system of float64")


def agrees_in_float32(case: Case) -> None:
    """float32 gives what float64 gives, within rounding.

    Form coefficients in float64, as self.operands does, and convert the result; avoid differences of near values."""
    made, arguments = example(case)
    single = copy.deepcopy(made).float()
    narrow = tuple(x.to(torch.complex64 if x.is_complex() else torch.float32) for x in arguments)
    tolerance = 1e-3 if case.kind == "loss" else 1e-5
    require_near(called(single, narrow), called(made, arguments), tolerance, "float32 and float64 differ")


def doubles(case: Case) -> None:
    """A module of float32 made double computes in float64.

    Keep tensors as parameters or buffers, which .double() reaches, or make them anew with the dtype of the input."""
    made, _ = example(case, torch.float32)
    _, arguments = example(case)
    result = called(made.double(), arguments)
    require(result.dtype in (torch.float64, torch.complex128), f"after .double() its result is {result.dtype}")
    left = [name for name, p in made.named_parameters() if p.dtype not in (torch.float64, torch.complex128)]
    require(not left, f"after .double(), {', '.join(left)} is of another precision")


class _Narrow(TorchDispatchMode):
    """Notes the first operation whose result is narrower than float64."""

    found = ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.found and any(isinstance(t, torch.Tensor) and t.dtype in _NARROW for t in tree_leaves(result)):
            self.found = str(func).removeprefix("aten.")
        return result


CHECKS = (keeps_its_precision, computes_in_float64, agrees_in_float32, doubles)
