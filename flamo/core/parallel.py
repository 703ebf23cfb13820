"""Two branches side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.container import Container, probe_of
from flamo.core.response import Response, call, response_of
from flamo.core.series import as_part
from flamo.core.state_space import StateSpace, state_space_of


class Parallel(Container):
    r"""Two branches side by side, summed or concatenated.

    .. math:: y = (A + B)\,x \quad\text{or}\quad y = (A x, B x)

    Args:
        brA, brB: modules, Sequentials or OrderedDicts; found under ``branchA`` and ``branchB``.
        sum_output: True adds the outputs, False concatenates their channels.

    Raises:
        TypeError: a branch is no module.
        ValueError: branches whose nfft, alias_decay_db or channels do not agree.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). ``ext_param`` is a dict with the keys ``branchA`` and ``branchB``.

    >>> from flamo import dsp
    >>> both = Parallel(dsp.Gain((3, 2)), dsp.Gain((1, 2)), sum_output=False)
    >>> both.output_channels
    4
    """

    part_names = {"brA": "branchA", "brB": "branchB"}

    def __init__(self, brA: Any, brB: Any, sum_output: bool = True) -> None:
        super().__init__()
        self.branchA: nn.Module = as_part(brA)
        self.branchB: nn.Module = as_part(brB)
        self.sum_output = sum_output
        self.check()

    def _channels(self, side: str) -> tuple[int | None, int | None]:
        return getattr(self.branchA, side, None), getattr(self.branchB, side, None)

    @computed
    def input_channels(self) -> int | None:
        return next((n for n in self._channels("input_channels") if n is not None), None)

    @computed
    def output_channels(self) -> int | None:
        a, b = self._channels("output_channels")
        if self.sum_output:
            return b if a is None else a
        return None if a is None or b is None else a + b

    def _joints(self) -> Iterator[tuple[tuple[str, int | None], tuple[str, int | None]]]:
        for side in ("input_channels", "output_channels") if self.sum_output else ("input_channels",):
            a, b = self._channels(side)
            yield ("branchA", a), ("branchB", b)

    def forward(self, X: torch.Tensor, ext_param: Any = None) -> torch.Tensor:
        external = self._by_name(ext_param)
        a, b = (call(self._modules[n], X, external.get(n)) for n in ("branchA", "branchB"))  # type: ignore[arg-type]
        return a + b if self.sum_output else torch.cat((a, b), dim=2)

    @property
    def has_response(self) -> bool:
        return type(self).forward is Parallel.forward and self._sized

    def response(self, ext_param: Any = None) -> Response:
        external = self._by_name(ext_param)
        like = self._like(self.input_channels)
        a, b = (response_of(self._modules[n], like, external.get(n)) for n in ("branchA", "branchB"))  # type: ignore[arg-type]
        return a + b if self.sum_output else a.stack(b)

    def state_space(self) -> StateSpace:
        a, b = (state_space_of(branch, self.input_channels) for branch in (self.branchA, self.branchB))
        return a + b if self.sum_output else a.stack(b)

    def probe(self, z: torch.Tensor | complex) -> torch.Tensor:
        """The transfer matrix (N_out, N_in) at one point of the z-plane."""
        return self._probe("probe", z)

    def probe_w(self, w: torch.Tensor | complex) -> torch.Tensor:
        """The transfer matrix (N_out, N_in) at one point w = 1/z."""
        return self._probe("probe_w", w)

    def _probe(self, how: str, point: torch.Tensor | complex) -> torch.Tensor:
        a, b = (probe_of(branch, how, point, self.input_channels) for branch in (self.branchA, self.branchB))
        if a is None or b is None:
            raise ValueError("Parallel: a branch has no value at a point of the z-plane")
        return a + b if self.sum_output else torch.cat((a, b))
