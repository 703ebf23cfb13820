"""The layout algebra: what a linear system does to a spectrum, as one tensor whose shape says how."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from torch import nn

from flamo.kernels.product import filtered, mixed


@dataclass(frozen=True)
class Response:
    """A transfer matrix on the grid, in the smallest layout that holds it.

    The tensor has the shape (B, F, N_out, N_in) for a full matrix or (B, F, N) for a diagonal one (each channel on its
    own). B is 1 where the items of a batch share the response, F is 1 where it is the same in every bin.

    >>> gain = Response(torch.full((1, 1, 2), 0.5))                 # two channels, constant
    >>> mix = Response(torch.ones(1, 1, 3, 2))                      # three outputs of two inputs
    >>> (mix @ gain).apply(torch.ones(1, 5, 2)).shape
    torch.Size([1, 5, 3])
    """

    tensor: torch.Tensor

    def __post_init__(self) -> None:
        if len(self.shape) not in (3, 4):
            raise ValueError(f"a response has the shape (B, F, N) or (B, F, N_out, N_in), got {tuple(self.shape)}")

    @property
    def shape(self) -> torch.Size:
        return self.tensor.shape

    @property
    def learns(self) -> bool:
        """Whether it leads to a parameter that learns."""
        return self.tensor.requires_grad

    @property
    def diagonal(self) -> bool:
        return len(self.shape) == 3

    @property
    def constant(self) -> bool:
        return self.shape[1] == 1

    @property
    def input_channels(self) -> int:
        return self.shape[-1]

    @property
    def output_channels(self) -> int:
        return self.shape[2]

    def full(self) -> torch.Tensor:
        """The transfer matrix as (B, F, N_out, N_in)."""
        return torch.diag_embed(self.tensor) if self.diagonal else self.tensor

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply a spectrum (B, F, N_in, …) by channel, or matrix by vector; trailing dimensions ride along."""
        if self.constant and not self.diagonal:
            return _same_in_every_bin(self.tensor[:, 0], x)
        return filtered(*_same_dtype(self.tensor, x))

    def __matmul__(self, other: Response) -> Response:
        """The cascade: ``(g @ h).apply(x) == g.apply(h.apply(x))``."""
        _match("cascade", self.input_channels, other.output_channels)
        g, h = _same_dtype(self.tensor, other.tensor)
        if self.diagonal:
            return Response(g * h if other.diagonal else g[..., None] * h)
        return Response(g * h[..., None, :] if other.diagonal else g @ h)

    def __add__(self, other: Response) -> Response:
        """The sum of two branches."""
        _match("sum", self.input_channels, other.input_channels)
        _match("sum", self.output_channels, other.output_channels)
        if self.diagonal and other.diagonal:
            return Response(self.tensor + other.tensor)
        return Response(self.full() + other.full())

    def stack(self, other: Response) -> Response:
        """Two branches side by side: this one's outputs, then the other's."""
        _match("stack", self.input_channels, other.input_channels)
        g, h = _same_dtype(self.full(), other.full())
        batch, bins = (max(g.shape[i], h.shape[i]) for i in (0, 1))
        return Response(torch.cat([t.expand(batch, bins, -1, -1) for t in (g, h)], dim=2))


def merged(chain: Iterable[Response]) -> list[Response]:
    """Responses one after the other, the first to come first, with neighbours multiplied that stay as small.

    >>> gain, mix = Response(torch.ones(1, 1, 2)), Response(torch.ones(1, 1, 2, 2))
    >>> delay = Response(torch.ones(1, 5, 2, dtype=torch.complex64))
    >>> [h.tensor.ndim for h in merged([gain, mix, delay, gain])]
    [4, 3]
    """
    out: list[Response] = []
    for h in chain:
        if out and ((h.diagonal and out[-1].diagonal) or (h.constant and out[-1].constant)):
            out[-1] = h @ out[-1]
        else:
            out.append(h)
    return out


def cascade_of(chain: Iterable[Response]) -> Response:
    """The response of at least one, the first to come first."""
    return reduce(lambda total, h: h @ total, chain)


def call(module: nn.Module, x: torch.Tensor, ext_param: object = None) -> torch.Tensor:
    """Run a module, with external parameters where there are some; a module that takes none stands anywhere."""
    if ext_param is None:
        return module(x)
    if not (hasattr(module, "response") or "ext_param" in inspect.signature(module.forward).parameters):
        raise ValueError(f"ext_param was given for a {type(module).__name__}, which takes none")
    return module(x, ext_param)


