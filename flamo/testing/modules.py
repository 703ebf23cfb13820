"""What every module has to keep: processors, transforms, containers and losses alike."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flamo.testing.case import Case
from flamo.testing.check import WrongError, require, require_near
from flamo.testing.examples import example

EXACT, SINGLE = 1e-12, 1e-5
_NARROW = (torch.float16, torch.bfloat16, torch.float32, torch.complex64)


def gives_finite_values(case: Case) -> None:
    """Noise gives finite numbers.

    Look for a division by zero, a logarithm of zero, or an initial value that nobody has set."""
    made, arguments = example(case)
    require(bool(_called(made, arguments).isfinite().all()), "its result has values that are not finite")


def repeats_itself(case: Case) -> None:
    """The same input gives the same result again.

    Keep no state between calls: a processor is its parameters, and what is random is drawn from torch's generator."""
    made, arguments = example(case)
    state = copy.deepcopy(made.state_dict())
    first = _called(made, arguments)
    made.load_state_dict(state)  # a loss may move on among its random parts
    require_near(_called(made, arguments), first, 0.0, "the second call gives another result")


def leaves_its_input_alone(case: Case) -> None:
    """Neither arguments nor parameters are changed in place.

    Avoid operations with a trailing underscore, ``out=`` and ``x += y`` on what was given: write x = x + y."""
    made, arguments = example(case)
    before, parameters = [x.clone() for x in arguments], copy.deepcopy(list(made.parameters()))
    _called(made, arguments)
    require(all(map(torch.equal, before, arguments)), "it changes its input")
    require(all(map(torch.equal, parameters, made.parameters())), "it changes its parameters in forward")


def keeps_its_precision(case: Case) -> None:
    """float64 in gives float64 out, and float32 gives float32.

    Form tensors with the dtype of what they meet, and leave .float() and .double() to the caller."""
    for dtype in (torch.float64, torch.float32):
        made, arguments = example(case, dtype)
        result = _called(made, arguments).dtype
        require(result in (dtype, dtype.to_complex()), f"{dtype} becomes {result}")


def computes_in_float64(case: Case) -> None:
    """In float64, no step on the way is narrower.

    Give every tensor that is made a dtype: torch.tensor(0.1) has seven digits, and so has all that it touches; Python
    numbers have sixteen."""
    made, arguments = example(case)
    with _Narrow() as narrow:
        _called(made, arguments)
    require(not narrow.found, f"{narrow.found} makes a tensor of float32 in a system of float64")


def agrees_in_float32(case: Case) -> None:
    """float32 gives what float64 gives, within rounding.

    Form coefficients in float64, as self.operands does, and convert the result; avoid differences of near values."""
    made, arguments = example(case)
    single = copy.deepcopy(made).float()
    narrow = tuple(x.to(torch.complex64 if x.is_complex() else torch.float32) for x in arguments)
    tolerance = 1e-3 if case.kind == "loss" else SINGLE
    require_near(_called(single, narrow), _called(made, arguments), tolerance, "float32 and float64 differ")


def differentiates(case: Case) -> None:
    """Its derivative is that of its values, by finite differences.

    Keep .detach(), .data, .item() and torch.no_grad() out of forward, and check what an own backward returns."""
    made, arguments = example(case)
    short = [x[:1] if case.kind == "loss" else x for x in arguments]
    leaf = short[0].contiguous().requires_grad_()
    made = copy.deepcopy(made)
    if not _called(made, (leaf, *short[1:])).requires_grad:
        require(any(p.requires_grad for p in made.parameters()), "its result has no gradient at all")
        return

    def values(x: torch.Tensor) -> torch.Tensor:
        return _called(copy.deepcopy(made), (x, *short[1:]))

    torch.autograd.gradcheck(values, leaf, fast_mode=True, atol=1e-6, rtol=1e-3)


def goes_backward_twice(case: Case) -> None:
    """Two steps of training in a row have the same gradient, and a finite one.

    Keep no tensor with a graph between calls: compute in forward what depends on the parameters."""
    made, arguments = example(case, requires_grad=True)
    gradients = []
    for _ in range(2):
        leaves = [arguments[0].detach().clone().requires_grad_(), *(p for p in made.parameters() if p.requires_grad)]
        one = copy.deepcopy(made) if case.kind == "loss" and made.state_dict() else made
        torch.manual_seed(1)
        result = one(leaves[0], *arguments[1:])
        if not result.requires_grad:
            return
        found = torch.autograd.grad(result.abs().square().sum(), leaves, allow_unused=True)
        gradients.append([g for g in found if g is not None])
    for first, second in zip(*gradients, strict=True):
        require_near(second, first, EXACT, "the second gradient is another")


