"""How a module is copied, stored and printed."""

from __future__ import annotations

import copy
import pickle

import torch
from torch import nn

from flamo.testing.case import Case
from flamo.testing.check import WrongError, require, require_near
from flamo.testing.examples import EXACT, called, example


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
    require_near(called(other, arguments), called(made, arguments), EXACT, "the same state gives another result")


def has_a_short_repr(case: Case) -> None:
    """It prints as its class and a few arguments.

    Define extra_repr, without tensors in it."""
    made, _ = example(case)
    text = repr(made)
    require(type(made).__name__ in text, f"its repr does not name its class: {text[:60]!r}")
    require(len(text) < 2000, f"its repr has {len(text)} characters")


def _check_copy(made: nn.Module, copied: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
    twin = copy.deepcopy(made)
    expected = called(made, arguments)
    require(repr(copied) == repr(made), "the copy prints differently")
    require_near(called(copied, arguments), expected, 0.0, "the copy gives another result")
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.add_(0.1 * torch.rand_like(parameter))
    called(copied, arguments)
    require(all(map(torch.equal, made.parameters(), twin.parameters())), "a change of the copy reaches the original")
    if not made.state_dict() or list(made.parameters()):
        require_near(called(made, arguments), expected, 0.0, "a change of the copy changes the original's result")


CHECKS = (copies_are_independent, pickles, state_loads_strictly, has_a_short_repr)
