"""Systems as state-space equations: what their poles are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from flamo.core.response import has_response, measured


@dataclass(frozen=True)
class StateSpace:
    r"""A finite linear system in the time domain.

    .. math:: s_{n+1} = A s_n + B x_n, \quad y_n = C s_n + D x_n

    Args:
        A, B, C, D: (S, S), (S, N_in), (N_out, S) and (N_out, N_in), in float64 or complex128.

    >>> delay = StateSpace.of_taps(torch.tensor([0.0, 0.0, 1.0]).reshape(3, 1, 1))
    >>> half = StateSpace.of_gain(torch.tensor([[0.25]]))
    >>> delay.closed_by(half).poles().abs()                       # z² = 1/4
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """

    A: torch.Tensor
    B: torch.Tensor
    C: torch.Tensor
    D: torch.Tensor

    @classmethod
    def of_gain(cls, gain: torch.Tensor) -> StateSpace:
        """A constant matrix (N_out, N_in)."""
        D = gain.detach().cpu().to(torch.complex128 if gain.is_complex() else torch.float64)
        return cls(D.new_zeros(0, 0), D.new_zeros(0, D.shape[1]), D.new_zeros(D.shape[0], 0), D)

    @classmethod
    def of_taps(cls, taps: torch.Tensor) -> StateSpace:
        """Impulse responses (L, N_out, N_in): one shift register for each input, as long as its last tap."""
        taps = taps.detach().cpu().to(torch.float64)
        used = taps.any(1)  # (L, N_in)
        lengths = [max([0, *column.nonzero().flatten().tolist()]) for column in used.unbind(1)]
        registers = {(0, j): cls._register(taps[: n + 1, :, j]) for j, n in enumerate(lengths)}
        return cls.of_entries(registers, *taps.shape[1:])

    @classmethod
    def _register(cls, taps: torch.Tensor) -> StateSpace:
        """A shift register of one input, and taps (L, N_out) of it."""
        states = len(taps) - 1
        A, B = torch.diag(taps.new_ones(max(states - 1, 0)), -1)[:states, :states], taps.new_zeros(states, 1)
        B[:1] = 1.0
        return cls(A, B, taps[1:].T, taps[0][:, None])

    @classmethod
    def of_sections(cls, sos: torch.Tensor) -> StateSpace:
        """Cascades of sections (N_out, N_in, K, 6) in scipy's order with a0 = 1, or (N, K, 6) for a diagonal layout."""
        diagonal, n_out, n_in = sos.ndim == 3, sos.shape[0], sos.shape[0 if sos.ndim == 3 else 1]
        places = [(i, j) for i in range(n_out) for j in range(n_in) if i == j or not diagonal]
        return cls.of_entries({(i, j): cls._cascade(sos[i] if diagonal else sos[i, j]) for i, j in places}, n_out, n_in)

    @classmethod
    def _cascade(cls, sos: torch.Tensor) -> StateSpace:
        total = cls.of_gain(torch.ones(1, 1))
        for b0, b1, b2, _, a1, a2 in sos.cpu().to(torch.float64):
            A = torch.stack((torch.stack((-a1, torch.ones_like(a1))), torch.stack((-a2, torch.zeros_like(a2)))))
            B = torch.stack((b1 - a1 * b0, b2 - a2 * b0))[:, None]
            total = cls(A, B, A.new_tensor([[1.0, 0.0]]), b0.reshape(1, 1)) @ total
        return total

    @classmethod
    def of_entries(cls, entries: Mapping[tuple[int, int], StateSpace], n_out: int, n_in: int) -> StateSpace:
        """A matrix of systems, each where its first output and first input are; what is missing is zero."""
        A = torch.block_diag(torch.zeros(0, 0, dtype=torch.float64), *(p.A for p in entries.values()))
        B, C, D = A.new_zeros(len(A), n_in), A.new_zeros(n_out, len(A)), A.new_zeros(n_out, n_in)
        start = 0
        for (i, j), p in entries.items():
            states, rows, columns = slice(start, start + len(p.A)), slice(i, i + len(p.D)), slice(j, j + p.D.shape[1])
            B[states, columns], C[rows, states], D[rows, columns] = p.B, p.C, p.D
            start += len(p.A)
        return cls(A, B, C, D)

    def __matmul__(self, other: StateSpace) -> StateSpace:
        """The cascade: first the other, then this one."""
        g, h = self._alike(other)
        A = torch.cat((_row(h.A, _zeros(h, g)), _row(g.B @ h.C, g.A)))
        return StateSpace(A, torch.cat((h.B, g.B @ h.D)), _row(g.D @ h.C, g.C), g.D @ h.D)

    def __add__(self, other: StateSpace) -> StateSpace:
        """The sum of two branches."""
        both = self.stack(other)
        half = len(self.D)
        return StateSpace(both.A, both.B, both.C[:half] + both.C[half:], both.D[:half] + both.D[half:])

    def stack(self, other: StateSpace) -> StateSpace:
        """Two branches side by side: this one's outputs, then the other's."""
        g, h = self._alike(other)
        A = torch.cat((_row(g.A, _zeros(g, h)), _row(_zeros(h, g), h.A)))
        C = torch.block_diag(g.C, h.C).reshape(len(g.C) + len(h.C), len(A))
        return StateSpace(A, torch.cat((g.B, h.B)), C, torch.cat((g.D, h.D)))

    def closed_by(self, feedback: StateSpace) -> StateSpace:
        """The loop y = F (x + B y) of this system as F and the feedback as B.

        Raises:
            ValueError: the loop has no delay and cannot be solved (I - D_F D_B is singular).
        """
        f, b = self._alike(feedback)
        system = torch.eye(len(f.D), dtype=f.D.dtype) - f.D @ b.D
        if torch.linalg.matrix_rank(system) < len(system):
            raise ValueError("the loop has a path without delay and with a gain of one: it has no solution")
        y_states = torch.linalg.solve(system, _row(f.C, f.D @ b.C))  # y = y_states s + y_input x
        y_input = torch.linalg.solve(system, f.D)
        back = torch.cat((f.B @ b.D, b.B))  # what y adds to the next states
        A = torch.cat((_row(f.A, f.B @ b.C), _row(_zeros(b, f), b.A))) + back @ y_states
        B = torch.cat((f.B, torch.zeros(len(b.A), f.B.shape[1], dtype=f.B.dtype))) + back @ y_input
        return StateSpace(A, B, y_states, y_input)

    def _alike(self, other: StateSpace) -> tuple[StateSpace, StateSpace]:
        """Both in one type: gains may be complex."""
        dtype = torch.promote_types(self.D.dtype, other.D.dtype)
        g, h = (StateSpace(s.A.to(dtype), s.B.to(dtype), s.C.to(dtype), s.D.to(dtype)) for s in (self, other))
        return g, h

    def poles(self) -> torch.Tensor:
        """Eigenvalues of A, (S,) in complex128, largest magnitude first."""
        found = torch.linalg.eigvals(self.A)
        return found[found.abs().argsort(descending=True)].to(torch.complex128)


