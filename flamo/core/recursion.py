"""A feedback loop in closed form."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator
from functools import reduce
from typing import Any

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.container import Container, probe_of
from flamo.core.poles import HasPoles
from flamo.core.response import Response, cascade_of, merged
from flamo.core.series import as_part, factors_of
from flamo.core.state_space import StateSpace, state_space_of
from flamo.kernels.loop import close_channels, close_fed, close_loop, close_network

EXACT_ORDER = 300  # up to which stability is told by the poles
_MOST_NUMBERS = 1 << 24  # in the loop gain, when poles are counted


class Recursion(Container):
    r"""A feedback loop in closed form.

    .. math:: y = (I - F B)^{-1} F\, x

    with the feedforward path F and the feedback path B.

    Args:
        fF: feedforward path, N_in → N_out; found under ``feedforward``.
        fB: feedback path, N_out → N_in; found under ``feedback``.

    Raises:
        TypeError: a path is no module.
        ValueError: paths whose nfft, alias_decay_db or channels do not agree.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). ``ext_param`` is a dict with the keys ``feedforward`` and ``feedback``.
    Source: arXiv 2409.08723, section "recursion".

    >>> from flamo import dsp
    >>> loop = Recursion(dsp.parallelGain((1,)), dsp.parallelGain((1,)))
    >>> _ = loop.feedforward.assign_value(torch.tensor([1.0])), loop.feedback.assign_value(torch.tensor([0.5]))
    >>> loop.probe(1.0 + 0.0j)                   # 1 / (1 - 0.5)
    tensor([[2.+0.j]])
    """

    part_names = {"fF": "feedforward", "fB": "feedback"}

    def __init__(self, fF: Any, fB: Any) -> None:
        super().__init__()
        self.feedforward: nn.Module = as_part(fF)
        self.feedback: nn.Module = as_part(fB)
        self.check()

    @computed
    def input_channels(self) -> int | None:
        n = getattr(self.feedforward, "input_channels", None)
        return getattr(self.feedback, "output_channels", None) if n is None else n

    @computed
    def output_channels(self) -> int | None:
        n = getattr(self.feedforward, "output_channels", None)
        return getattr(self.feedback, "input_channels", None) if n is None else n

    def _joints(self) -> Iterator[tuple[tuple[str, int | None], tuple[str, int | None]]]:
        for source, sink in (("feedforward", "feedback"), ("feedback", "feedforward")):
            outputs = getattr(self._modules[source], "output_channels", None)
            yield (source, outputs), (sink, getattr(self._modules[sink], "input_channels", None))

    def _paths(self, like: torch.Tensor, ext_param: Any) -> tuple[list[Response], list[Response]]:
        """The feedforward path, and the loop from the output back to it, in factors."""
        external = self._by_name(ext_param)
        forward = factors_of(self.feedforward, like, external.get("feedforward"))
        inner = like.new_empty(1, like.shape[1], forward[-1].output_channels)
        back = factors_of(self.feedback, inner, external.get("feedback"))
        return forward, merged(back + forward)

    def forward(self, X: torch.Tensor, ext_param: Any = None) -> torch.Tensor:
        self._check_input(X, self.input_channels)
        forward, loop = self._paths(X, ext_param)
        fed = _is_fed(forward, loop)
        x = X if fed else reduce(lambda x, h: h.apply(x), forward, X)
        columns = x.flatten(3) if x.ndim > 3 else x[..., None]
        y = close_fed(loop[1].tensor[0], loop[0].tensor[0, 0], columns) if fed else _closed(loop, columns)
        return y.reshape(y.shape[0], *x.shape[1:])

    @property
    def has_response(self) -> bool:
        return type(self).forward is Recursion.forward and self._sized

    def response(self, ext_param: Any = None) -> Response:
        forward, loop = self._paths(self._like(self.input_channels), ext_param)
        total = cascade_of(forward)
        if total.diagonal and loop[0].diagonal and len(loop) == 1:
            return Response(close_channels(loop[0].tensor, total.tensor))
        return Response(_closed(loop, total.full()))

    def state_space(self) -> StateSpace:
        forward = state_space_of(self.feedforward, self.input_channels)
        return forward.closed_by(state_space_of(self.feedback, self.output_channels))

    def is_stable(self) -> bool:
        r"""Whether all poles are inside the unit circle; of a lossless loop they are not.

        By the poles themselves, up to an order of 300. Beyond it, or where they cannot be had, for stable paths of
        real coefficients: the poles outside are counted by how often :math:`\det(I - F B)` turns around 0 along the
        circle (Nyquist), on points that follow all delays and the resonances of all sections, and on ever more of
        them until no step turns by more than a quarter. Exact but for resonances of loops within the loop that are
        narrower than the distance of the points.

        Raises:
            ValueError: it cannot be told: poles too near the circle, a path that is not stable by itself, or complex
                coefficients.
        """
        if self.degree <= EXACT_ORDER:
            with contextlib.suppress(NotImplementedError, TypeError, ValueError):
                return HasPoles.is_stable(self)
        if not super().is_stable():
            raise _untold("one of its paths is not stable by itself")
        circle = self._on_circle()
        points, most = max(self.grid.nfft, self.resolution), _MOST_NUMBERS / (self.output_channels or 1) ** 2
        while points <= most:
            turns = _turns(circle._gain_on_grid(math.ceil(points)))
            if turns.abs().max() < torch.pi / 2:
                return round(turns.sum().item() / torch.pi) == 0
            points *= 2
        raise _untold("poles are too near the unit circle")

    def spectral_radius(self, nfft: int | None = None) -> torch.Tensor:
        r"""The largest magnitude of an eigenvalue of the loop gain F B on the unit circle.

        Below 1 the loop is stable if its paths are (small gain); 1 or more proves nothing, see :meth:`is_stable`.
        Looked at in nfft points: what happens between them is not seen.

        Args:
            nfft: number of points around the circle; None is that of the loop.
        """
        gain = self._on_circle()._gain_on_grid(self.grid.nfft if nfft is None else nfft)
        return torch.linalg.eigvals(gain).abs().max()

    def _on_circle(self) -> Recursion:
        """A copy in float64 whose grid is the unit circle."""
        return copy.deepcopy(self).double().set_alias_decay_db(0.0)

    @torch.no_grad()
    def _gain_on_grid(self, nfft: int) -> torch.Tensor:
        """F B at z = e^jω from ω = 0 to π, (nfft // 2 + 1, N_out, N_out) in complex128; nfft is made even."""
        self.set_nfft(nfft + nfft % 2)
        gain = cascade_of(self._paths(self._like(self.input_channels), None)[1]).full()[0]
        return gain.to(torch.complex128).expand(self.grid.bins, -1, -1)

    def probe(self, z: torch.Tensor | complex) -> torch.Tensor:
        """The closed loop (I - F B)^-1 F, (N_out, N_in), at one point of the z-plane."""
        return self._probe("probe", z)

    def probe_w(self, w: torch.Tensor | complex) -> torch.Tensor:
        """The closed loop at one point w = 1/z."""
        return self._probe("probe_w", w)

    def probe_recursion(self, z: torch.Tensor | complex, include_shell_io: bool = False) -> torch.Tensor:
        """I - F(z) B(z), (N_out, N_out): singular at the poles of the loop, whatever layers are around it."""
        return self._open("probe", z)[1]

    def probe_recursion_w(self, w: torch.Tensor | complex) -> torch.Tensor:
        """I - F B at one point w = 1/z."""
        return self._open("probe_w", w)[1]

    def _probe(self, how: str, point: torch.Tensor | complex) -> torch.Tensor:
        forward, system = self._open(how, point)
        return torch.linalg.solve(system, forward)

    def _open(self, how: str, point: torch.Tensor | complex) -> tuple[torch.Tensor, torch.Tensor]:
        forward = probe_of(self.feedforward, how, point, self.input_channels)
        back = probe_of(self.feedback, how, point, self.output_channels)
        if forward is None or back is None:
            raise ValueError("Recursion: a path has no value at a point of the z-plane")
        return forward, torch.eye(forward.shape[0], dtype=forward.dtype, device=forward.device) - forward @ back


def _is_fed(forward: list[Response], loop: list[Response]) -> bool:
    """Whether the loop is a constant matrix, then the feedforward path, channel by channel: as in an FDN of delays."""
    if len(forward) != 1 or len(loop) != 2 or loop[1] is not forward[0] or not loop[1].diagonal:
        return False
    return loop[0].constant and not loop[0].diagonal and all(len(h.tensor) == 1 for h in loop)


def _closed(loop: list[Response], x: torch.Tensor) -> torch.Tensor:
    """Solve (I - L) y = x for x (B, F or 1, N, M), L in factors."""
    diagonal = [h.diagonal for h in loop]
    if diagonal == [True]:
        return close_channels(loop[0].tensor[..., None], x)
    if diagonal == [False, True, False] and loop[0].constant and loop[2].constant:
        # (I - P Q)^-1 = I + P (I - Q P)^-1 Q, where Q P = Q (A D) has one constant matrix less
        q, p = loop[0], loop[1:]
        return x + cascade_of(p).apply(_closed(merged([*p, q]), q.apply(x)))
    left, right = loop[-1:] if diagonal[-1] else [], loop[:1] if diagonal[0] else []
    middle = loop[len(right) : len(loop) - len(left)]
    if len(middle) == 1 and middle[0].constant and len(loop) > 1 and all(len(h.tensor) == 1 for h in loop):
        bins = max(x.shape[1], *(h.tensor.shape[1] for h in loop))
        before, after = (side[0].tensor[0] if side else None for side in (left, right))
        return close_network(before, middle[0].tensor[0, 0], after, x.expand(-1, bins, -1, -1))
    return close_loop(cascade_of(loop).full(), x)


def _turns(loop: torch.Tensor) -> torch.Tensor:
    """How far det(I - L) turns around 0 from each point of the half circle to the next, in radians."""
    if loop[0].imag.abs().max() > 1e-9 * loop[0].abs().max():
        raise _untold("its coefficients are complex")
    around = torch.linalg.det(torch.eye(loop.shape[-1], dtype=loop.dtype, device=loop.device) - loop)
    return (around[1:] / around[:-1]).angle()


def _untold(reason: str) -> ValueError:
    return ValueError(f"Recursion: cannot tell whether the loop is stable: {reason}")
