"""What the containers have in common: agreement of their parts, reconfiguration, external parameters by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.grid import FrequencyGrid
from flamo.core.poles import HasPoles
from flamo.core.response import Response, measured


class Container(HasPoles):
    """Base of :class:`Series`, :class:`Parallel`, :class:`Recursion` and :class:`Shell`.

    Parts without the attributes that are compared here (any ``nn.Module``) pass. Everything is read from the parts
    when it is asked for, so they may be replaced at any time.
    """

    part_names: ClassVar[Mapping[str, str]] = {}  # where a part is found, for parameters that are not named after it

    # -- attributes, from the parts ----------------------------------------------------------------------------------

    @computed
    def nfft(self) -> int | None:
        return self._agreed("nfft")

    @computed
    def alias_decay_db(self) -> torch.Tensor | float | None:
        return self._agreed("alias_decay_db")

    @computed
    def device(self) -> torch.device | None:
        return next((p.device for p in self.parameters()), None)

    @computed
    def dtype(self) -> torch.dtype | None:
        return next((p.dtype for p in self.parameters()), None)

    @property
    def grid(self) -> FrequencyGrid:
        if self.nfft is None:
            raise ValueError(f"{type(self).__name__}: no part of it has an nfft")
        return FrequencyGrid(self.nfft, float(self.alias_decay_db or 0.0))

    def _agreed(self, attribute: str) -> Any:
        """The value that every part has which has one."""
        found: tuple[str, Any] | None = None
        for name, module in self.named_children():
            value = getattr(module, attribute, None)
            if value is None:
                continue
            if found is None:
                found = (name, value)
            elif not math.isclose(value, found[1], rel_tol=1e-6):  # float32 and float64 of one number agree
                raise ValueError(
                    f"{type(self).__name__}: {attribute} differs: {self._label(found[0])} has {float(found[1]):g}, "
                    f"{self._label(name)} has {float(value):g}"
                )
        return found and found[1]

    def _label(self, name: str) -> str:
        return f"{name.removeprefix('_Shell__')} ({type(self._modules[name]).__name__})"

    def check(self) -> Self:
        """Raise ValueError unless nfft, alias_decay_db and channels agree; says which two parts do not."""
        self._agreed("nfft")
        self._agreed("alias_decay_db")
        for (source, outputs), (sink, inputs) in self._joints():
            if None not in (outputs, inputs) and outputs != inputs:
                raise ValueError(
                    f"{type(self).__name__}: channels do not match: "
                    f"{self._label(source)} has {outputs}, {self._label(sink)} has {inputs}"
                )
        return self

    def _joints(self) -> Iterable[tuple[tuple[str, int | None], tuple[str, int | None]]]:
        """Pairs of (part, channels) that must be equal."""
        return ()

    # -- external parameters -----------------------------------------------------------------------------------------

    def _by_name(self, ext_param: Any) -> Mapping[str, Any]:
        """External parameters as a mapping by the names of the parts."""
        if ext_param is None:
            return {}
        if not isinstance(ext_param, Mapping):
            raise TypeError(f"{type(self).__name__}: ext_param must be a dict by name, got {type(ext_param).__name__}")
        for name in ext_param:
            if name not in self._modules:
                raise ValueError(
                    f"{type(self).__name__}: ext_param names {name!r}, which is not one of {', '.join(self._modules)}"
                )
        return ext_param

    # -- responses ---------------------------------------------------------------------------------------------------

    @property
    def has_response(self) -> bool:
        """Whether :meth:`response` says all that ``forward`` does."""
        return False

    @property
    def _sized(self) -> bool:
        """Whether the parts say enough to know the shape of a spectrum."""
        return self.nfft is not None and getattr(self, "input_channels", None) is not None

    def response(self, ext_param: Any = None) -> Response:
        """The response on the grid."""
        raise NotImplementedError(f"{type(self).__name__} has no response of its own")

    def _like(self, channels: int | None) -> torch.Tensor:
        """An empty spectrum of the right shape and type, for :func:`~flamo.core.response.response_of`."""
        bins = self.grid.bins
        if channels is None:
            raise ValueError(f"{type(self).__name__}: no part of it says how many channels it has")
        dtype = (self.dtype or torch.get_default_dtype()).to_complex()
        return torch.zeros((), dtype=dtype, device=self.device).expand(1, bins, channels)

    def _check_input(self, x: torch.Tensor, channels: int | None) -> None:
        bins = x.shape[1] if self.nfft is None else self.grid.bins
        if x.ndim < 3 or x.shape[1] != bins or channels not in (None, x.shape[2]):
            raise ValueError(
                f"{type(self).__name__}: input must be (batch, {bins} bins, {channels or 'any'} channels, …), "
                f"got shape {tuple(x.shape)}"
            )

    # -- poles -------------------------------------------------------------------------------------------------------

    @property
    def degree(self) -> int:
        return sum(int(p.degree) for p in self.children() if isinstance(p, HasPoles))

    @property
    def resolution(self) -> float:
        return sum(float(p.resolution) for p in self.children() if isinstance(p, HasPoles))

    def is_stable(self) -> bool:
        """Whether every part is stable; a module that is no part of flamo is taken for a constant matrix."""
        return all(p.is_stable() for p in self.children() if isinstance(p, HasPoles))

    # -- reconfiguration ---------------------------------------------------------------------------------------------

    def set_nfft(self, nfft: int) -> Self:
        return self._each("set_nfft", nfft)

    def set_alias_decay_db(self, alias_decay_db: float) -> Self:
        return self._each("set_alias_decay_db", alias_decay_db)

    def set_device(self, device: torch.device | str | None) -> Self:
        return self._each("set_device", device).to(torch.get_default_device() if device is None else device)

    def set_dtype(self, dtype: torch.dtype) -> Self:
        return self._each("set_dtype", dtype).to(dtype)

    def _each(self, method: str, value: Any) -> Self:
        for module in self.children():
            if hasattr(module, method):
                getattr(module, method)(value)
        return self


def probe_of(module: nn.Module, how: str, point: torch.Tensor | complex, channels: int | None) -> torch.Tensor | None:
    """The matrix of a module at one point: by its ``probe`` or ``probe_w`` (``how``), or its action on the identity.

    None where the module has no value at a point, as a transform between time and frequency.
    """
    if hasattr(module, how):
        return getattr(module, how)(point)
    if hasattr(module, "probe"):  # a transform
        return None
    if channels is None:
        raise ValueError(f"cannot probe a {type(module).__name__}: no part says how many channels there are")
    like = next((p for p in module.parameters()), torch.empty(0))
    one_bin = torch.empty(1, 1, channels, dtype=like.dtype.to_complex(), device=like.device)
    return measured(module, one_bin)[0]


def probe_chain(
    modules: Iterable[nn.Module], how: str, point: torch.Tensor | complex, channels: int | None
) -> torch.Tensor | None:
    """The product of :func:`probe_of` over modules one after the other; None where none has a value at a point."""
    total: torch.Tensor | None = None
    for module in modules:
        if isinstance(module, nn.Identity):
            continue
        h = probe_of(module, how, point, channels)
        if h is not None:
            total, channels = h if total is None else h @ total, h.shape[0]
    return total
