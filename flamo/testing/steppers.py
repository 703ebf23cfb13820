"""What a trainer that leads runs from configurations has to keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from flamo.testing.case import Case
from flamo.testing.check import require

STEPS = 4


def steps_lower_the_loss(case: Case) -> None:
    """Steps make the loss smaller, and load_best puts the best state into the system.

    Step against the gradient, and keep a copy of the parameters at the lowest loss."""
    objective = Offset()
    before = objective.loss()
    trainer = _stepped(case, objective)
    trainer.load_best()
    after = objective.loss()
    require(after < before, f"the loss was {before:.3g} and is {after:.3g} after {STEPS} steps")
    best = float(trainer.best_loss)
    require(
        abs(best - after) <= 1e-6 * before, f"best_loss is {best:.3g}, but the best state has a loss of {after:.3g}"
    )


def steps_are_counted(case: Case) -> None:
    """A step returns its number, the loss before it and its terms by name; step_number counts them.

    Return an object with number, loss, losses and lr."""
    objective = Offset()
    trainer = case.build(objective.net, objective)
    before = objective.loss()
    step = trainer.step()
    told = {"number": step.number, "loss": step.loss, "step_number": trainer.step_number}
    require(step.number == 0 and trainer.step_number == 1, f"after the first step it says {told}")
    close = step.loss <= before * (1 + 1e-6)  # of several attempts the best one counts
    require(close and list(step.losses) == ["offset"], f"the first step is told as {step}")


def steps_leave_frozen_parameters(case: Case) -> None:
    """What does not require a gradient is not moved.

    Skip parameters without requires_grad, also where the optimiser decays weights."""
    objective = Offset()
    before = objective.net.frozen.clone()
    _stepped(case, objective).load_best()
    require(torch.equal(objective.net.frozen, before), "a frozen parameter has moved")


def steps_repeat_themselves(case: Case) -> None:
    """The same training from the same state ends in the same parameters.

    Draw random numbers from torch's generator only, which the user seeds."""
    ends = []
    for _ in range(2):
        torch.manual_seed(0)
        objective = Offset()
        _stepped(case, objective).load_best()
        ends.append(objective.net.offset.detach().clone())
    require(torch.equal(*ends), "the same training ends elsewhere")


def goes_on_from_its_state(case: Case) -> None:
    """Interrupted and resumed equals uninterrupted.

    Keep everything that a step depends on in state, and the random state too; restore all of it."""
    torch.manual_seed(0)
    objective = Offset()
    whole = _stepped(case, objective)
    tensors, data = whole.state()
    other = Offset()
    again = case.build(other.net, other)
    again.restore(tensors, data)
    first, second = [whole.step() for _ in range(2)], [again.step() for _ in range(2)]
    losses = [[step.loss for step in steps] for steps in (first, second)]
    require(losses[0] == losses[1], f"the steps after it have the losses {losses[1]}, not {losses[0]}")
    require(again.step_number == whole.step_number, f"it counts {again.step_number} steps, not {whole.step_number}")


def checks() -> Iterator[Any]:
    """Every check of a stepper."""
    yield from (steps_lower_the_loss, steps_are_counted, steps_leave_frozen_parameters, steps_repeat_themselves)
    yield goes_on_from_its_state


class _Net(nn.Module):
    """An offset that learns, and a factor that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.tensor([3.0, -1.0], dtype=torch.float64))
        self.frozen = nn.Parameter(torch.ones(2, dtype=torch.float64), requires_grad=False)


class Offset:
    """A system with an offset that is to become 1 and 2, as an objective."""

    def __init__(self) -> None:
        self.net = _Net()

    def residuals(self) -> dict[str, torch.Tensor]:
        """Numbers whose squares are to be small in sum."""
        return {"offset": self.net.offset - self.net.frozen * torch.tensor([1.0, 2.0], dtype=torch.float64)}

    def __call__(self) -> dict[str, torch.Tensor]:
        return {"offset": self.residuals()["offset"].square().sum()}

    def loss(self) -> float:
        """The loss as it is."""
        return float(self()["offset"])


def _stepped(case: Case, objective: Offset) -> Any:
    trainer = case.build(objective.net, objective)
    for _ in range(STEPS):
        trainer.step()
    return trainer
