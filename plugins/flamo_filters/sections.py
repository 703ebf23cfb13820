"""The base of the filters that are made of second-order sections."""

from __future__ import annotations

import math
from functools import cached_property
from typing import ClassVar

import torch

from flamo.core.computed import computed
from flamo.core.memory import for_everyone
from flamo.core.poles import MAX_ORDER, HasPoles
from flamo.core.rbj import Sections
from flamo.core.response import Response
from flamo.core.state_space import StateSpace
from flamo.kernels.sections import cascade, through
from flamo_filters.fir import Filter


class SectionResponse(Response):
    """The response of sections (3, K, *channels), not computed before it is needed.

    A single spectrum that goes through them alone does without, and so does a response that stands beside them in each
    channel; and while their parameters learn, they make another response in every step.
    """

    def __init__(self, b: torch.Tensor, a: torch.Tensor, w: torch.Tensor, dtype: torch.dtype) -> None:
        vars(self).update(b=b, a=a, w=w, dtype=dtype)
        self.__post_init__()

    @property
    def shape(self) -> torch.Size:
        return torch.Size((1, len(self.w), *self.b.shape[2:]))

    @property
    def learns(self) -> bool:
        return self.b.requires_grad or self.a.requires_grad

    @cached_property
    def tensor(self) -> torch.Tensor:  # type: ignore[override]
        if self.learns or torch._C._functorch.is_functorch_wrapped_tensor(self.b):
            return self._computed()
        with for_everyone():  # it may be remembered
            return self._computed()

    def _computed(self) -> torch.Tensor:
        return cascade(self.b.flatten(2), self.a.flatten(2), self.w, self.dtype).reshape(self.shape)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        single = len(x) == 1 and x.ndim == 3 and (self.diagonal or self.input_channels == 1)
        y = self._heard_by(x[0]) if single else None
        return super().apply(x) if y is None else y[None]

    def __matmul__(self, other: Response) -> Response:
        alike = self.diagonal and self.shape == other.shape
        y = self._heard_by(other.tensor[0]) if alike else None
        return super().__matmul__(other) if y is None else Response(y[None])

    def __rmatmul__(self, other: Response) -> Response:
        """``other @ self``: channel by channel it is the same."""
        return self @ other if self.diagonal and other.diagonal else other.__matmul__(self)

    def _heard_by(self, x: torch.Tensor) -> torch.Tensor | None:
        """What they make of a spectrum (F, channels); None where that takes the response, or it is there already."""
        if "tensor" in vars(self) or x.dtype != self.dtype:
            return None
        b, a = self.b.flatten(2), self.a.flatten(2)
        return through(b, a, self.w, x.expand(-1, b.shape[2]))


