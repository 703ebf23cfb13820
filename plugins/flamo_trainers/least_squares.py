"""Damped least squares: many problems and many attempts at each, in one batch."""

from __future__ import annotations

from typing import Any, Protocol

import torch

STEP_MAX = 1.0  # of a raw parameter: where constraints are sigmoids, a quarter of the way to their flat ends
DAMPING_MIN, DAMPING_MAX = 1e-9, 1e9
FIRST_CUT = 10  # steps after which the best quarter of the attempts goes on; the next cuts are twice as long apart


class Problem(Protocol):
    """T problems of N parameters: residuals whose squares are to be small in sum.

    ``parts`` says which residuals belong to which loss.
    """

    parts: dict[str, slice]

    def starts(self, count: int) -> torch.Tensor:
        """Parameters to start from, (T, count, N)."""

    def linearise(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Residuals (T, S, R) at parameters (T, S, N), and their derivatives (T, S, N, R)."""

    def assign(self, flat: torch.Tensor) -> None:
        """Put the system of a single problem into a state (N,)."""


class DampedLeastSquares:
    r"""The Levenberg–Marquardt method, batched.

    .. math:: (J^T J + \lambda s I)\,\Delta = -J^T r, \quad s = \mathrm{tr}(J^T J) / N

    Every attempt has a damping λ of its own: a step that lowers its sum of squares is taken and divides λ by three,
    any other is not and multiplies it by three. The identity in place of Marquardt's diagonal keeps parameters
    without influence, such as the Q of a band of 0 dB, where they are. After 10 steps the best quarter of the
    attempts at each problem goes on, after 20 more the best quarter of these, and so on.

    Source: K. Levenberg, A method for the solution of certain non-linear problems in least squares, Q. Appl. Math. 2,
    1944; D. Marquardt, An algorithm for least-squares estimation of nonlinear parameters, SIAM J. 11, 1963.

    Args:
        problem: what is solved.
        starts: attempts at each problem.
        damping: the first λ.
    """

    def __init__(self, problem: Problem, starts: int, damping: float) -> None:
        self.problem, self.steps = problem, 0
        self._begin(problem.starts(starts))
        self.damping = torch.full_like(self.cost, damping)

    def _begin(self, x: torch.Tensor) -> None:
        self.x = x
        self.residuals, self.jacobian = self.problem.linearise(x)
        self.cost = _finite_sum(self.residuals)

    def step(self) -> None:
        """One step of every attempt."""
        x = self.x + self._delta()
        residuals, jacobian = self.problem.linearise(x)
        cost = _finite_sum(residuals)
        better = cost < self.cost
        self.cost = torch.where(better, cost, self.cost)
        self.x = torch.where(better[..., None], x, self.x)
        self.residuals = torch.where(better[..., None], residuals, self.residuals)
        self.jacobian = torch.where(better[..., None, None], jacobian, self.jacobian)
        self.damping = (self.damping * torch.where(better, 1 / 3, 3.0)).clamp(DAMPING_MIN, DAMPING_MAX)
        self.steps += 1
        cut = self.steps // FIRST_CUT + 1
        if self.steps % FIRST_CUT == 0 and cut & (cut - 1) == 0 and self.x.shape[1] > 1:  # after 10, 30, 70 steps
            self._keep(-(-self.x.shape[1] // 4))

    def _delta(self) -> torch.Tensor:
        normal = self.jacobian @ self.jacobian.mT
        scale = normal.diagonal(dim1=-2, dim2=-1).mean(-1)
        damped = normal + torch.diag_embed((self.damping * scale)[..., None].expand_as(self.x))
        factor, failed = torch.linalg.cholesky_ex(damped)
        gradient = self.jacobian @ self.residuals[..., None]
        delta = torch.cholesky_solve(gradient, factor)[..., 0].clamp(-STEP_MAX, STEP_MAX)
        return -torch.where((failed == 0)[..., None] & delta.isfinite(), delta, 0.0)

    def _keep(self, count: int) -> None:
        """Go on with the best attempts only."""
        best = self.cost.argsort(dim=1, stable=True)[:, :count]
        for name in ("x", "residuals", "jacobian", "cost", "damping"):
            value = getattr(self, name)
            index = best.reshape(*best.shape, *(1,) * (value.ndim - 2)).expand(*best.shape, *value.shape[2:])
            setattr(self, name, value.gather(1, index))

    def best(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The sum of squares of every problem's best attempt, (T,), and its parameters, (T, N)."""
        cost, index = self.cost.min(1)
        return cost, self.x[torch.arange(len(index)), index]

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on."""
        return {"x": self.x, "damping": self.damping, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._begin(state["x"])
        self.damping, self.steps = state["damping"], state["steps"]


def _finite_sum(residuals: torch.Tensor) -> torch.Tensor:
    """Sums of squares; infinite where they are no numbers."""
    total = residuals.square().sum(-1)
    return torch.where(total.isnan(), torch.inf, total)
