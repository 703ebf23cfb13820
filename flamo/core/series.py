"""Processors one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Self

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.container import Container, probe_chain
from flamo.core.response import Response, call, cascade_of, has_response, merged, response_of
from flamo.core.state_space import StateSpace, state_space_of


class Series(Container, nn.Sequential):
    r"""Processors one after the other.

    .. math:: y = H_K \cdots H_2 H_1 x

    Args:
        *args: modules, or OrderedDicts of named modules. A ``nn.Sequential`` among them is taken apart: its parts
            join, with their names where they have some. Parts can be reached by name, index or slice, and replaced.

    Raises:
        TypeError: an argument is no module.
        ValueError: two parts of one name; parts whose nfft, alias_decay_db or channels do not agree (says which).

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). ``ext_param`` is a dict by part name, nested as the parts are.

    >>> from flamo import dsp
    >>> chain = Series(dsp.Gain((3, 2)), dsp.parallelGain((3,)))
    >>> chain.input_channels, chain.output_channels, len(chain[1:])
    (2, 3, 1)
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        for name, module in self._unpacked(args):
            self._add(name, module)
        self.check()

    def _unpacked(self, args: tuple[Any, ...]) -> Iterator[tuple[str | None, nn.Module]]:
        """Named or anonymous parts, with Sequentials and dicts taken apart."""
        for arg in args:
            if isinstance(arg, nn.Module) and not isinstance(arg, nn.Sequential):
                yield None, arg
                continue
            parts = arg._modules if isinstance(arg, nn.Sequential) else arg
            if not isinstance(parts, dict):
                raise TypeError(f"Series: expected a module or an OrderedDict of modules, got {type(arg).__name__}")
            for name, module in parts.items():
                for inner, part in self._unpacked((module,)):
                    yield inner or (None if name.isdigit() or isinstance(module, nn.Sequential) else name), part

    def _add(self, name: str | None, module: nn.Module) -> str:
        name = str(len(self)) if name is None else name
        if name in self._modules:
            raise ValueError(f"Series: the name {name!r} is taken; give the parts names of their own")
        self.add_module(name, module)
        return name

    def _insert_at(self, index: int, args: tuple[Any, ...]) -> Self:
        """Add parts before the one at ``index``; the others keep their names."""
        before = dict(self._modules)
        try:
            added = [self._add(name, module) for name, module in self._unpacked(args)]
            others = [name for name in self._modules if name not in added]
            order = others[:index] + added + others[index:]
            modules = {name: self._modules[name] for name in order}
            self._modules.clear()
            self._modules.update(modules)
            return self.check()
        except (TypeError, ValueError):  # a refused part leaves the series as it was
            self._modules.clear()
            self._modules.update(before)
            raise

    def append(self, new_module: Any) -> Self:
        return self._insert_at(len(self), (new_module,))

    def prepend(self, new_module: Any) -> Self:
        return self._insert_at(0, (new_module,))

    def insert(self, index: int, new_module: Any) -> Self:
        if not -len(self) <= index <= len(self):
            raise ValueError(f"Series: index must be within ±{len(self)}, got {index}")
        return self._insert_at(index % len(self) if index < 0 else index, (new_module,))

    @computed
    def input_channels(self) -> int | None:
        return next((n for m in self if (n := getattr(m, "input_channels", None)) is not None), None)

    @computed
    def output_channels(self) -> int | None:
        return next((n for m in reversed([*self]) if (n := getattr(m, "output_channels", None)) is not None), None)

    def _joints(self) -> Iterator[tuple[tuple[str, int | None], tuple[str, int | None]]]:
        known = [(name, m) for name, m in self._modules.items() if getattr(m, "input_channels", None) is not None]
        for (source, a), (sink, b) in pairwise(known):
            if self._neighbours(source, sink):
                yield (source, a.output_channels), (sink, b.input_channels)  # type: ignore[misc]

    def _neighbours(self, source: str, sink: str) -> bool:
        """Whether only parts stand between the two that keep the number of channels."""
        names = list(self._modules)
        between = names[names.index(source) + 1 : names.index(sink)]
        return all(isinstance(self._modules[name], nn.Identity) for name in between)

    def forward(self, input: torch.Tensor, ext_param: Any = None) -> torch.Tensor:
        external = self._by_name(ext_param)
        for name, module in self._modules.items():  # not named_children, which leaves out a part that comes twice
            input = call(module, input, external.get(name))
        return input

    @property
    def has_response(self) -> bool:
        return type(self).forward is Series.forward and self._sized

    def response(self, ext_param: Any = None) -> Response:
        return cascade_of(self.factors(ext_param))

    def factors(self, ext_param: Any = None) -> list[Response]:
        """The responses of the parts, multiplied with each other where that keeps them small."""
        external = self._by_name(ext_param)
        like = self._like(self.input_channels)
        chain: list[Response] = []
        for name, module in self._modules.items():
            if not isinstance(module, nn.Identity):
                chain += factors_of(module, like, external.get(name))
                like = like[:, :, :1].expand(-1, -1, chain[-1].output_channels)
        return merged(chain or [response_of(nn.Identity(), like)])

    def state_space(self) -> StateSpace:
        channels, total = self.input_channels, None
        for module in self._modules.values():
            if not isinstance(module, nn.Identity):
                part = state_space_of(module, channels)
                total = part if total is None else part @ total
        return state_space_of(nn.Identity(), channels) if total is None else total

    def probe(self, z: torch.Tensor | complex) -> torch.Tensor:
        """The transfer matrix (N_out, N_in) at one point of the z-plane."""
        return self._probe("probe", z)

    def probe_w(self, w: torch.Tensor | complex) -> torch.Tensor:
        """The transfer matrix (N_out, N_in) at one point w = 1/z."""
        return self._probe("probe_w", w)

    def _probe(self, how: str, point: torch.Tensor | complex) -> torch.Tensor:
        total = probe_chain(self, how, point, self.input_channels)
        if total is None:
            raise ValueError("Series: nothing in it has a value at a point of the z-plane")
        return total


def factors_of(module: nn.Module, like: torch.Tensor, ext_param: object = None) -> list[Response]:
    """As :func:`~flamo.core.response.response_of`, in the factors of a Series."""
    if isinstance(module, Series) and type(module).response is Series.response and has_response(module):
        return module.factors(ext_param)
    return [response_of(module, like, ext_param)]


def as_part(module: Any) -> nn.Module:
    """What a container takes as a part: a module as it is; a Sequential or an OrderedDict as a Series."""
    if isinstance(module, nn.Module) and (isinstance(module, Series) or not isinstance(module, nn.Sequential)):
        return module
    return Series(module)
