"""A live system as plain data, which :func:`flamo.config.build.build_node` makes it of again."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from flamo.config.arguments import Argument, Arguments, arguments_of
from flamo.config.build import build_node, takes_any_parts
from flamo.config.compare import alike
from flamo.config.names import CONSTRAINTS, constraint_name, offer_of, qualified
from flamo.core.constraints import Constraint
from flamo.core.dsp import DSP
from flamo.core.recorded import NotData, recorded
from flamo.core.transforms import Transform
from flamo.errors import ConfigError, InputError

Node = dict[str, Any]
_REGISTER = "register its class as a component (docs/plugins.md)"


def describe(module: nn.Module) -> Node:
    """The node of a live module: names of components, all arguments of their constructors, structure.

    What was changed after construction counts, where an argument can say it: nfft, alias_decay_db, dtype, whether it
    learns, a constraint as its map. Values of parameters are not part of it.

    Raises:
        InputError: something cannot be described, such as a function or a class that no plugin offers; says where,
            and what to do.

    >>> from flamo import dsp
    >>> describe(dsp.FFT(512))
    {'fft': {'nfft': 512, 'norm': 'backward', 'dtype': 'float32'}}
    """
    return _Describer().node(module, "")


def where(path: str, module: nn.Module) -> str:
    """How messages name a module."""
    return f"{path or 'the system'} ({type(module).__name__})"


class _Describer:
    """Describes a tree of modules; ``path`` is dotted, as in a state dict."""

    def node(self, module: nn.Module, path: str) -> Node:
        name = self._name(module, path)
        if takes_any_parts(type(module)):
            parts = module._modules.items()
            return {name: {part: self.node(m, _join(path, part)) for part, m in parts if m is not None}}
        known = arguments_of(type(module))  # type: ignore[arg-type]
        arguments = self._parts(module, known, path)
        given = self._given(module, known, path)
        for argument in known.named.values():
            if argument.role == "constructor" and argument.name not in arguments and argument.keyword in given:
                arguments[argument.name] = self._plain(given[argument.keyword], argument, module, path)
        arguments |= _live(module, known)
        if arguments.keys() & self._part_names(known):
            arguments |= self._attributes(module, known, arguments)
        else:
            arguments |= self._changed(module, known, {name: arguments}, path)
        return {name: {n: arguments[n] for n in known.named if n in arguments}}

    def _name(self, module: nn.Module, path: str) -> str:
        offer = offer_of(type(module))
        if offer is None:
            raise InputError(f"{where(path, module)}: {_unknown(module)}")
        return qualified(offer)

    def _part_names(self, known: Arguments) -> set[str]:
        return {argument.name for argument in known.named.values() if argument.form.node and argument.name[:3] != "map"}

    def _parts(self, module: nn.Module, known: Arguments, path: str) -> Node:
        """The arguments that are parts, out of the live ones."""
        found: Node = {}
        for name in self._part_names(known):
            argument = known.named[name]
            place = getattr(module, "part_names", {}).get(argument.keyword, argument.keyword)
            part = module._modules.get(place)
            if part is not None:
                found[name] = self._part(part, _join(path, place))
            elif place not in module._modules and argument.required:
                raise InputError(
                    f"{where(path, module)}: its part {name} is not found under that name; give the class part_names"
                )
        return found

    def _part(self, part: nn.Module, path: str) -> Any:
        if isinstance(part, nn.ModuleList):
            return [self.node(m, _join(path, name)) for name, m in part.named_children()]
        if isinstance(part, nn.ModuleDict):
            return {name: self.node(m, _join(path, name)) for name, m in part.named_children()}
        return self.node(part, path)

    def _given(self, module: nn.Module, known: Arguments, path: str) -> dict[str, Any]:
        """What the constructor was given, by its own names, and its defaults."""
        kept = recorded(module)
        keywords = [a for a in known.named.values() if a.role == "constructor"]
        if kept is None:  # no class of ours: what its attributes say
            return {a.keyword: getattr(module, a.keyword) for a in keywords if hasattr(module, a.keyword)}
        bound = inspect.signature(type(module)).bind(*kept[0], **kept[1])
        given = {a.keyword: a.default for a in keywords if not a.required}
        for name, value in bound.arguments.items():
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                given |= value
            elif kind is not inspect.Parameter.VAR_POSITIONAL:
                given[name] = value
        self._check_data(module, known, given, path)
        return given

    def _check_data(self, module: nn.Module, known: Arguments, given: Mapping[str, Any], path: str) -> None:
        """Every argument that was given must have a place in a description."""
        told = {a.keyword for a in known.named.values()} | {"device"}
        for name, value in given.items():
            if name not in told and value is not None:
                what = value.what if isinstance(value, NotData) else f"a {type(value).__name__}"
                raise InputError(f"{where(path, module)}: its argument {name} is {what}; {_instead(module)}")

    def _plain(self, value: Any, argument: Argument, module: nn.Module, path: str) -> Any:
        """A Python value as plain data."""
        if argument.name == "map":
            return None  # the live one counts
        what = f"{where(path, module)}: its argument {argument.name}"
        if isinstance(value, NotData):
            raise InputError(f"{what} is {value.what}; {_instead(module)}")
        data = _data(value, what)
        whole = int in argument.form.takes and float not in argument.form.takes
        return int(data) if whole and isinstance(data, float) and data.is_integer() else data

    def _attributes(self, module: nn.Module, known: Arguments, arguments: Node) -> Node:
        """Arguments of a container as the attributes of that name are now."""
        data = {name for name in arguments if isinstance(arguments[name], (bool, int, float, str))}
        return {n: value for n in data if type(value := vars(module).get(n)) is type(arguments[n])}

    def _changed(self, module: nn.Module, known: Arguments, node: Node, path: str) -> Node:
        """Arguments that say what was changed since: the map, and attributes that hold what the constructor got."""
        [arguments] = node.values()
        for name in [name for name in arguments if name == "map"]:
            del arguments[name]
        fresh = _rebuilt(module, node, path)
        changed: Node = {}
        for argument in known.named.values():
            now, before = (vars(m).get(argument.keyword) for m in (module, fresh))
            mirrors = argument.role == "constructor" and argument.name in arguments and argument.name != "size"
            if mirrors and not alike(now, before) and _mirrors(before, arguments[argument.name]):
                changed[argument.name] = _data(now, f"{where(path, module)}: its {argument.name}")
        if isinstance(module, DSP):
            if changed:
                fresh = _rebuilt(module, {name: value | changed for name, value in node.items()}, path)
            changed |= self._map(module, fresh, path)
        return changed

    def _map(self, module: DSP, fresh: nn.Module, path: str) -> Node:
        """The map, where it is not the one that the constructor chooses by itself."""
        map = getattr(module, "map", None)
        if alike(map, getattr(fresh, "map", None)) and not isinstance(map, nn.Module):
            return {}
        if not isinstance(map, Constraint):
            name = getattr(map, "__name__", type(map).__name__)
            raise InputError(
                f"{where(path, module)}: its map {name} is a function, which cannot be described; use a constraint of "
                f"flamo.core.constraints, such as Interval(0, 1), Softplus() or a Chain of them"
            )
        return {"map": _data(map, f"{where(path, module)}: its map")}


def _live(module: nn.Module, known: Arguments) -> Node:
    """What is asked of the module itself, whatever it was constructed with."""
    live: Node = {}
    for name, number in (("nfft", int), ("alias_decay_db", float)):
        if name in known.named and (value := getattr(module, name, None)) is not None:
            live[name] = number(value)
    parameter = getattr(module, "param", None)
    dtype = parameter.dtype if isinstance(parameter, nn.Parameter) else getattr(module, "dtype", None)
    if isinstance(dtype, torch.dtype):
        live["dtype"] = str(dtype).removeprefix("torch.")
    if isinstance(parameter, nn.Parameter):
        live["learn"] = parameter.requires_grad
    return {name: value for name, value in live.items() if name in known.named}


def _rebuilt(module: nn.Module, node: Node, path: str) -> nn.Module:
    try:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            return build_node(node, {})
    except ConfigError as error:
        raise InputError(f"{where(path, module)}: cannot be built from its own arguments: {error}") from error


def _mirrors(attribute: Any, argument: Any) -> bool:
    """Whether an attribute just holds an argument."""
    try:
        return attribute is not None and bool(_data(attribute, "") == argument)
    except InputError:
        return False


def _data(value: Any, what: str) -> Any:
    """A Python value as plain data; raises InputError, which names it by ``what``."""
    if isinstance(value, torch.Tensor):
        if value.ndim and value.dtype not in (torch.float32, torch.int64, torch.bool):
            raise InputError(f"{what} is a tensor of {value.dtype}; one of float32 or int64 can be described")
        return _data(value.tolist(), what)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, (list, tuple)):
        return [_data(item, what) for item in value]
    if isinstance(value, dict):
        return {str(name): _data(item, what) for name, item in value.items()}
    if isinstance(value, Constraint) and type(value) in CONSTRAINTS.values():
        return _constraint(value, what)
    if isinstance(value, Constraint):
        raise InputError(f"{what}: {type(value).__name__} has no name; constraints are {', '.join(CONSTRAINTS)}")
    raise InputError(f"{what} is a {getattr(value, 'what', type(value).__name__)}, which is no plain data")


def _constraint(value: Constraint, what: str) -> Node:
    names = (field.name for field in fields(value))  # type: ignore[arg-type]
    return {constraint_name(type(value)): {name: _data(getattr(value, name), what) for name in names}}


def _unknown(module: nn.Module) -> str:
    """What to do about a class that nobody offers."""
    cls = type(module)
    if cls.__module__.startswith("torch.nn."):
        instead = {"Sequential": "series", "Linear": "gain, whose size is (N_out, N_in),"}.get(cls.__name__)
        return "a module of torch is no component" + (f"; use {instead} instead" if instead else f"; {_REGISTER}")
    return f"no plugin offers {cls.__module__}.{cls.__qualname__}; {_REGISTER}"


def _instead(module: nn.Module) -> str:
    if type(module) is Transform:
        return "use the component magnitude (abs) or decibels, or a transform of a plugin (flamo list transform)"
    return "it cannot be described; use plain data, or a constraint for a map"


def _join(*names: Iterable[str]) -> str:
    return ".".join(str(name) for name in names if name)
