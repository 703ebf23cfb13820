"""What a component takes: the signature of its constructor as a model that plain data is checked with."""

from __future__ import annotations

import difflib
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from torch import nn

from flamo.config.forms import ANYTHING, NUMBERS, Form, form_of, node_form
from flamo.core.dsp import DSP
from flamo.core.physical import Physical

_REQUIRED = inspect.Parameter.empty
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Argument:
    """One argument of a component.

    Args:
        name: what a description calls it.
        keyword: what the constructor calls it.
        role: who takes it: the constructor, ``set`` for a physical quantity, or an attribute assigned afterwards.
        form: the plain data that stands for it.
        default: of the constructor, or ``inspect.Parameter.empty``.
    """

    name: str
    keyword: str
    role: Literal["constructor", "quantity", "attribute"]
    form: Form
    default: Any

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED


@dataclass(frozen=True)
class Arguments:
    """All that a component takes, by name. See :func:`arguments_of`."""

    owner: type
    named: Mapping[str, Argument]

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The constructor's names of arguments that go by another one."""
        return {argument.keyword: name for name, argument in self.named.items() if argument.keyword != name}

    @cached_property
    def takes_device(self) -> bool:
        """Whether the constructor has a ``device``; where things are computed is no part of a description."""
        return any(parameter.name == "device" for parameter, _ in parameters_of(self.owner))

    @cached_property
    def quantities(self) -> frozenset[str]:
        """The names of physical quantities."""
        return frozenset(name for name, argument in self.named.items() if argument.role == "quantity")

    @cached_property
    def model(self) -> type[BaseModel]:
        """The pydantic model of them."""
        fields: dict[str, Any] = {}
        for number, (name, argument) in enumerate(self.named.items()):  # names of fields must not be those of pydantic
            field = Field(alias=name) if argument.required else Field(alias=name, default_factory=lambda: None)
            fields[f"argument_{number}"] = (argument.form.type, field)
        return create_model(self.owner.__name__, __config__=_STRICT, **fields)

    def problems(self, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What is wrong with arguments in plain data, as (name, message)."""
        values = {self.aliases.get(name, name): value for name, value in given.items()}
        for alias, name in self.aliases.items():
            if alias in given and name in given:
                yield alias, f"says the same as {name}; give one of them"
        try:
            self.model.model_validate(values)
        except ValidationError as error:
            wrong = {str(e["loc"][0]): e["type"] for e in error.errors(include_url=False, include_context=False)}
            for name, type in wrong.items():
                if message := self._message(name, type, values):
                    yield next((alias for alias in given if self.aliases.get(alias) == name), name), message

    def _message(self, name: str, type: str, values: Mapping[str, Any]) -> str | None:
        if type == "extra_forbidden" and name not in self.named:
            return f"unknown argument{nearest(name, [*self.named, *self.aliases])}"
        if name not in values:  # the size may follow from the values
            return None if name == "size" and self.quantities & values.keys() else "is missing"
        return f"must be {self.named[name].form.one}, got {shown(values[name])}"


@cache
def arguments_of(cls: type) -> Arguments:
    """What a class takes: the parameters of its constructor that plain data can stand for.

    ``requires_grad`` goes by the name ``learn``, the parts of a container by the names under which they are found.
    A processor also takes its physical quantities, and ``map`` and ``learn`` where its constructor has none.

    >>> from flamo_gains.gain import Gain
    >>> list(arguments_of(Gain).named)
    ['gain', 'gain_db', 'size', 'nfft', 'map', 'learn', 'alias_decay_db', 'dtype']
    """
    named: dict[str, Argument] = {}
    if issubclass(cls, Physical):
        named |= {name: Argument(name, name, "quantity", NUMBERS, None) for name in cls._quantities()}
    parts = getattr(cls, "part_names", {})
    for parameter, annotation in parameters_of(cls):
        keyword = parameter.name
        name = "learn" if keyword == "requires_grad" else keyword
        name = parts[keyword] if keyword in parts and not parts[keyword].startswith("_") else name
        form = node_form("module") if keyword in parts else _form(keyword, annotation)
        if form and name not in named:
            named[name] = Argument(name, keyword, "constructor", form, parameter.default)
    if issubclass(cls, DSP):
        named.setdefault("map", Argument("map", "map", "attribute", node_form("constraint"), None))
        named.setdefault("learn", Argument("learn", "requires_grad", "attribute", _form("", bool) or ANYTHING, None))
    return Arguments(cls, named)


def parameters_of(cls: type) -> Iterator[tuple[inspect.Parameter, Any]]:
    """Parameters of the constructor with their annotations; ``**kwargs`` stands for those of the base class."""
    named = set()
    for base in cls.__mro__[:-1]:
        if base is nn.Module or "__init__" not in vars(base):
            continue
        open_ended = False
        for parameter in list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]:
            open_ended |= parameter.kind is parameter.VAR_KEYWORD
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                if parameter.name not in named:
                    yield parameter, _annotation(base, parameter)
                named.add(parameter.name)
        if not open_ended:
            return


def _annotation(cls: type, parameter: inspect.Parameter) -> Any:
    """An annotation as a type; Any where there is none, or none that can be resolved."""
    holder = SimpleNamespace(__annotations__={"it": parameter.annotation})
    if parameter.annotation is parameter.empty:
        return Any
    try:
        return typing.get_type_hints(holder, vars(sys.modules[cls.__module__]), dict(vars(cls)))["it"]
    except Exception:  # whatever a stranger's annotation raises
        return Any


def _form(keyword: str, annotation: Any) -> Form | None:
    if keyword == "device":
        return None
    form = form_of(annotation)
    if keyword == "map" or keyword.startswith("map_"):
        return node_form("constraint") if form is None or form is ANYTHING else form
    return form


def nearest(name: str, known: list[str]) -> str:
    """A suggestion for a name that is not known."""
    hint = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {hint[0]!r}?" if hint else f"; known are {', '.join(known) or 'none'}"


def shown(value: Any) -> str:
    """A value in a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
