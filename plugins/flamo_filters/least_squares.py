"""Linear least squares within bounds, batched and differentiable."""

from __future__ import annotations

import torch


def bounded_least_squares(matrix: torch.Tensor, target: torch.Tensor, bound: float) -> torch.Tensor:
    """Minimise ‖A x - t‖² for |x_k| ≤ bound, k ≥ 1; the first unknown is free.

    Block principal pivoting: unknowns beyond a bound are held there, held ones that the error pulls inside are freed,
    until neither happens.

    Args:
        matrix: A, (P, K), of full rank.
        target: t, (…, P).
        bound: positive.

    Returns:
        x, (…, K), differentiable with respect to the target.

    Source: J. J. Júdice and F. M. Pires, A block principal pivoting algorithm for large-scale strictly monotone linear
    complementarity problems, Computers & Operations Research 21(5), 1994.

    >>> bounded_least_squares(torch.eye(3), torch.tensor([50.0, 30.0, -5.0]), 20.0)
    tensor([50., 20., -5.])
    """
    normal, wanted = matrix.T @ matrix, target @ matrix
    held = _held(normal, wanted.detach(), bound)
    return _solve_held(normal, wanted, held)


def _held(normal: torch.Tensor, wanted: torch.Tensor, bound: float) -> torch.Tensor:
    """Which unknowns the solution holds at a bound: that bound with its sign, 0 where free."""
    held, fewest, patience = torch.zeros_like(wanted), None, 3
    for _ in range(20 * normal.shape[0]):
        x = _solve_held(normal, wanted, held)
        beyond = (x.abs() > bound * (1 + 1e-9)) & (held == 0)
        beyond[..., 0] = False
        inward = ((x @ normal - wanted) * held > 0) & (held != 0)
        wrong = beyond | inward
        count = int(wrong.sum())
        if count == 0:
            break
        if fewest is None or count < fewest:
            fewest, patience = count, 3
        else:
            patience -= 1
        if patience < 0:  # one at a time, the last of each item: slower, and sure to end
            last = wrong & (wrong.long().flip(-1).cumsum(-1).flip(-1) == 1)
            beyond, inward = beyond & last, inward & last
        held = torch.where(beyond, bound * x.sign(), torch.where(inward, 0.0, held))
    return held


def _solve_held(normal: torch.Tensor, wanted: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
    free = (held == 0).to(normal)
    eye = torch.eye(normal.shape[0], dtype=normal.dtype, device=normal.device)
    system = normal * free[..., :, None] * free[..., None, :] + eye * (1 - free)[..., None, :]
    return torch.linalg.solve(system, torch.where(held == 0, wanted - held @ normal, held))
