"""Second-order training: damped least squares for any system of up to some hundred parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, jvp, vmap

from flamo.core.checks import number, positive, whole
from flamo.errors import InputError, NotFiniteError
from flamo_trainers.engine import Stateful, Step
from flamo_trainers.least_squares import DampedLeastSquares, Problem
from flamo_trainers.state import pack, random_state, set_random_state, unpack

Residuals = Callable[[], Mapping[str, torch.Tensor]]

CHUNK = 1 << 22  # derivatives that are formed at once


class LevenbergMarquardt:
    r"""Damped least squares: the Levenberg–Marquardt method with exact derivatives and several starts.

    It makes the sum of squares of all residuals small, batched over the starts; see
    :class:`~flamo_trainers.least_squares.DampedLeastSquares`. Bounds are those of the constraints of the system. Where
    the objective offers its own linearisation (``least_squares()``), that is used, else derivatives are those of
    forward mode. Residuals must not be random.

    Args:
        net: the system.
        objective: returns residuals by name, real tensors of any shape; or an object with such a method ``residuals``.
        starts: attempts: the parameters as they are, and others around them (or where the objective says).
        scatter: standard deviation of the raw parameters of the others.
        damping: of the first step.
        stateful: what else has a state that a checkpoint must hold, by name.

    Raises:
        ValueError: an option out of its range, a system with nothing to learn.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> trainer = LevenbergMarquardt(net, lambda: {"root": net.weight**2 - 2}, starts=1)
    >>> for _ in range(20):
    ...     _ = trainer.step()
    >>> trainer.load_best()
    >>> round(abs(net.weight.item()), 4)
    1.4142
    """

    def __init__(
        self,
        net: nn.Module,
        objective: Any,
        *,
        starts: int = 8,
        scatter: float = 0.5,
        damping: float = 1.0,
        stateful: Mapping[str, Stateful] = {},
    ) -> None:
        self.net, self.stateful = net, dict(stateful)
        self.starts, self.damping = whole("starts", starts), float(positive("damping", damping))
        self.scatter = number("scatter", scatter)
        learned = {name: p for name, p in net.named_parameters() if p.requires_grad}
        if not learned:
            raise ValueError("the system has no parameter that learns: set requires_grad=True where it should")
        special = getattr(objective, "least_squares", lambda: None)()
        general = getattr(objective, "residuals", objective)
        self.problem = special or Linearised(net, learned, general, self.scatter)
        self.best_loss, self.best_step = math.inf, -1
        self._solver: DampedLeastSquares | None = None

    @staticmethod
    def solver_of(problem: Problem, starts: int = 8, scatter: float = 0.5, damping: float = 1.0) -> DampedLeastSquares:
        """The solver of problems that are their own, many at once; options as above (such problems scatter their own
        starts)."""
        return DampedLeastSquares(problem, whole("starts", starts), float(positive("damping", damping)))

    @property
    def solver(self) -> DampedLeastSquares:
        """The solver; it measures the starts when it is first needed."""
        if self._solver is None:
            self._solver = DampedLeastSquares(self.problem, self.starts, self.damping)
            self._offer()
        return self._solver

    @property
    def step_number(self) -> int:
        """Steps made."""
        return self._solver.steps if self._solver else 0

    def step(self) -> Step:
        """One step of every attempt.

        Returns:
            What the best attempt measured before it; ``lr`` is its damping.

        Raises:
            NotFiniteError: no attempt has finite residuals to start with.
        """
        solver = self.solver
        if not math.isfinite(self.best_loss):
            raise NotFiniteError("step 0: the residuals of every start are not finite; start from other values")
        index = int(solver.cost[0].argmin())
        residuals, damping = solver.residuals[0, index], float(solver.damping[0, index])
        losses = {name: float(residuals[part].square().sum()) for name, part in self.problem.parts.items()}
        measured = Step(solver.steps, self.best_loss, losses, damping)
        solver.step()
        self._offer()
        return measured

    def _offer(self) -> None:
        loss = float(self.solver.best()[0][0])
        if loss < self.best_loss:
            self.best_loss, self.best_step = loss, self.solver.steps

    def load_best(self) -> None:
        """Put the system into its best state."""
        self.problem.assign(self.solver.best()[1][0])

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that a training needs to go on exactly, as tensors by name and JSON data; copies."""
        tensors: dict[str, torch.Tensor] = {}
        stateful = {name: part.state_dict() for name, part in self.stateful.items()}
        held = {
            "solver": self.solver.state_dict(),
            "best": {"loss": self.best_loss, "step": self.best_step},
            "stateful": stateful,
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
            self.solver.load_state_dict(held["solver"])
            for name, part in self.stateful.items():
                part.load_state_dict(held["stateful"][name])
            self.best_loss, self.best_step = held["best"]["loss"], held["best"]["step"]
            set_random_state(held["random"])
        except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise InputError(f"the checkpoint does not fit this training: {error}") from error


class Linearised(Problem):
    """One problem: residuals of the learned parameters of a system, with derivatives by forward mode."""

    def __init__(
        self, net: nn.Module, learned: Mapping[str, nn.Parameter], residuals: Residuals, scatter: float
    ) -> None:
        self.learned, self.scatter = dict(learned), scatter
        self.caller = _Caller(net, residuals)
        with torch.no_grad():
            measured = {name: _real(name, value) for name, value in residuals().items()}
        self.parts: dict[str, slice] = {}
        for name, value in measured.items():
            first = sum(v.numel() for v in list(measured.values())[: len(self.parts)])
            self.parts[name] = slice(first, first + value.numel())
        self.chunk = max(1, CHUNK // max(1, sum(v.numel() for v in measured.values())))

    def starts(self, count: int) -> torch.Tensor:
        """The parameters as they are, and others around them."""
        x = torch.cat([p.detach().flatten() for p in self.learned.values()]).double()
        others = x + self.scatter * torch.randn(count - 1, len(x), dtype=x.dtype)
        return torch.cat((x[None], others))[None]

    def linearise(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tangents = torch.eye(x.shape[-1], dtype=x.dtype)

        def along(flat: torch.Tensor, tangent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return jvp(self._residuals, (flat,), (tangent,))

        every_tangent = vmap(along, (None, 0), chunk_size=self.chunk)
        residuals, jacobian = vmap(every_tangent, (0, None), chunk_size=max(1, self.chunk // len(tangents)))(
            x[0], tangents
        )
        return residuals[None, :, 0], jacobian[None]

    def _residuals(self, flat: torch.Tensor) -> torch.Tensor:
        named = functional_call(self.caller, {f"net.{n}": p for n, p in self._named(flat).items()}, ())
        return torch.cat([value.flatten() for value in named.values()]).double()

    def _named(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Parameters by name of all of them in one dimension."""
        parts = flat.split([p.numel() for p in self.learned.values()])
        return {n: part.reshape(p.shape).to(p) for (n, p), part in zip(self.learned.items(), parts, strict=True)}

    @torch.no_grad()
    def assign(self, flat: torch.Tensor) -> None:
        """Put the system into a state."""
        for name, value in self._named(flat).items():
            self.learned[name].copy_(value)


class _Caller(nn.Module):
    """A function of a system as a module, so that it can be called with other parameters."""

    def __init__(self, net: nn.Module, function: Residuals) -> None:
        super().__init__()
        self.net, self.function = net, function

    def forward(self) -> Mapping[str, torch.Tensor]:
        return self.function()


def _real(name: str, value: torch.Tensor) -> torch.Tensor:
    if value.is_complex():
        raise ValueError(f"residual {name!r} must be real, got {value.dtype}; torch.view_as_real makes it so")
    return value
