"""The base of every processor."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, Self

import torch
from torch import nn

from flamo.core.checks import checked_dtype, checked_map, checked_size, number
from flamo.core.computed import computed
from flamo.core.constraints import Constraint, Identity
from flamo.core.grid import FrequencyGrid, real_dtype
from flamo.core.memory import Memory
from flamo.core.physical import Physical
from flamo.core.poles import HasPoles
from flamo.core.response import Response

_grid = lru_cache(maxsize=64)(FrequencyGrid)  # asked for several times a step


class DSP(Physical, HasPoles):
    r"""A linear time-invariant processor with one parameter tensor, sampled on a frequency grid.

    A subclass says what it is in one method, :meth:`transfer`; its response on the grid, :meth:`probe` and
    :meth:`forward` follow. It may override :meth:`on_grid` where there is a faster way to the same numbers.

    Args:
        size: shape of ``param``; ends in (N_out, N_in), or in (N,) where the class attribute ``diagonal`` is True.
        nfft: number of FFT points.
        map: what turns ``param`` into the values that ``transfer`` uses; may be assigned afterwards.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.

    Raises:
        TypeError: a size that is not a tuple of whole numbers, a map that cannot be called, a dtype that is not
            torch.float32 or torch.float64.
        ValueError: a size with the wrong number of dimensions or one below 1, nfft below 1.

    Shapes: x (B, F, N_in, …) complex, with F = nfft // 2 + 1; result (B, F, N_out, …). Source: arXiv 2409.08723.
    """

    axes: ClassVar[tuple[str, ...]] = ()  # what stands before the channels in size
    diagonal: ClassVar[bool] = False

    input_channels: int
    output_channels: int

    def __init__(
        self,
        size: tuple[int, ...],
        nfft: int = 2048,
        map: Callable[[torch.Tensor], torch.Tensor] = Identity(),
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        for name in ("device", "dtype", "requires_grad"):  # set by a subclass before this call: the arguments count
            vars(self).pop(name, None)
        super().__init__()
        self._memory = Memory()
        self.size = checked_size(size)
        self.map = checked_map("map", map)
        self.nfft = FrequencyGrid(nfft, number("alias_decay_db", alias_decay_db)).nfft
        self.alias_decay_db = torch.as_tensor(alias_decay_db, dtype=torch.float64, device="cpu")
        data = torch.empty(self.size, device=device, dtype=checked_dtype(dtype))
        self.param = nn.Parameter(data, requires_grad=requires_grad)
        self.init_param()

    # -- what it is ------------------------------------------------------------------------------------------------

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        """The transfer function at any complex points w = 1/z (γ is not included).

        Args:
            w: points, shape (F,).
            param: a raw parameter of shape ``size`` to use instead of the stored one.

        Returns:
            (F, N_out, N_in), or (F, N) for a diagonal layout, differentiable, in the precision of w or better.
        """
        raise NotImplementedError(f"{type(self).__name__} must define transfer(w, param)")

    def operands(self, w: torch.Tensor, param: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """What a ``transfer`` starts from: w shaped to broadcast against the channels, and the mapped parameter."""
        value = self.values(param)
        return w.reshape(w.shape + (1,) * self.channel_dims), value.to(w.dtype if value.is_complex() else w.real.dtype)

    def values(self, param: torch.Tensor | None = None) -> torch.Tensor:
        """The mapped parameter in the working precision.

        A constraint is computed in that precision, and knows of batches; another map gets one item in its own.
        """
        raw = self.param if param is None else param
        wide = real_dtype(raw.device)
        if isinstance(self.map, Constraint):
            return self.map(raw.to(wide))
        value = torch.vmap(self.map)(raw) if self.is_batch(raw) else self.map(raw)
        return value.to(wide.to_complex() if value.is_complex() else wide)

    def on_grid(self, param: torch.Tensor) -> Response:
        """The response on the grid; ``param`` may carry a batch of its own, (B, *size)."""
        w = self.grid.points(param.device)
        h = torch.vmap(lambda p: self.transfer(w, p))(param) if self.is_batch(param) else self.transfer(w, param)
        return self.laid_out(h.to(param.dtype.to_complex()), param)

    def is_batch(self, param: torch.Tensor) -> bool:
        """Whether a parameter is (B, *size)."""
        return param.ndim > len(self.size)

    def laid_out(self, h: torch.Tensor, param: torch.Tensor) -> Response:
        """The response (F or 1, *channels) of a parameter, or (B, F or 1, *channels) of a batch of them."""
        return Response(h if self.is_batch(param) else h[None])

    # -- what follows from it --------------------------------------------------------------------------------------

    def response(self, ext_param: torch.Tensor | None = None) -> Response:
        """The response on the grid of the stored or of an external parameter; not to be edited, as it may be kept."""
        return self._respond(self._chosen(ext_param))

    def freq_response(self, param: torch.Tensor) -> torch.Tensor:
        """The response of a raw parameter: (F, N_out, N_in), or (F, N) for a diagonal layout."""
        h = self.on_grid(param).tensor.to(param.dtype.to_complex())
        h = h.expand(-1, self.grid.bins, *h.shape[2:])
        return h if self.is_batch(param) else h[0]

    def freq_convolve(self, x: torch.Tensor, param: torch.Tensor) -> torch.Tensor:
        """The spectrum x filtered with the response of a raw parameter."""
        return self._respond(param).apply(x)

    def forward(self, x: torch.Tensor, ext_param: torch.Tensor | None = None) -> torch.Tensor:
        """Filter a spectrum (B, F, N_in, …); ``ext_param`` replaces the stored parameter for this call."""
        self.check_input_shape(x)
        return self.freq_convolve(x, self._chosen(ext_param))

    def _respond(self, param: torch.Tensor) -> Response:
        if self.has_transfer and param is self.param:
            return self._memory.recall(self, param, lambda: self.on_grid(param))
        if "freq_response" not in vars(self) and type(self).freq_response is DSP.freq_response:
            return self.on_grid(param)
        h = self.freq_response(param)
        return Response(h if h.ndim > 1 + self.channel_dims else h[None])

    def _chosen(self, ext_param: torch.Tensor | None) -> torch.Tensor:
        if ext_param is None:
            return self.param
        if not isinstance(ext_param, torch.Tensor):
            raise TypeError(f"{type(self).__name__}: ext_param must be a tensor, got {type(ext_param).__name__}")
        if ext_param.shape[-len(self.size) :] != self.size or ext_param.ndim > len(self.size) + 1:
            raise ValueError(
                f"{type(self).__name__}: ext_param must have shape {self.size} or (B, *{self.size}), "
                f"got {tuple(ext_param.shape)}"
            )
        return ext_param

    def probe(self, z: torch.Tensor | complex) -> torch.Tensor:
        """The transfer matrix (N_out, N_in) at one point of the z-plane, H(z/γ): on |z| = 1 it is the response."""
        return self.probe_w(1.0 / z)

    def probe_w(self, w: torch.Tensor | complex) -> torch.Tensor:
        """The transfer matrix (N_out, N_in) at one point w = 1/z, H(z/γ)."""
        if not self.has_transfer:
            raise NotImplementedError(
                f"{type(self).__name__} defines its response on the grid only; override transfer(w, param) as well"
            )
        precision = w.dtype if isinstance(w, torch.Tensor) else self.param.dtype
        point = torch.as_tensor(w, device=self.param.device, dtype=real_dtype(self.param.device).to_complex())
        h = self.transfer(self.grid.gamma * point.reshape(1))[0]
        return (torch.diag_embed(h) if self.diagonal else h).to(torch.promote_types(precision, torch.complex64))

    @property
    def has_transfer(self) -> bool:
        """Whether :meth:`transfer` holds: not where a response was put in its place."""
        put = {"freq_response", "freq_convolve"} & vars(self).keys()
        return not put and type(self).freq_response is DSP.freq_response

    @property
    def has_response(self) -> bool:
        """Whether :meth:`response` says all that :meth:`forward` does."""
        cls = type(self)
        plain = cls.forward is DSP.forward and cls.freq_convolve is DSP.freq_convolve
        return plain and "freq_convolve" not in vars(self)

    # -- hooks, called by the constructors; public, so that subclasses may override them -----------------------------

    def initialize_class(self) -> None:
        self.check_param_shape()
        self.get_io()
        self.get_freq_response()
        self.get_freq_convolve()

    def init_param(self) -> None:
        nn.init.normal_(self.param)

    def check_param_shape(self) -> None:
        names = (*self.axes, "N") if self.diagonal else (*self.axes, "N_out", "N_in")
        if len(self.size) != len(names):
            raise ValueError(f"{type(self).__name__}: size must be ({', '.join(names)}), got {self.size}")

    def check_input_shape(self, x: torch.Tensor) -> None:
        name = type(self).__name__
        if x.ndim < 3:
            raise ValueError(f"{name}: input must be (batch, bins, channels, …), got shape {tuple(x.shape)}")
        if x.shape[1] != self.grid.bins:
            raise ValueError(f"{name}: input has {x.shape[1]} bins, but nfft={self.nfft} makes {self.grid.bins}")
        if x.shape[2] != self.input_channels:
            raise ValueError(f"{name}: input has {x.shape[2]} channels, expected {self.input_channels}")

    def get_io(self) -> None:
        self.input_channels, self.output_channels = self.size[-1], self.size[-1 if self.diagonal else -2]

    def get_freq_response(self) -> None:
        """For a subclass to assign ``self.freq_response``; ours needs none."""

    def get_freq_convolve(self) -> None:
        """For a subclass to assign ``self.freq_convolve``; ours needs none."""

    def get_gamma(self) -> torch.Tensor:
        return self.gamma

    # -- attributes ------------------------------------------------------------------------------------------------

    @property
    def grid(self) -> FrequencyGrid:
        return _grid(self.nfft, float(self.alias_decay_db))

    @property
    def channel_dims(self) -> int:
        return 1 if self.diagonal else 2

    @computed
    def gamma(self) -> torch.Tensor:
        return torch.tensor(self.grid.gamma, dtype=self.param.dtype, device=self.param.device)

    @computed
    def device(self) -> torch.device:
        return self.param.device

    @computed
    def dtype(self) -> torch.dtype:
        return self.param.dtype

    @computed
    def requires_grad(self) -> bool:
        return self.param.requires_grad

    def fft(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft(x, n=self.nfft, dim=0)

    def ifft(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft(x, n=self.nfft, dim=0)

    # -- change ----------------------------------------------------------------------------------------------------

    def assign_value(
        self, new_value: torch.Tensor, indx: tuple[slice | int | torch.Tensor, ...] = (slice(None),)
    ) -> None:
        """Put raw values into ``param``, or into the part of it that ``indx`` selects."""
        shape = self.param[indx].shape
        if new_value.shape != shape:
            raise ValueError(f"new_value must have shape {tuple(shape)}, got {tuple(new_value.shape)}")
        with torch.no_grad():
            self.param[indx] = new_value.to(self.param)

    def set_nfft(self, nfft: int) -> Self:
        self.nfft = FrequencyGrid(nfft).nfft
        return self._rehook()

    def set_alias_decay_db(self, alias_decay_db: float) -> Self:
        self.alias_decay_db = torch.as_tensor(alias_decay_db, dtype=torch.float64, device="cpu")
        return self._rehook()

    def set_device(self, device: torch.device | str | None) -> Self:
        return self.to(torch.get_default_device() if device is None else device)

    def set_dtype(self, dtype: torch.dtype) -> Self:
        return self.to(checked_dtype(dtype))

    def _rehook(self) -> Self:
        self.get_freq_response()
        self.get_freq_convolve()
        return self

    # A response assigned by an overridden hook closes over its own module: a copy gets one of its own.

    def __getstate__(self) -> dict[str, Any]:
        made = {
            "freq_response": type(self).get_freq_response is not DSP.get_freq_response,
            "freq_convolve": type(self).get_freq_convolve is not DSP.get_freq_convolve,
        }
        return {name: value for name, value in vars(self).items() if not made.get(name, name == "_memory")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._memory = Memory()
        self._rehook()

    def extra_repr(self) -> str:
        shown = []
        for name, argument in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name, argument.default)
            if name not in ("device", "dtype", "map") and value != argument.default:
                shown.append(f"{name}={value.item() if isinstance(value, torch.Tensor) else value!r}")
        return ", ".join(shown)
