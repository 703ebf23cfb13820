"""What a trainer has to keep."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from flamo.testing import steppers
from flamo.testing.case import Case
from flamo.testing.check import require

STEPPER = ("step", "state", "restore", "load_best")


def follows_the_protocol(case: Case) -> None:
    """It trains on sets (train) or on a pair (optimize) with register_criterion, or leads runs step by step.

    Define what flamo.protocols.Trainer asks, or what flamo.protocols.Stepper does; whoever drives it calls nothing
    else."""
    forms = (("register_criterion", "train"), ("register_criterion", "optimize"), STEPPER)
    lacking = [[name for name in form if not hasattr(case.target, name)] for form in forms]
    lacks = min(lacking, key=len)
    require(not lacks, f"it has no {', '.join(lacks)}")


def lowers_the_loss(case: Case) -> None:
    """Training makes the loss smaller.

    Step against the gradient, and clear it before the next one."""
    net = _Gain()
    before = _error(net)
    _train(case, net, nn.MSELoss())
    after = _error(net)
    require(after < before, f"the loss was {before:.3g} and is {after:.3g} after training")


def leaves_frozen_parameters(case: Case) -> None:
    """What does not require a gradient is not moved.

    Skip parameters without requires_grad, also where the optimiser decays weights."""
    net = _Gain()
    net.frozen.requires_grad_(False)
    before = net.frozen.clone()
    _train(case, net, nn.MSELoss())
    require(torch.equal(net.frozen, before), "a frozen parameter has moved")


def repeats_itself(case: Case) -> None:
    """The same training from the same state ends in the same parameters.

    Draw random numbers from torch's generator only, which the user seeds."""
    ends = []
    for _ in range(2):
        torch.manual_seed(0)
        net = _Gain()
        _train(case, net, nn.MSELoss())
        ends.append(net.gain.detach().clone())
    require(torch.equal(*ends), "the same training ends elsewhere")


def weighs_its_criteria(case: Case) -> None:
    """The loss is the sum of the criteria, each times its alpha.

    Multiply each criterion by the alpha that it was registered with."""
    net = _Gain()
    _train(case, net, (nn.MSELoss(), 1.0), (_Away(), 0.0))
    alone = _Gain()
    _train(case, alone, nn.MSELoss())
    require(torch.allclose(net.gain, alone.gain), "a criterion of alpha=0 changes the training")
    pushed = _Gain()
    _train(case, pushed, (nn.MSELoss(), 1.0), (_Away(), 100.0))
    require(not torch.allclose(pushed.gain, alone.gain), "a criterion of alpha=100 changes nothing")


def shows_the_model(case: Case) -> None:
    """A criterion registered with requires_model gets the model as its third argument.

    Call criterion(prediction, target, model) for those."""
    seen: list[Any] = []

    class Asking(nn.Module):
        def forward(self, prediction: torch.Tensor, target: torch.Tensor, model: nn.Module) -> torch.Tensor:
            seen.append(model)
            return (prediction - target).square().mean()

    net = _Gain()
    trainer = _silent(lambda: case.build(net, max_epochs=1))
    trainer.register_criterion(Asking(), 1, True)
    _silent(lambda: trainer.train(_DATA, _DATA))
    require(bool(seen) and all(model is net for model in seen), "the criterion was not given the model")


def checks(case: Case) -> Iterator[Any]:
    """Every check that such a trainer is asked; where the protocol is not there, nothing else can be."""
    yield follows_the_protocol
    if all(hasattr(case.target, name) for name in ("register_criterion", "train")):
        yield from (lowers_the_loss, leaves_frozen_parameters, repeats_itself, weighs_its_criteria, shows_the_model)
    if all(hasattr(case.target, name) for name in STEPPER):
        yield from steppers.checks()


class _Gain(nn.Module):
    """y = gain x + frozen, which is to become 0."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(2))
        self.frozen = nn.Parameter(torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gain * x + self.frozen


class _Away(nn.Module):
    """A criterion that pulls the other way."""

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (prediction - 2).square().mean()


_DATA = [(torch.ones(1, 5, 2), torch.zeros(1, 5, 2))] * 3


def _train(case: Case, net: nn.Module, *criteria: Any) -> None:
    trainer = _silent(lambda: case.build(net))
    for criterion in criteria:
        trainer.register_criterion(*(criterion if isinstance(criterion, tuple) else (criterion,)))
    _silent(lambda: trainer.train(_DATA, _DATA))


def _silent(call: Any) -> Any:
    """Trainers may tell of their progress."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return call()


def _error(net: nn.Module) -> float:
    return float(net(_DATA[0][0]).square().mean())
