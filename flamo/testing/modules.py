"""What every module has to keep: processors, transforms, containers and losses alike."""

from __future__ import annotations

import contextlib
import copy
import io

import torch

from flamo.testing import copies, precision
from flamo.testing.case import Case
from flamo.testing.check import require, require_near
from flamo.testing.examples import EXACT, called, example


def gives_finite_values(case: Case) -> None:
    """Noise gives finite numbers.

    Look for a division by zero, a logarithm of zero, or an initial value that nobody has set."""
    made, arguments = example(case)
    require(bool(called(made, arguments).isfinite().all()), "its result has values that are not finite")


def repeats_itself(case: Case) -> None:
    """The same input gives the same result again.

    Keep no state between calls: a processor is its parameters, and what is random is drawn from torch's generator."""
    made, arguments = example(case)
    state = copy.deepcopy(made.state_dict())
    first = called(made, arguments)
    made.load_state_dict(state)  # a loss may move on among its random parts
    require_near(called(made, arguments), first, 0.0, "the second call gives another result")


def leaves_its_input_alone(case: Case) -> None:
    """Neither arguments nor parameters are changed in place.

    Avoid operations with a trailing underscore, ``out=`` and ``x += y`` on what was given: write x = x + y."""
    made, arguments = example(case)
    before, parameters = [x.clone() for x in arguments], copy.deepcopy(list(made.parameters()))
    called(made, arguments)
    require(all(map(torch.equal, before, arguments)), "it changes its input")
    require(all(map(torch.equal, parameters, made.parameters())), "it changes its parameters in forward")


def differentiates(case: Case) -> None:
    """Its derivative is that of its values, by finite differences.

    Keep .detach(), .data, .item() and torch.no_grad() out of forward, and check what an own backward returns."""
    made, arguments = example(case)
    short = [x[:1] if case.kind == "loss" else x for x in arguments]
    leaf = short[0].contiguous().requires_grad_()
    made = copy.deepcopy(made)
    if not called(made, (leaf, *short[1:])).requires_grad:
        require(any(p.requires_grad for p in made.parameters()), "its result has no gradient at all")
        return

    def values(x: torch.Tensor) -> torch.Tensor:
        return called(copy.deepcopy(made), (x, *short[1:]))

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


def shares_nothing(case: Case) -> None:
    """What one does is of no effect on another.

    Keep no state in globals, class attributes or caches whose key leaves something out."""
    made, arguments = example(case)
    alone = called(copy.deepcopy(made), arguments)
    other, others = example(case)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
    called(other, others)
    require_near(called(made, arguments), alone, 0.0, "its result changes when another one was used")


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
        called(made, arguments)
    require(not out.getvalue(), f"it prints {out.getvalue()[:40]!r}")


CHECKS = (
    gives_finite_values,
    repeats_itself,
    leaves_its_input_alone,
    *precision.CHECKS,
    differentiates,
    goes_backward_twice,
    *copies.CHECKS,
    shares_nothing,
    leaves_torch_alone,
    prints_nothing,
)
