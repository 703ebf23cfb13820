"""The closed loop: a small dense solve in every bin."""

from __future__ import annotations

import torch


def close_loop(loop: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    r"""Solve :math:`(I - L)\,y = x` in every bin.

    Args:
        loop: the loop gain L, (B or 1, F, N, N).
        x: (B or 1, F, N, M); all of its columns share one factorisation, and so do the items of a batch where the
            loop has none of its own.

    Returns:
        y, (B, F, N, M).

    Raises:
        torch.linalg.LinAlgError: I - L is singular in some bin.

    >>> loop = torch.full((1, 1, 1, 1), 0.5)
    >>> close_loop(loop, torch.ones(1, 1, 1, 1)).item()
    2.0
    """
    dtype = torch.promote_types(loop.dtype, x.dtype)
    system, x = torch.eye(loop.shape[-1], dtype=dtype, device=loop.device) - loop, x.to(dtype)
    if loop.shape[0] > 1:
        return _solve(system, x)
    batch, _, _, columns = x.shape
    side_by_side = x.movedim(0, 2).flatten(2, 3)  # (F, N, B, M) -> (F, N, B·M)
    return _solve(system[0], side_by_side).unflatten(2, (batch, columns)).movedim(2, 0)


def _solve(system: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    try:
        return torch.linalg.solve(system, x)
    except torch.linalg.LinAlgError as error:
        raise torch.linalg.LinAlgError(
            "the loop has a pole on the grid (I - L is singular in a bin); lower its gain, or set alias_decay_db"
        ) from error
