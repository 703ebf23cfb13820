"""Householder reflections."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from flamo.core.checks import checked_size
from flamo.core.constraints import Constraint
from flamo.core.dsp import DSP
from flamo.core.physical import Values
from flamo.core.response import Response
from flamo_gains.gain import Gain


@dataclass(frozen=True)
class UnitVector(Constraint):
    """A column divided by its length.

    >>> UnitVector()(torch.tensor([[3.0], [4.0]])).flatten()
    tensor([0.6000, 0.8000])
    """

    elementwise = False

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return raw / torch.linalg.vector_norm(raw, dim=-2, keepdim=True)

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        return value


class HouseholderMatrix(Gain):
    r"""Reflection at a hyperplane, applied in O(N).

    .. math:: H = I - 2 u u^T, \quad u = P / \|P\|

    Args:
        size: (N, N); ``param`` is (N, 1).
        nfft: number of FFT points of the system it stands in.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: of the system it stands in; a matrix does not decay.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.

    Raises:
        ValueError: a size that is not square.

    Shapes: (B, F, N, …) → (B, F, N, …). Initial values: standard normal. Source: arXiv 2409.08723.

    >>> mirror = HouseholderMatrix((2, 2), nfft=8)
    >>> mirror.assign_value(torch.tensor([[1.0], [0.0]]))
    >>> mirror.response().full()[0, 0]
    tensor([[-1.,  0.],
            [ 0.,  1.]])
    """

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        nfft: int = 2048,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        rows, *others = checked_size(size)
        if others != [rows]:
            raise ValueError(f"size must be (N, N), got {size}")
        super().__init__((rows, 1), nfft, UnitVector(), requires_grad, alias_decay_db, device, dtype)

    def get_io(self) -> None:
        self.input_channels = self.output_channels = self.size[0]

    def physical_of(self, value: torch.Tensor) -> Values:
        return {}

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        w, u = self.operands(w, param)
        return self._reflection(u) + torch.zeros_like(w)

    def on_grid(self, param: torch.Tensor) -> Response:
        h = self._reflection(self.values(param)).to(param.dtype)
        return self.laid_out(h.unsqueeze(-3), param)

    def _reflection(self, u: torch.Tensor) -> torch.Tensor:
        return torch.eye(u.shape[-2], dtype=u.dtype, device=u.device) - 2 * u @ u.mT

    def freq_convolve(self, x: torch.Tensor, param: torch.Tensor) -> torch.Tensor:
        u = self.values(param).to(x.dtype)
        u = u[..., 0] if self.is_batch(param) else u[None, :, 0]  # (B, N)
        along = torch.einsum("bn,bfn...->bf...", u, x)
        return x - 2 * torch.einsum("bn,bf...->bfn...", u, along)

    @property
    def has_response(self) -> bool:
        cls = type(self)
        plain = cls.forward is DSP.forward and cls.freq_convolve is HouseholderMatrix.freq_convolve
        return plain and not {"freq_convolve", "freq_response"} & vars(self).keys()
