"""The steps of a training, whatever leads it: the epochs of a Trainer, an EagerTrainer, a run from a file."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import LBFGS, Optimizer

from flamo.core.checks import positive
from flamo.errors import InputError, NotFiniteError
from flamo_trainers.optimizers import advance, group_parameters, listed, make, parameter_names
from flamo_trainers.state import pack, random_state, set_random_state, unpack

Objective = Callable[..., Mapping[str, torch.Tensor]]


class Stateful(Protocol):
    """Anything whose state belongs to a training: a module, an :class:`EarlyStop`."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...


@dataclass(frozen=True)
class Step:
    """What was measured at one set of parameters.

    Args:
        number: how many steps had been made before.
        loss: the sum of the losses.
        losses: each by its name.
        lr: the learning rate of the first parameter group.
    """

    number: int
    loss: float
    losses: dict[str, float]
    lr: float


class Engine:
    r"""The steps of one training: optimiser, schedule, clipping, best state.

    The loss is the sum of the terms of the objective. A loss or gradient that is not finite ends the training with
    the parameters of the last step at which both were.

    Args:
        net: the system.
        objective: returns weighted losses by name, each a single number.
        optimizer: ``adam``, ``adamw``, ``sgd``, ``lbfgs``, or an optimiser of torch.
        options: of the optimiser, as torch names them.
        groups: other options for some parameters, by patterns of their names: ``{"*.delays": {"lr": 1e-4}}``. The
            first pattern that fits counts.
        schedule: of the learning rate: ``step``, ``multistep``, ``exponential``, ``cosine``, ``one_cycle``,
            ``plateau``; advanced once a step.
        schedule_options: of the schedule.
        clip: the largest norm of the gradient; None lets it be.
        stateful: what else has a state that a checkpoint must hold, by name.

    Raises:
        ValueError: an unknown name, option or value; a pattern that fits no parameter; a system with nothing to
            learn; clipping with ``lbfgs``, whose line search needs the gradient as it is.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> engine = Engine(net, lambda: {"square": net.weight.square().sum()}, optimizer="sgd", options={"lr": 0.25})
    >>> first, second = engine.step(), engine.step()
    >>> round(first.loss / second.loss, 3), engine.evaluate().number, engine.best_step
    (4.0, 2, 2)
    """

    def __init__(
        self,
        net: nn.Module,
        objective: Objective,
        *,
        optimizer: str | Optimizer = "adam",
        options: Mapping[str, Any] = {},
        groups: Mapping[str, Mapping[str, Any]] = {},
        schedule: str | None = None,
        schedule_options: Mapping[str, Any] = {},
        clip: float | None = None,
        stateful: Mapping[str, Stateful] = {},
    ) -> None:
        self.net, self.objective, self.stateful = net, objective, dict(stateful)
        self.schedule = None
        if isinstance(optimizer, Optimizer):
            self.optimizer = optimizer
        else:
            learned = {name: p for name, p in parameter_names(net).items() if p.requires_grad}
            if not learned:
                raise ValueError("the system has no parameter that learns: set requires_grad=True where it should")
            made = make(optimizer, group_parameters(learned, groups), options, schedule, schedule_options)
            self.optimizer, self.schedule = made
        self.clip = None if clip is None else float(positive("clip", clip))
        if self.clip is not None and isinstance(self.optimizer, LBFGS):
            raise ValueError("clip does not go with lbfgs, whose line search needs the gradient as it is")
        self.step_number = 0
        self.best_loss, self.best_step = math.inf, -1
        self._best: dict[str, Any] = {}
        self._good: dict[torch.Tensor, torch.Tensor] = {}

    def step(self, *data: Any) -> Step:
        """One step of the optimiser and the schedule; ``data`` goes to the objective.

        Returns:
            What was measured before it.

        Raises:
            NotFiniteError: a loss or a gradient is not finite. Says at which step, and names losses and parameters.
            ValueError: a loss is no single number, or depends on nothing that learns.
        """
        step = self._move(data, keep_best=True)
        advance(self.schedule, step.loss)
        return step

    def descend(self, *data: Any) -> Step:
        """As :meth:`step`, but without the schedule and the best state."""
        return self._move(data, keep_best=False)

    def _move(self, data: Sequence[Any], keep_best: bool) -> Step:
        measured: list[Step] = []

        def closure() -> float:
            self.optimizer.zero_grad()
            step = self._differentiate(data)
            if not measured:
                self._good = self._parameters()
                measured.append(step)
                if keep_best:
                    self.offer(step.loss, step.number)
            return step.loss

        if isinstance(self.optimizer, LBFGS):
            self.optimizer.step(closure)
        else:
            closure()
            self.optimizer.step()
        self.step_number += 1
        return measured[0]

    def evaluate(self) -> Step:
        """What the next step will measure, without one. It counts for the best state; all else stays as it is."""
        chance = random_state()
        held = {name: copy.deepcopy(part.state_dict()) for name, part in self.stateful.items()}
        try:
            step = self.measure()
        finally:
            set_random_state(chance)
            for name, part in self.stateful.items():
                part.load_state_dict(held[name])
        self.offer(step.loss, step.number)
        return step

    @torch.no_grad()
    def measure(self, *data: Any) -> Step:
        """The losses, without gradients. Raises as :meth:`step`."""
        terms, total = self._terms(data)
        return self._checked(terms, total, ())

    def _terms(self, data: Sequence[Any]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        terms = {name: _single(name, value) for name, value in self.objective(*data).items()}
        if not terms:
            raise ValueError("nothing to train for: the objective has no terms")
        return terms, reduce(torch.add, terms.values())

    def _differentiate(self, data: Sequence[Any]) -> Step:
        with torch.enable_grad():
            terms, total = self._terms(data)
        if not total.requires_grad:
            raise ValueError("the loss depends on no parameter that learns: set requires_grad=True where it should")
        total.backward()
        gradients = [p.grad for p in self._learned() if p.grad is not None]
        step = self._checked(terms, total, torch._foreach_norm(gradients) if gradients else ())
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self._learned(), self.clip)
        return step

    def _checked(self, terms: dict[str, torch.Tensor], total: torch.Tensor, norms: Sequence[torch.Tensor]) -> Step:
        """All values in one transfer from the device."""
        values = torch.stack([v.detach().to(total.device) for v in (total, *terms.values(), *norms)]).tolist()
        losses = dict(zip(terms, values[1:], strict=False))
        if not all(map(math.isfinite, values)):
            raise self._not_finite(values[0], losses)
        return Step(self.step_number, values[0], losses, float(self.optimizer.param_groups[0]["lr"]))

    def _not_finite(self, loss: float, losses: Mapping[str, float]) -> NotFiniteError:
        """The error that says what is wrong, after the return to the last good state."""
        wrong = [f"loss {name!r} is {value}" for name, value in losses.items() if not math.isfinite(value)]
        if not (wrong or math.isfinite(loss)):
            wrong = [f"the sum of the losses is {loss}"]
        for what, of in (("parameter", lambda p: p), ("gradient of", lambda p: p.grad)):
            names = [n for n, p in parameter_names(self.net).items() if of(p) is not None and not _finite(of(p))]
            wrong += [f"{what} {listed(names)} is not finite"] if names else []
        with torch.no_grad():
            for parameter, value in self._good.items():
                parameter.copy_(value)
        self.optimizer.zero_grad()
        return NotFiniteError(
            f"step {self.step_number}: {'; '.join(wrong)}. The system is in its last good state; "
            "a lower learning rate or clipped gradients may help"
        )

    def _learned(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _parameters(self) -> dict[torch.Tensor, torch.Tensor]:
        return {p: p.detach().clone() for p in self._learned()}

    def offer(self, loss: float, number: int) -> None:
        """Keep the state of the system as the best one, if ``loss``, at step ``number``, is the lowest so far."""
        if loss < self.best_loss:
            self.best_loss, self.best_step = loss, number
            self._best = _copied(self.net.state_dict())

    def best_state(self) -> dict[str, torch.Tensor]:
        """The state dict of the system at its lowest loss.

        Raises:
            ValueError: nothing was measured yet.
        """
        if not self._best:
            raise ValueError("no best state yet: make a step first")
        return _copied(self._best)

    def load_best(self) -> None:
        """Put the system into its best state; raises ValueError where nothing was measured yet."""
        self.net.load_state_dict(self.best_state())

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that a training needs to go on exactly, as tensors by name and JSON data; copies."""
        tensors: dict[str, torch.Tensor] = {}
        held = {
            "kinds": self._kinds(),
            "step": self.step_number,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": _schedule_state(self.schedule),
            "stateful": {name: part.state_dict() for name, part in self.stateful.items()},
            "best": {"loss": self.best_loss, "step": self.best_step, "net": self._best},
            "random": random_state(),
        }
        return tensors, pack(held, tensors)

    def restore(self, tensors: Mapping[str, torch.Tensor], data: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` returned, in a training built in the same way.

        Raises:
            InputError: the state is not of such a training.
        """
        try:
            held = unpack(data, tensors)
            if held["kinds"] != self._kinds():
                raise ValueError(f"it is of {held['kinds']}, this is {self._kinds()}")
            self.net.load_state_dict(held["net"])
            self.optimizer.load_state_dict(held["optimizer"])
            if self.schedule is not None:
                self.schedule.load_state_dict(held["schedule"])
            for name, part in self.stateful.items():
                part.load_state_dict(held["stateful"][name])
            best = held["best"]
            self.step_number, self.best_loss, self.best_step = held["step"], best["loss"], best["step"]
            self._best = best["net"]
            set_random_state(held["random"])
        except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise InputError(f"the checkpoint does not fit this training: {error}") from error
        state = self.net.state_dict(keep_vars=True)
        self._good = {state[name]: value for name, value in self._best.items() if isinstance(state[name], nn.Parameter)}

    def _kinds(self) -> dict[str, Any]:
        """What both ends of a checkpoint must have in common."""
        kinds = {"optimizer": type(self.optimizer).__name__, "schedule": type(self.schedule).__name__}
        return {**kinds, "stateful": sorted(self.stateful)}


def _single(name: str, value: Any) -> torch.Tensor:
    tensor = torch.as_tensor(value)
    if tensor.numel() != 1 or tensor.is_complex():
        raise ValueError(f"loss {name!r} must be a single real number, got {tuple(tensor.shape)} of {tensor.dtype}")
    return tensor.reshape(())


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v.clone() if isinstance(v, torch.Tensor) else copy.deepcopy(v) for n, v in state.items()}


def _finite(tensor: torch.Tensor) -> bool:
    return bool(torch.linalg.vector_norm(tensor).isfinite())


def _schedule_state(schedule: Any) -> dict[str, Any] | None:
    """Without the milestones, which come from the options and are no plain dict."""
    return schedule and {n: v for n, v in schedule.state_dict().items() if not isinstance(v, Counter)}
