"""A feedback loop in closed form."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.container import Container, probe_of
from flamo.core.response import Response, response_of
from flamo.core.series import as_part
from flamo.core.state_space import MAX_ORDER, StateSpace, state_space_of
from flamo.kernels.loop import close_loop

_MOST_POINTS = 1 << 21  # around the circle, when poles are counted


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

    def _paths(self, like: torch.Tensor, ext_param: Any) -> tuple[Response, torch.Tensor]:
        """The feedforward response and the loop gain F·B, (B or 1, F or 1, N_out, N_out)."""
        external = self._by_name(ext_param)
        forward = response_of(self.feedforward, like, external.get("feedforward"))
        inner = like.new_empty(1, like.shape[1], forward.output_channels)
        return forward, (forward @ response_of(self.feedback, inner, external.get("feedback"))).full()

    def forward(self, X: torch.Tensor, ext_param: Any = None) -> torch.Tensor:
        self._check_input(X, self.input_channels)
        forward, loop = self._paths(X, ext_param)
        fed = forward.apply(X)
        y = close_loop(loop, fed.flatten(3) if fed.ndim > 3 else fed[..., None])
        return y.reshape(y.shape[0], *fed.shape[1:])

    @property
    def has_response(self) -> bool:
        return type(self).forward is Recursion.forward and self._sized

    def response(self, ext_param: Any = None) -> Response:
        forward, loop = self._paths(self._like(self.input_channels), ext_param)
        return Response(close_loop(loop, forward.full().to(loop.dtype)))

    def state_space(self, max_order: int = MAX_ORDER) -> StateSpace:
        forward = state_space_of(self.feedforward, self.input_channels, max_order)
        return forward.closed_by(state_space_of(self.feedback, self.output_channels, max_order))

    def spectral_radius(self, nfft: int | None = None) -> torch.Tensor:
        r"""The largest magnitude of an eigenvalue of the loop gain F B on the unit circle.

        Below 1 the loop is stable if its paths are (small gain), and every signal in it decays; 1 or more proves
        nothing, see :meth:`is_stable`. Looked at in nfft points: what happens between them is not seen.

        Args:
            nfft: number of points around the circle; None is that of the loop.
        """
        return torch.linalg.eigvals(self._gain_on_circle(nfft or self.grid.nfft)).abs().max()

    def is_stable(self) -> bool:
        r"""Whether all poles are inside the unit circle, for paths with real coefficients.

        If both paths are stable, so is a loop whose :meth:`spectral_radius` is below 1. Otherwise the poles outside
        are counted by how often :math:`\det(I - F B)` turns around 0 along the circle (Nyquist), on as many points as
        it takes for no step to turn by more than a quarter. Poles are not computed, so delays may be long or
        fractional. Exact but for what is narrower than the distance of the points.

        Raises:
            ValueError: poles too near the circle to tell, as in a lossless loop.
        """
        if not super().is_stable():
            return False
        if self.spectral_radius() < 1:
            return True
        delays: list[Any] = [m for m in self.modules() if hasattr(m, "order")]
        points = max(self.grid.nfft, 4 * sum(int(m.order) * m.output_channels for m in delays))  # det turns no faster
        while points <= _MOST_POINTS:
            turns = self._turns(points)
            if turns.abs().max() < torch.pi / 2:
                return round(turns.sum().item() / torch.pi) == 0
            points *= 2
        raise ValueError("Recursion: poles are too near the unit circle to tell whether the loop is stable")

    def _turns(self, nfft: int) -> torch.Tensor:
        """How far det(I - F B) turns around 0 from each point of the half circle to the next, in radians."""
        loop = self._gain_on_circle(nfft)
        around = torch.linalg.det(torch.eye(loop.shape[-1], dtype=loop.dtype, device=loop.device) - loop)
        return (around[1:] / around[:-1]).angle()

    @torch.no_grad()
    def _gain_on_circle(self, nfft: int) -> torch.Tensor:
        """F B at z = e^jω from ω = 0 to π, (nfft // 2 + 1, N_out, N_out) in complex128."""
        circle = copy.deepcopy(self).double().set_alias_decay_db(0.0).set_nfft(nfft + nfft % 2)
        gain = circle._paths(circle._like(circle.input_channels), None)[1][0]
        return gain.to(torch.complex128).expand(circle.grid.bins, -1, -1)

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
