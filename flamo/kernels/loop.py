"""The closed loop: a small dense solve in every bin."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import torch

from flamo.kernels import backend

Diagonal = torch.Tensor | None

BLOCK = 1 << 18  # elements of a temporary in the plain version
ALONE = 128  # rows, from where a matrix is factorised by itself: see _alone
POLE = "the loop has a pole on the grid (I - L is singular in a bin); lower its gain, or set alias_decay_db"
ROUNDING = 16.0  # residual, in units of the last place, beyond which a bin is solved again, with pivoting


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
    if loop.shape[0] != 1:
        return _lapack(system, x)
    batch, _, _, columns = x.shape
    side_by_side = x.movedim(0, 2).flatten(2, 3)  # (F, N, B, M) -> (F, N, B·M)
    return _lapack(system[0], side_by_side).unflatten(2, (batch, columns)).movedim(2, 0)


def close_channels(loop: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Solve :math:`(1 - l)\\,y = x` for channels that do not meet; raises as :func:`close_loop`.

    >>> close_channels(torch.tensor(0.5), torch.tensor(1.0)).item()
    2.0
    """
    system = 1.0 - loop
    if not backend.transformed(system) and not system.all():
        raise torch.linalg.LinAlgError(POLE)
    return x / system


def close_network(left: Diagonal, matrix: torch.Tensor, right: Diagonal, x: torch.Tensor) -> torch.Tensor:
    r"""Solve :math:`(I - \mathrm{diag}(l)\,A\,\mathrm{diag}(r))\,y = x` in every bin, A the same in all of them.

    That is the loop of a feedback delay network. The derivative is a solve of the adjoint system, with

    .. math:: \lambda = (I - L)^{-H} g, \quad \partial x = \lambda, \quad \partial A = \bar l \lambda\, (r y)^H, \quad
        \partial l = \lambda\, \overline{A\, r y}, \quad \partial r = \bar y\, A^H \bar l \lambda

    Args:
        left, right: l and r, (F or 1, N), or None.
        matrix: A, (N, N), real or complex.
        x: (B, F, N, M), complex.

    Returns:
        y, (B, F, N, M), the bins of a channel next to each other in memory.

    Raises:
        torch.linalg.LinAlgError: I - L is singular in some bin.

    >>> left, x = torch.full((1, 2), 0.5), torch.ones(1, 3, 2, 1, dtype=torch.complex64)
    >>> close_network(left, torch.eye(2), None, x)[0, 0, :, 0]
    tensor([2.+0.j, 2.+0.j])
    """
    return _closed(left, matrix, right, x, fed=False)


