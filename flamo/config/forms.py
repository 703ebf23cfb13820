"""Plain data for the annotations of a constructor: what is accepted, how it is called, what becomes of it."""

from __future__ import annotations

import collections.abc
import math
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, JsonValue, Strict, WithJsonSchema
from torch import nn

from flamo.core.constraints import Constraint

Path = tuple[str | int, ...]
Visit = Callable[[str, Any, Path], Any]
"""What is done to a description within arguments: (module or constraint, description, where it stands)."""

NODE = "flamo:node"  # stands in a JSON Schema for a reference that is put in afterwards
_DTYPES = ("float32", "float64")


def _as_it_is(value: Any, visit: Visit, path: Path) -> Any:
    return value


@dataclass(frozen=True)
class Form:
    """What stands for a Python type in plain data.

    Args:
        type: what pydantic checks.
        takes: the types that plain data of this form has.
        one, many: how messages call it.
        convert: plain data → Python value, with what ``visit`` makes of the descriptions in it.
        node: whether it is, or holds, descriptions of modules or constraints.
    """

    type: Any
    takes: tuple[type, ...]
    one: str
    many: str
    convert: Callable[[Any, Visit, Path], Any] = _as_it_is
    node: bool = False


def _checked_numbers(value: Any) -> Any:
    """Finite numbers, alone or in lists that make a rectangle; raises ValueError."""
    if isinstance(value, list):
        for item in value:
            _checked_numbers(item)
        torch.tensor(value, dtype=torch.float64)
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError
    return value


_RECTANGLE = Annotated[
    Any,
    AfterValidator(_checked_numbers),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array"}]}),
]
_SOME_NUMBERS = (int, float, list), "a number or a list of numbers", "lists of numbers"
NUMBERS = Form(_RECTANGLE, *_SOME_NUMBERS)
ANYTHING = Form(JsonValue, (object,), "plain data (numbers, text, true or false, lists, mappings)", "plain data")
_NOTHING = Form(None, (type(None),), "null", "nulls")
_ATOMS: dict[Any, Form] = {
    int: Form(int, (int,), "a whole number", "whole numbers"),
    float: Form(float, (int, float), "a finite number", "finite numbers"),
    bool: Form(bool, (bool,), "true or false", "true or false"),
    str: Form(str, (str,), "text", "texts"),
    None: _NOTHING,
    type(None): _NOTHING,
    Any: ANYTHING,
    object: ANYTHING,
    torch.Tensor: Form(_RECTANGLE, *_SOME_NUMBERS, lambda value, visit, path: torch.tensor(value)),
    torch.dtype: Form(
        Literal[_DTYPES], (str,), "float32 or float64", "types", lambda value, visit, path: getattr(torch, value)
    ),
}
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPPINGS = (dict, collections.abc.Mapping, collections.OrderedDict)


def node_form(what: Literal["module", "constraint"]) -> Form:
    """The form of a description."""
    one = {
        "module": "a component: its name, or a mapping of its name to its arguments",
        "constraint": "a constraint: its name, or a mapping of its name to its arguments",
    }
    schema = Annotated[Any, WithJsonSchema({NODE: what})]
    return Form(
        schema, (str, dict), one[what], f"{what}s", lambda value, visit, path: visit(what, value, path), node=True
    )


def form_of(annotation: Any) -> Form | None:
    """The form of an annotation; None where no plain data can stand for it.

    >>> form_of(tuple[int, ...]).one
    'a list of whole numbers'
    >>> form_of(tuple[int, ...]).convert([8, 1], print, ())
    (8, 1)
    """
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return form_of(args[0])
    if origin is Literal:
        return Form(annotation, tuple(map(type, args)), "one of " + ", ".join(map(repr, args)), "choices")
    if origin in (typing.Union, types.UnionType):
        return _union([form for form in map(form_of, args) if form])
    cls = origin or annotation
    if cls is tuple:
        return _tuple(args)
    if cls in _LISTS:
        return _list(args[0] if args else Any, list)
    if cls in _MAPPINGS:
        return _mapping(args[1] if args else Any)
    if isinstance(cls, type) and issubclass(cls, (nn.Module, Constraint)):
        return node_form("module" if issubclass(cls, nn.Module) else "constraint")
    return _ATOMS.get(cls) if isinstance(cls, collections.abc.Hashable) else None


def _tuple(args: tuple[Any, ...]) -> Form | None:
    if not args or args[-1] is Ellipsis:
        return _list(args[0] if args else Any, tuple)
    items = [form for form in map(form_of, args) if form]
    if len(items) < len(args):
        return None

    def convert(value: Any, visit: Visit, path: Path) -> Any:
        return tuple(form.convert(v, visit, (*path, i)) for i, (form, v) in enumerate(zip(items, value, strict=True)))

    checked = Annotated[tuple[tuple(form.type for form in items)], Strict(False)]  # type: ignore[misc, valid-type]
    one = f"a list of {len(items)}: " + ", ".join(form.one for form in items)
    return Form(checked, (list, tuple), one, "lists", convert, any(form.node for form in items))


def _list(item: Any, make: type) -> Form | None:
    form = form_of(item)
    if form is None:
        return None

    def convert(value: Any, visit: Visit, path: Path) -> Any:
        return make(form.convert(v, visit, (*path, i)) for i, v in enumerate(value))

    checked = Annotated[list[form.type], Strict(False)]  # type: ignore[name-defined]
    return Form(checked, (list, tuple), f"a list of {form.many}", "lists", convert, form.node)


def _mapping(item: Any) -> Form | None:
    form = form_of(item)
    if form is None:
        return None

    def convert(value: Any, visit: Visit, path: Path) -> Any:
        return {name: form.convert(v, visit, (*path, name)) for name, v in value.items()}

    one = f"a mapping of names to {form.many}"
    return Form(dict[str, form.type], (dict,), one, "mappings", convert, form.node)  # type: ignore[name-defined]


def _union(forms: Sequence[Form]) -> Form | None:
    if not [form for form in forms if form is not _NOTHING]:
        return None
    if len(forms) == 1:
        return forms[0]

    def convert(value: Any, visit: Visit, path: Path) -> Any:
        fitting = [form for form in forms if isinstance(value, form.takes)] or [form for form in forms if form.node]
        return fitting[0].convert(value, visit, path)

    one, many = (" or ".join(dict.fromkeys(names)) for names in ((f.one for f in forms), (f.many for f in forms)))
    takes = tuple(cls for form in forms for cls in form.takes)
    checked = typing.Union[tuple(form.type for form in forms)]  # type: ignore[valid-type]  # noqa: UP007
    return Form(checked, takes, one, many, convert, any(form.node for form in forms))