def has_response(module: nn.Module) -> bool:
    """Whether ``module.response(ext_param)`` says all that ``module.forward`` does."""
    hooked = module._forward_hooks or module._forward_pre_hooks
    return isinstance(module, nn.Identity) or (not hooked and bool(getattr(module, "has_response", False)))


def response_of(module: nn.Module, like: torch.Tensor, ext_param: object = None) -> Response:
    """The response of any module: its own, or its action on each input channel excited alone.

    Args:
        module: a processor, a container or any linear ``nn.Module`` that maps (B, F, N_in) to (B, F, N_out).
        like: a spectrum (B, F, N_in, …) that says how many bins and channels there are, which type and which device.
        ext_param: external parameters of the module.
    """
    channels = like.shape[2]
    if isinstance(module, nn.Identity):
        return Response(like.new_ones(1, 1, channels))
    if has_response(module):
        return module.response(ext_param)  # type: ignore[operator]
    return Response(measured(module, like, ext_param)[None])


def measured(module: nn.Module, like: torch.Tensor, ext_param: object = None) -> torch.Tensor:
    """The matrix of a linear module in every bin, (F, N_out, N_in): its answers to the unit vectors.

    Raises:
        ValueError: a module that is no linear map of each bin, as another spectrum shows.
    """
    bins, channels = like.shape[1:3]
    unit = torch.eye(channels, dtype=like.dtype, device=like.device)[:, None].expand(-1, bins, -1)
    k = torch.arange(bins * channels, dtype=torch.float64, device=like.device)
    size = 10.0 ** (3.0 * torch.frac(k * 0.618034) - 1.5)  # loud and soft: what bends may do so at either end
    other = torch.polar(size, k * k).to(like.dtype).reshape(1, bins, channels)
    heard, answer = _action(module, torch.cat((unit, other)), ext_param)
    h = answer[:-1].permute(1, 2, 0)
    with torch.no_grad():
        error = (h.to(like.dtype) @ heard[-1, :, :, None].to(like.dtype))[..., 0] - answer[-1]
        if error.abs().max() > 1e-3 * answer.abs().max():
            raise _no_response(module, "it has a bias, bends the signal or mixes bins")
    return h


def _action(module: nn.Module, excitation: torch.Tensor, ext_param: object = None) -> tuple[torch.Tensor, torch.Tensor]:
    """What a module hears and what it makes of it; one for real numbers hears the real part."""
    types = {p.dtype for p in module.parameters() if p.is_complex() or p.is_floating_point()}
    heard = excitation.to(next((t for t in types if t.is_complex), excitation.dtype))
    try:
        return heard, call(module, heard, ext_param).to(excitation.dtype)
    except RuntimeError:  # torch's complaint about types that differ
        heard = excitation.real.to(next(iter(types), excitation.real.dtype))
    try:
        return heard, call(module, heard, ext_param).to(excitation.dtype)
    except RuntimeError as error:
        raise _no_response(module, str(error)) from error


def _no_response(module: nn.Module, reason: str) -> ValueError:
    return ValueError(
        f"a {type(module).__name__} is no linear map of each bin, so that it has no frequency response and cannot "
        f"stand in a Recursion: {reason}"
    )


def _same_in_every_bin(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(B, N_out, N_in) times (B, F, N_in, …), as one product of matrices; a real one works on real numbers."""
    rows = x.movedim(1, -1)  # (B, N_in, …, F)
    if not rows.is_complex() or h.is_complex():
        h, rows = _same_dtype(h, rows)
        return _rows_times(h, rows).movedim(-1, 1)
    rows = torch.view_as_real(rows.resolve_conj())
    h, rows = _same_dtype(h, rows)
    return torch.view_as_complex(_rows_times(h, rows)).movedim(-1, 1)


def _rows_times(h: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    if len(h) != 1 or len(rows) != 1:
        return (h @ rows.flatten(2)).unflatten(2, rows.shape[2:])
    matrix, columns = h.flatten(0, 1), rows.flatten(2).flatten(0, 1)  # no batch of products
    return mixed(matrix, columns).reshape(1, h.shape[1], *rows.shape[2:])


def _same_dtype(g: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    dtype = torch.promote_types(g.dtype, h.dtype)
    return g.to(dtype), h.to(dtype)


def _match(what: str, left: int, right: int) -> None:
    if left != right:
        raise ValueError(f"cannot {what} responses: one has {left} channels where the other has {right}")