def close_fed(diagonal: torch.Tensor, matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    r"""Solve :math:`(I - \mathrm{diag}(d)\,A)\,y = \mathrm{diag}(d)\,x` in every bin, A the same in all of them.

    That is a feedback delay network whose input enters where the feedback does, in front of the delays. As
    :math:`y = (\mathrm{diag}(d)^{-1} - A)^{-1} x` it needs no product with d, and neither does its derivative:

    .. math:: e = (\mathrm{diag}(d)^{-1} - A)^{-H} g, \quad \partial x = e, \quad \partial A = e\, y^H, \quad
        \partial d = (g + A^H e)\, \overline{(x + A\, y)}

    Args:
        diagonal: d, (F or 1, N).
        matrix: A, (N, N), real or complex.
        x: (B, F, N, M), complex.

    Returns:
        y, as :func:`close_network`.

    Raises:
        torch.linalg.LinAlgError: I - diag(d) A is singular in some bin.

    >>> close_fed(torch.full((1, 1), 0.5), torch.eye(1), torch.ones(1, 3, 1, 1, dtype=torch.complex64))[0, 0, 0]
    tensor([1.+0.j])
    """
    return _closed(None, matrix, diagonal, x, fed=True)


def _closed(left: Diagonal, matrix: torch.Tensor, right: Diagonal, x: torch.Tensor, fed: bool) -> torch.Tensor:
    batch, bins, channels, columns = x.shape
    dtype = reduce(torch.promote_types, (v.dtype for v in (left, matrix, right) if v is not None), x.dtype)
    planar = x.to(dtype).permute(2, 0, 3, 1).reshape(channels, batch * columns, bins)
    plain = not dtype.is_complex or backend.transformed(left, matrix, right, x)
    left, right = (None if v is None else v.T for v in (left, right))
    y = (_composed if plain else _Network.apply)(left, matrix, right, planar, fed)
    return y.reshape(channels, batch, columns, bins).permute(1, 3, 0, 2)


# Below, bins come last: left and right are (N, F or 1) or None, x and y are (N, C, F). Where ``fed``, there is no left
# end, and the result is diag(r) y: diag(r) (I - A diag(r))^-1 is (I - diag(r) A)^-1 diag(r).


class _Network(torch.autograd.Function):
    """The loop with the derivative by the adjoint system, whose loop gain is diag(conj r) A^H diag(conj l)."""

    @staticmethod
    def forward(
        ctx: Any, left: Diagonal, matrix: torch.Tensor, right: Diagonal, x: torch.Tensor, fed: bool
    ) -> torch.Tensor:
        factors: list[tuple[Any, ...]] = []
        found = _fused_solve(left, matrix, right, x, conjugate=False, fed=fed)
        if found is None:
            factors = _factors(left, matrix, right, x)
            y = _plain_solve(factors, x)
            found = y, _scaled(right, y)
        ctx.fed = fed
        ctx.save_for_backward(left, matrix, right, x, *found, *(t for run in factors for t in run))
        return found[1] if fed else found[0]

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        left, matrix, right, x, y, leaving, *factors = ctx.saved_tensors
        if torch.is_grad_enabled() or backend.transformed(grad):
            return backend.gradients(_composed, (left, matrix, right, x, ctx.fed), ctx.needs_input_grad, grad)
        need_left, need_matrix, need_right, need_x, _ = ctx.needs_input_grad
        runs = list(zip(factors[::2], factors[1::2], strict=True))
        first, last = (None, right) if ctx.fed else (right, left)
        found = None if runs else _fused_solve(first, matrix.mH, last, grad, conjugate=True, fed=ctx.fed)
        if found is None:
            heard = _scaled(right.conj(), grad) if ctx.fed else grad
            adjoint = _plain_solve(runs or _factors(left, matrix, right, x), heard, adjoint=True)
            found = adjoint, _scaled(None if left is None else left.conj(), adjoint)
        adjoint, entering = found
        gl = _matching(adjoint, _times(matrix, leaving), left) if need_left else None
        gm = _outer(entering, leaving, matrix) if need_matrix else None
        gr = None
        if need_right:
            seen = _times(matrix.mH, entering)
            gr = _matching(seen + grad, x + _times(matrix, leaving), right) if ctx.fed else _matching(seen, y, right)
        return gl, gm, gr, adjoint if need_x else None, None


def _composed(
    left: Diagonal, matrix: torch.Tensor, right: Diagonal, x: torch.Tensor, fed: bool = False
) -> torch.Tensor:
    """Of torch operations: (F, N, N) in memory, differentiable as often as you like."""
    y = close_loop(_gain(left, matrix, right)[None], x.movedim(2, 0)[None])[0].movedim(0, 2)
    return _scaled(right, y) if fed else y


def _gain(left: Diagonal, matrix: torch.Tensor, right: Diagonal) -> torch.Tensor:
    """L, (F or 1, N, N)."""
    loop = matrix[None] if left is None else left.T[:, :, None] * matrix
    return loop if right is None else loop * right.T[:, None, :]


def _times(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A x in every bin; a real matrix works on the real and imaginary parts."""
    if matrix.is_complex():
        return (matrix.to(x.dtype) @ x.flatten(1)).reshape(x.shape)
    rows = torch.view_as_real(x.resolve_conj()).flatten(1)
    return torch.view_as_complex((matrix.to(rows.dtype) @ rows).reshape(*x.shape, 2))


def _outer(x: torch.Tensor, y: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """x y^H summed over columns and bins, or its real part where ``like`` is real."""
    if like.is_complex():
        return (x.flatten(1) @ y.flatten(1).mH).to(like.dtype)
    x, y = (torch.view_as_real(v.resolve_conj()).flatten(1) for v in (x, y))
    return (x @ y.T).to(like.dtype)


def _matching(x: torch.Tensor, y: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """x conj(y), (N, C, F), summed over columns, in the shape and type of what it is the gradient for."""
    product = x * y.conj()
    product = product.squeeze(1) if product.shape[1] == 1 else product.sum(1)
    product = product.sum(1, keepdim=True) if like.shape[1] == 1 else product
    return (product if like.is_complex() else product.real).to(like.dtype)


def _scaled(diagonal: Diagonal, x: torch.Tensor) -> torch.Tensor:
    return x if diagonal is None else diagonal[:, None] * x


def _factors(left: Diagonal, matrix: torch.Tensor, right: Diagonal, x: torch.Tensor) -> list[tuple[Any, ...]]:
    """L and U of I - L and the order of their rows, for runs of bins."""
    channels, columns, bins = x.shape
    step, found = max(1, BLOCK // max(1, channels * (channels + columns))), []
    step = 1 if _alone(x, channels) else step
    for start in range(0, bins, step):
        ends = (v if v is None or v.shape[1] == 1 else v[:, start : start + step] for v in (left, right))
        first, last = ends
        system = torch.eye(channels, dtype=x.dtype, device=x.device) - _gain(first, matrix, last)
        system = system.expand(min(step, bins - start), -1, -1)
        factors, pivots, info = torch.linalg.lu_factor_ex(system)
        if info.any():
            raise torch.linalg.LinAlgError(POLE)
        found.append((factors, pivots))
    return found


def _plain_solve(factors: list[tuple[Any, ...]], x: torch.Tensor, adjoint: bool = False) -> torch.Tensor:
    """y in all bins, or that of the adjoint system."""
    y, start = torch.empty(x.shape, dtype=x.dtype, device=x.device), 0
    for lu, pivots in factors:
        where = slice(start, start + len(lu))
        y[:, :, where] = torch.linalg.lu_solve(lu, pivots, x[:, :, where].movedim(2, 0), adjoint=adjoint).movedim(0, 2)
        start += len(lu)
    return y


def _alone(x: torch.Tensor, rows: int) -> bool:
    """Large matrices are factorised one by one: after torch.set_num_threads(n > 1) torch 2.13 with MKL gives wrong
    factors for a batch of them (oneMKL: "ZLASWP"), and each keeps all threads busy anyway."""
    return rows >= ALONE and x.is_cpu and x.numel() > 0


def _lapack(system: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    try:
        if not _alone(x, system.shape[-1]):
            return torch.linalg.solve(system, x)
        shape = torch.broadcast_shapes(system.shape[:-2], x.shape[:-2])
        systems, columns = (v.expand(*shape, *v.shape[-2:]).flatten(0, -3) for v in (system, x))
        return torch.stack([*map(torch.linalg.solve, systems, columns)]).reshape(*shape, *x.shape[-2:])
    except torch.linalg.LinAlgError as error:
        raise torch.linalg.LinAlgError(POLE) from error


# -- fused ---------------------------------------------------------------------------------------------------------


def _fused_solve(
    left: Diagonal, matrix: torch.Tensor, right: Diagonal, x: torch.Tensor, conjugate: bool, fed: bool
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """y and right · y by the fused version, twice the latter if ``fed``; with pivoting in bins where it went bad."""
    if not backend.pays(_work(x), x) or x.shape[2] < backend.SIDE:
        return None
    first, last = (v if v is None or not conjugate else v.conj() for v in (left, right))
    if first is None or last is None:
        d = right if left is None else left
        d = x.new_ones(len(x), 1) if d is None else d
        found = _eliminated(d, conjugate, matrix, x, scaled=right is None, both=right is not None and not fed)
    else:
        found = _eliminated(first * last, False, matrix, _scaled(last, x), scaled=True, both=False)
        if found is not None:
            u, _, bad = found
            found = u, _times(matrix, u).mul_(first[:, None]).add_(x), bad  # in place: bins stay side by side
    if found is None:
        return None
    u, y, bad = found
    if bad.any():
        where = torch.from_numpy(bad.nonzero()[0]).to(x.device)
        first, last = (v if v is None or v.shape[1] == 1 else v[:, where] for v in (first, last))
        solved = _composed(first, matrix, last, x[:, :, where])
        y[:, :, where] = solved
        u[:, :, where] = _scaled(last, solved)  # after y, which may be the same tensor
    return y, u


def _work(x: torch.Tensor) -> int:
    """Multiplications of an elimination."""
    channels, columns, bins = x.shape
    return bins * channels * channels * (channels + 3 * columns) // 3


def _eliminated(
    d: torch.Tensor, conjugate: bool, matrix: torch.Tensor, x: torch.Tensor, scaled: bool, both: bool
) -> tuple[torch.Tensor, torch.Tensor, Any] | None:
    """u of (I - diag(d) A) u = x if ``scaled``, else of (1 / diag(d) - A) u = x; x + A u if ``both``, else u again;
    which bins went bad."""
    bins = x.shape[2]
    shares = min(backend.shares(_work(x)), bins // backend.SIDE)
    diagonal = backend.planar(d.to(x.dtype).expand(-1, bins)).numpy()
    a = torch.view_as_real(-matrix.detach().to(x.dtype).resolve_conj()).contiguous().numpy()
    u = torch.empty(x.shape, dtype=x.dtype, device="cpu")
    y = torch.empty_like(u) if both else u
    bad = np.zeros(bins, np.bool_)
    spectra = [backend.planar(v).numpy() for v in (x, u, y)]
    tolerance = (ROUNDING * torch.finfo(x.dtype).eps) ** 2
    turn = -1.0 if conjugate else 1.0
    arguments = (diagonal, turn, a, spectra[0], scaled, both, spectra[1], spectra[2], tolerance, bad)
    return (u, y, bad) if backend.run("loop.solve", bins, shares, *arguments) else None