def state_space_of(module: nn.Module, channels: int | None) -> StateSpace:
    """The state space of a module; one without is a constant matrix for a number of channels.

    Raises:
        TypeError: a module whose ``forward`` is not what its state space would say, or that is no constant matrix.
    """
    if hasattr(module, "state_space"):
        if has_response(module) and getattr(module, "has_transfer", True):
            return module.state_space()  # type: ignore[operator]
        raise TypeError(f"this {type(module).__name__} does not do what its parameters say: its poles cannot be had")
    if isinstance(module, nn.Identity) or channels is None:
        return StateSpace.of_gain(torch.eye(channels or 1))
    one_bin = torch.empty(1, 1, channels, dtype=torch.complex128)
    try:
        matrix = measured(module, one_bin)
    except ValueError:
        matrix = one_bin[0]
    if matrix.shape[:1] + matrix.shape[2:] != (1, channels):
        raise TypeError(f"a {type(module).__name__} is no constant matrix: its poles cannot be had")
    gain = matrix[0].detach()
    return StateSpace.of_gain(gain if gain.imag.any() else gain.real)


def _row(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return torch.cat((left, right), dim=1)


def _zeros(rows: StateSpace, columns: StateSpace) -> torch.Tensor:
    return rows.A.new_zeros(len(rows.A), len(columns.A))