class SectionFilter(Filter):
    r"""A cascade of second-order sections; a subclass gives their coefficients in :meth:`sections`.

    .. math:: H(z) = \prod_k \frac{b_{0k} + b_{1k} z^{-1} + b_{2k} z^{-2}}{a_{0k} + a_{1k} z^{-1} + a_{2k} z^{-2}}

    Coefficients are formed in float64 whatever the dtype of the parameters.
    """

    axes: ClassVar[tuple[str, ...]] = ("sections", "parameters")
    count = "n_sections"

    def sections(self, value: torch.Tensor) -> Sections:
        """Numerators and denominators (b, a) of a mapped parameter, each (3, [B], K, *channels)."""
        raise NotImplementedError(f"{type(self).__name__} must define sections(value)")

    def initialize_class(self) -> None:
        self.get_map()
        super().initialize_class()

    def get_map(self) -> None:
        """For a subclass to assign ``self.map``."""

    @property
    def section_dim(self) -> int:
        """The axis of the sections, or of their parameters once the sections are chosen; negative, so that a batch
        may stand before it."""
        return -1 - self.channel_dims

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        _, value = self.operands(w, param)
        return self._cascade(self.sections(value), w, w.dtype)

    def on_grid(self, param: torch.Tensor) -> Response:
        if self._owns_coefficients:
            sections, w = self.sections(self.values(param)), self.grid.points(param.device)
            if not self.is_batch(param):
                return SectionResponse(*self._aligned(sections), w, param.dtype.to_complex())
            h = self._cascade(sections, w, param.dtype.to_complex())
        else:
            value = self.values(param).to(param.dtype)
            items = value if self.is_batch(param) else value[None]
            h = torch.stack([self.get_poly_coeff(item)[0] for item in items])
            h = h if self.is_batch(param) else h[0]
        return self.laid_out(h, param)

    def _aligned(self, sections: Sections) -> Sections:
        """As (3, K, [B], *channels)."""
        b, a = (c.movedim(self.section_dim, 1) for c in sections)
        return b, a

    def _cascade(self, sections: Sections, w: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        b, a = self._aligned(sections)
        h = cascade(b.flatten(2), a.flatten(2), w, dtype)
        return h.reshape(-1, *b.shape[2:]).movedim(0, self.section_dim)

    def sos(self, param: torch.Tensor | None = None) -> torch.Tensor:
        """Coefficients in scipy's order, (*channels, K, 6) in float64 with a0 = 1: ready for ``scipy.signal.sosfilt``.

        Raises:
            NotImplementedError: a subclass defines its response by ``get_poly_coeff``, and so has no sections.
        """
        if not self._owns_coefficients:
            raise NotImplementedError(
                f"{type(self).__name__} overrides get_poly_coeff; override sections(value) instead"
            )
        b, a = self.sections(self.values(param).detach())
        rows = torch.cat((b, a)) / a[:1]  # (6, [B], K, *channels)
        return rows.movedim((0, self.section_dim), (-1, -2)).contiguous()

    def section_poles(self) -> torch.Tensor:
        """The two poles of every section, (*channels, K, 2) in complex128.

        >>> from flamo import dsp
        >>> dsp.SOSFilter.from_sos([[1.0, 0.0, 0.0, 1.0, 0.0, 0.25]]).section_poles().imag.flatten()
        tensor([ 0.5000, -0.5000], dtype=torch.float64)
        """
        return _roots(*self.sos()[..., 4:].unbind(-1))

    def poles(self, max_order: int = MAX_ORDER) -> torch.Tensor:
        """The poles of all sections, complex128, largest magnitude first; there is no limit to the order."""
        found = self.section_poles().flatten()
        return found[found.abs().argsort(descending=True)]

    def is_stable(self) -> bool:
        return HasPoles.is_stable(self)  # not that of finite impulse responses

    @property
    def degree(self) -> int:
        return self.section_poles().numel()

    @property
    def resolution(self) -> float:
        nearest = 1.0 - self.poles()[0].abs().item()  # to the circle: the width of a resonance
        return 4.0 * self.degree + (4 * math.pi / nearest if nearest > 0 else math.inf)

    def state_space(self) -> StateSpace:
        return StateSpace.of_sections(self.sos())

    def get_poly_coeff(self, param: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Response and polynomials on the grid of a *mapped* parameter: H (F, *channels), B and A (F, K, *channels).

        A subclass may override it; its H is then the response.
        """
        w = self.grid.points(param.device)
        dtype = param.dtype.to_complex()
        b, a = self.sections(param.to(w.dtype.to_real()))
        powers = torch.stack((torch.ones_like(w), w, w * w), 1)
        B, A = (torch.tensordot(powers, c.to(w.dtype), dims=1).to(dtype) for c in (b, a))
        return self._cascade((b, a), w, dtype), B, A

    @property
    def _owns_coefficients(self) -> bool:
        own = type(self).get_poly_coeff is SectionFilter.get_poly_coeff
        return own and "get_poly_coeff" not in vars(self)

    @property
    def has_transfer(self) -> bool:
        return super().has_transfer and self._owns_coefficients

    @computed
    def alias_envelope_dcy(self) -> torch.Tensor:
        """γ^n for n = 0, 1, 2: what weights the coefficients on the grid."""
        return self.gamma ** torch.arange(3, device=self.param.device)


def _roots(a1: torch.Tensor, a2: torch.Tensor) -> torch.Tensor:
    """The roots of z² + a1 z + a2, (…, 2); real ones without cancellation."""
    half = -a1 / 2
    square = half**2 - a2
    root = torch.sqrt(square.to(torch.complex128))
    far = half + torch.where((root * half).real < 0, -root, root)
    near = torch.where(square >= 0, torch.where(far == 0, 0.0, a2 / far), half - root)
    return torch.stack((far, near), -1)
