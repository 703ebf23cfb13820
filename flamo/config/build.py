"""Systems out of plain data: checked as a whole first, then built, with all that is wrong said at once.

A *node* is a mapping of one component's name to its arguments, or the name alone::

    {"series": {"input": {"gain": {"size": [2, 1]}}, "loop": {"recursion": {"feedforward": …, "feedback": …}}}}

Arguments are those of the constructor (see :func:`flamo.config.arguments.arguments_of`), physical quantities among
them. ``series`` takes its parts by name, or as a list. Names are those of the registry; no import path is followed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from flamo import registry
from flamo.config.arguments import Arguments, arguments_of, shown
from flamo.config.forms import Path
from flamo.config.names import MODULES, constraint, find
from flamo.core.series import Series
from flamo.errors import ComponentLoadError, ConfigError, InputError, Problem

Defaults = Mapping[str, Any]


@dataclass(frozen=True)
class _Call:
    """A component with its arguments, checked: Python values, with calls in the places of parts."""

    path: Path
    cls: type
    arguments: dict[str, Any]


def check_node(node: Any, defaults: Defaults) -> list[Problem]:
    """All that can be said to be wrong with a node without building it.

    Args:
        node: plain data, as YAML or JSON have it.
        defaults: values for the arguments of that name that a component takes and a node does not give: ``nfft``,
            ``fs``, ``alias_decay_db``, ``dtype`` (a name), ``device``.

    >>> check_node({"gain": {"size": [1, 1], "lern": True}}, {})
    [Problem(path=('gain', 'lern'), message="unknown argument; did you mean 'learn'?")]
    """
    return _Reader(MODULES, defaults).read(node)[1]


def build_node(node: Any, defaults: Defaults) -> nn.Module:
    """The module that a node describes; arguments as :func:`check_node`.

    Delays whose ``samples`` are all whole, that are not learned and do not say ``isint``, are exactly whole.

    Raises:
        ConfigError: with every problem of the node, or of the constructors where the node itself has none.

    >>> build_node({"parallel_delay": {"samples": [809, 877]}}, {"nfft": 4096}).isint
    True
    """
    return _built(MODULES, node, defaults)


def check_component(kind: str, node: Any, defaults: Defaults) -> list[Problem]:
    """As :func:`check_node`, for a component of one kind, such as ``loss``."""
    return _Reader((kind,), defaults).read(node)[1]


def build_component(kind: str, node: Any, defaults: Defaults) -> Any:
    """As :func:`build_node`, for a component of one kind, such as ``loss``.

    >>> build_component("loss", "mse", {})
    mse_loss()
    """
    return _built((kind,), node, defaults)


def _built(kinds: tuple[str, ...], node: Any, defaults: Defaults) -> Any:
    call, problems = _Reader(kinds, defaults).read(node)
    if not problems:
        made = _made(call, problems)
    if problems:
        raise ConfigError(problems)
    return made


class _Reader:
    """Reads a node into calls, and collects what is wrong with it."""

    def __init__(self, kinds: tuple[str, ...], defaults: Defaults) -> None:
        self.kinds, self.defaults = kinds, defaults
        self.problems: list[Problem] = []

    def read(self, node: Any) -> tuple[_Call | None, list[Problem]]:
        return self._module(self.kinds, node, ()), self.problems

    def _visit(self, what: str, node: Any, path: Path) -> _Call | None:
        if what == "module":
            return self._module(MODULES, node, path)
        if (named := self._named(node, path, "constraint")) is None:
            return None
        name, arguments, path = named
        try:
            return self._call(constraint(name), arguments, path, {})
        except InputError as error:
            self._add(path, str(error))
            return None

    def _module(self, kinds: tuple[str, ...], node: Any, path: Path) -> _Call | None:
        if (named := self._named(node, path, "component" if kinds == MODULES else kinds[0])) is None:
            return None
        name, arguments, path = named
        try:
            cls = registry.load(find(kinds, name))
        except (InputError, ComponentLoadError) as error:
            self._add(path, str(error))
            return None
        if takes_any_parts(cls):
            return self._series(cls, arguments, path)
        return self._call(cls, arguments, path, self.defaults)

    def _named(self, node: Any, path: Path, what: str) -> tuple[str, Any, Path] | None:
        """The name in a node, its arguments, and where they stand."""
        if isinstance(node, str):
            return node, {}, path
        if isinstance(node, Mapping) and len(node) == 1:
            [(name, arguments)] = node.items()
            if isinstance(name, str):
                return name, {} if arguments is None else arguments, (*path, name)
        names = f"; it has {len(node)}: {', '.join(map(str, node))}" if isinstance(node, Mapping) else ""
        got = names or f", got {shown(node)}"
        self._add(path, f"a {what} is its name, or a mapping of that one name to its arguments{got}")
        return None

    def _series(self, cls: type, parts: Any, path: Path) -> _Call | None:
        if not isinstance(parts, (Mapping, list)):
            self._add(path, f"must be a mapping of names to components, or a list of them, got {shown(parts)}")
            return None
        items = parts.items() if isinstance(parts, Mapping) else enumerate(parts)
        calls = {}
        for name, part in items:
            if not isinstance(name, str) and isinstance(parts, Mapping):
                self._add(path, f"the names of parts must be text, got {name!r}")
            calls[str(name)] = self._module(MODULES, part, (*path, name))
        return _Call(path, cls, {"parts": calls})

    def _call(self, cls: type, given: Any, path: Path, defaults: Defaults) -> _Call | None:
        if not isinstance(given, Mapping):
            self._add(path, f"must be a mapping of arguments, got {shown(given)}")
            return None
        known, given = arguments_of(cls), {str(name): value for name, value in given.items()}
        given = _with_defaults(known, given, defaults)
        wrong = list(known.problems(given))
        self.problems += [Problem((*path, name), message) for name, message in wrong]
        values = {}
        for name, value in given.items():
            argument = known.named.get(known.aliases.get(name, name))
            if argument and name not in [n for n, _ in wrong]:
                leave = value is None and argument.default is None
                values[argument.keyword] = value if leave else argument.form.convert(value, self._visit, (*path, name))
        if "device" in defaults and known.takes_device:
            values["device"] = defaults["device"]
        return _Call(path, cls, values)

    def _add(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message))


def _with_defaults(known: Arguments, given: dict[str, Any], defaults: Defaults) -> dict[str, Any]:
    """Arguments, and the defaults for those that are not given: where a component's is of another form, it is not
    the one that is meant."""
    for name in known.named.keys() & defaults.keys() - given.keys():
        alone = {name: defaults[name]}
        if all(wrong != name for wrong, _ in known.problems(alone)):
            given = given | alone
    return given


def _made(value: Any, problems: list[Problem]) -> Any:
    """The value with every call in it made; what fails is added to the problems, and None stands for it."""
    if isinstance(value, dict):
        return {name: _made(item, problems) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_made(item, problems) for item in value)
    if not isinstance(value, _Call):
        return value
    before = len(problems)
    arguments = _made(value.arguments, problems)
    if len(problems) > before:
        return None
    try:
        return (_series if takes_any_parts(value.cls) else _constructed)(value.cls, **arguments)
    except RecursionError:
        raise
    except Exception as error:  # the constructor of a stranger may raise anything
        problems.append(_problem(value, error))
        return None


def _problem(call: _Call, error: Exception) -> Problem:
    """An exception of a constructor, at the argument that it begins with if that was given."""
    text = " ".join(str(error).split())
    message = text if isinstance(error, (TypeError, ValueError)) and text else f"{type(error).__name__}: {text}"
    first = re.match(r"\w*", message)[0]  # type: ignore[index]
    if first in call.arguments:
        return Problem((*call.path, first), message[len(first) :].lstrip())
    return Problem(call.path, message)


def takes_any_parts(cls: type) -> bool:
    """Whether a class is a :class:`~flamo.core.series.Series` of whatever parts it is given."""
    return cls.__init__ is Series.__init__  # type: ignore[misc]


def _series(cls: type[Series], parts: dict[str, nn.Module]) -> Series:
    """A series of parts under exactly these names; a series among them stays one."""
    series = cls()
    for name, part in parts.items():
        try:
            series.add_module(name, part)
        except KeyError as error:
            raise ValueError(f"a part cannot be named {name!r}: {error.args[0]}") from error
    return series.check()


def _constructed(cls: type, **arguments: Any) -> Any:
    known = arguments_of(cls)
    by_keyword = {argument.keyword: argument for argument in known.named.values()}
    assigned = {n: v for n, v in arguments.items() if n in by_keyword and by_keyword[n].role == "attribute"}
    passed = {name: value for name, value in arguments.items() if name not in assigned}
    quantities = {name: value for name, value in passed.items() if name in known.quantities}
    made = cls.from_physical(**_whole(known, passed)) if quantities else cls(**passed)  # type: ignore[attr-defined]
    if arguments.get("map") is not None:  # after the constructor, which may have one of its own
        made.map = arguments["map"]
        if quantities:
            made.set(**quantities)
    if "requires_grad" in assigned:
        made.param.requires_grad_(assigned["requires_grad"])
    return made


def _whole(known: Arguments, arguments: dict[str, Any]) -> dict[str, Any]:
    """Delays that are given in whole samples, and not learned, are whole unless something else is said."""
    if "isint" in known.named and "samples" in arguments and not arguments.get("requires_grad"):
        samples = torch.as_tensor(arguments["samples"], dtype=torch.float64)
        return {"isint": bool((samples == samples.round()).all()), **arguments}
    return arguments