def copies_are_independent(case: Case) -> None:
    """A deep copy gives the same, and a change of the copy leaves the original alone.

    Keep all state in parameters, buffers and plain attributes: no closures over self, no class attributes."""
    made, arguments = example(case)
    _check_copy(made, copy.deepcopy(made), arguments)


def pickles(case: Case) -> None:
    """A pickled module comes back as it was.

    Use a constraint or a function with a name instead of a lambda, and no open files or generators."""
    made, arguments = example(case)
    try:
        data = pickle.dumps(made)
    except Exception as error:
        raise WrongError(f"it cannot be pickled: {error}") from error
    _check_copy(made, pickle.loads(data), arguments)


def state_loads_strictly(case: Case) -> None:
    """The state dict of one loads into another, strictly, and makes it the same.

    Register what is learned as nn.Parameter and what belongs to the state as a buffer."""
    made, arguments = example(case)
    other, _ = example(case)
    other.load_state_dict(made.state_dict(), strict=True)
    require_near(_called(other, arguments), _called(made, arguments), EXACT, "the same state gives another result")


def doubles(case: Case) -> None:
    """A module of float32 made double computes in float64.

    Keep tensors as parameters or buffers, which .double() reaches, or make them anew with the dtype of the input."""
    made, _ = example(case, torch.float32)
    _, arguments = example(case)
    result = _called(made.double(), arguments)
    require(result.dtype in (torch.float64, torch.complex128), f"after .double() its result is {result.dtype}")
    left = [name for name, p in made.named_parameters() if p.dtype not in (torch.float64, torch.complex128)]
    require(not left, f"after .double(), {', '.join(left)} is of another precision")


def has_a_short_repr(case: Case) -> None:
    """It prints as its class and a few arguments.

    Define extra_repr, without tensors in it."""
    made, _ = example(case)
    text = repr(made)
    require(type(made).__name__ in text, f"its repr does not name its class: {text[:60]!r}")
    require(len(text) < 2000, f"its repr has {len(text)} characters")


def shares_nothing(case: Case) -> None:
    """What one does is of no effect on another.

    Keep no state in globals, class attributes or caches whose key leaves something out."""
    made, arguments = example(case)
    alone = _called(copy.deepcopy(made), arguments)
    other, others = example(case)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
    _called(other, others)
    require_near(_called(made, arguments), alone, 0.0, "its result changes when another one was used")


def leaves_torch_alone(case: Case) -> None:
    """Torch is as it was: default dtype, gradient mode, and no seed was set.

    Leave seeds and global settings to who runs the program; a generator of one's own takes its seed as an argument."""

    def draw(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        made, arguments = example(case)
        made(*arguments)
        return torch.rand(3)

    before = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_default_device()
    try:
        require(not torch.equal(draw(1), draw(2)), "it seeds torch's generator")
        after = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_default_device()
        require(before == after, f"default dtype, gradient mode and device were {before}, are {after}")
    finally:
        torch.set_default_dtype(before[0])
        torch.set_grad_enabled(before[1])


def prints_nothing(case: Case) -> None:
    """It prints nothing.

    Remove the print, or use logging."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        made, arguments = example(case)
        _called(made, arguments)
    require(not out.getvalue(), f"it prints {out.getvalue()[:40]!r}")


CHECKS = (
    gives_finite_values,
    repeats_itself,
    leaves_its_input_alone,
    keeps_its_precision,
    computes_in_float64,
    agrees_in_float32,
    differentiates,
    goes_backward_twice,
    copies_are_independent,
    pickles,
    state_loads_strictly,
    doubles,
    has_a_short_repr,
    shares_nothing,
    leaves_torch_alone,
    prints_nothing,
)


def _called(made: Any, arguments: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The result, whatever is random in it drawn from one seed."""
    torch.manual_seed(1)
    result = made(*arguments)
    require(isinstance(result, torch.Tensor), f"it returns a {type(result).__name__}, not a tensor")
    return result


def _check_copy(made: nn.Module, copied: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
    twin = copy.deepcopy(made)
    expected = _called(made, arguments)
    require(repr(copied) == repr(made), "the copy prints differently")
    require_near(_called(copied, arguments), expected, 0.0, "the copy gives another result")
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.add_(0.1 * torch.rand_like(parameter))
    _called(copied, arguments)
    require(all(map(torch.equal, made.parameters(), twin.parameters())), "a change of the copy reaches the original")
    if not made.state_dict() or list(made.parameters()):
        require_near(_called(made, arguments), expected, 0.0, "a change of the copy changes the original's result")


class _Narrow(TorchDispatchMode):
    """Notes the first operation whose result is narrower than float64."""

    found = ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.found and any(isinstance(t, torch.Tensor) and t.dtype in _NARROW for t in tree_leaves(result)):
            self.found = str(func).removeprefix("aten.")
        return result
