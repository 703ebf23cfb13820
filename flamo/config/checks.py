"""Everything that is wrong with a configuration, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError
from torch import nn

from flamo import registry
from flamo.config.arguments import nearest, shown
from flamo.config.build import check_component, check_node
from flamo.config.model import DEFAULTS, EXPORTS, OUTPUTS, RunConfig, Section, loss_defaults, one_key
from flamo.config.names import stepper
from flamo.errors import ComponentLoadError, InputError, Problem

Path = tuple[str | int, ...]


def check_sections(data: Mapping[str, Any]) -> tuple[RunConfig | None, list[Problem]]:
    """The configuration, or everything that is wrong with it.

    >>> config, problems = check_sections({"flamo": 1, "system": "gian", "target": "flt", "losses": ["mse"]})
    >>> config, [str(problem) for problem in problems]
    (None, ["target: must be 'flat', got 'flt'", "system: unknown component 'gian'; did you mean 'gain'?"])
    """
    config: RunConfig | None = None
    problems: list[Problem] = []
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        problems = [_translated(dict(e), data) for e in error.errors(include_url=False)]
    problems += _components(data)
    return None if problems else config, problems


# -- components ----------------------------------------------------------------------------------------------------


def _components(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong inside the sections that name components."""
    fields = RunConfig.model_fields
    defaults = {name: data.get(name, fields[name].default) for name in DEFAULTS}
    if "system" in data:
        yield from _under(("system",), check_node(data["system"], defaults))
    output = data.get("output", "magnitude")
    output = OUTPUTS.get(output, output) if isinstance(output, str) else output
    yield from _under(("output",), check_component("transform", output, defaults))
    losses = data.get("losses")
    for n, node in enumerate(losses if isinstance(losses, list) else []):
        yield from _under(("losses", n), _loss(node, defaults))
    exports = data.get("exports")
    for n, node in enumerate(exports if isinstance(exports, list) else []):
        if node not in EXPORTS:
            yield from _under(("exports", n), check_component("exporter", node, {}))
    yield from _training(data)


def _under(path: Path, problems: list[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield Problem((*path, *problem.path), problem.message)


def _loss(node: Any, defaults: dict[str, Any]) -> list[Problem]:
    """A loss takes a weight beside its own arguments."""
    if not _is_one_key(node):
        return check_component("loss", node, loss_defaults(str(node), defaults))
    [(name, given)] = node.items()
    arguments = dict(given or {})
    weight = arguments.pop("weight", 1.0)
    wrong = isinstance(weight, bool) or not isinstance(weight, (int, float)) or not abs(weight) < float("inf")
    found = [Problem((name, "weight"), f"must be a finite number, got {shown(weight)}")] if wrong else []
    return found + check_component("loss", {name: arguments}, loss_defaults(name, defaults))


def _training(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Optimiser and schedule, tried on a system of one number."""
    parts: dict[str, tuple[str, dict[str, Any]]] = {}
    for key, default in (("optimizer", "adam"), ("schedule", None)):
        node = data.get(key, default)
        if node is not None and not (isinstance(node, str) or _is_one_key(node)):
            yield Problem((key,), f"must be a name, or a mapping of one name to its options, got {shown(node)}")
            return
        if node is not None:
            parts[key] = one_key(node)
    optimizer, options = parts["optimizer"]
    schedule, schedule_options = parts.get("schedule", (None, {}))
    if (own := stepper(optimizer)) is not None:
        yield from _stepper(own, optimizer, options, data)
        return
    if "/" in optimizer:
        yield Problem(("optimizer",), _unfit(optimizer))
        return
    engine = registry.get("trainer", "descent")
    try:
        engine(nn.Linear(1, 1), dict, optimizer=optimizer, options=options)
    except (ValueError, TypeError) as error:
        yield Problem(("optimizer",), str(error))
        return
    try:
        made = {"optimizer": optimizer, "options": options, "schedule": schedule, "schedule_options": schedule_options}
        engine(nn.Linear(1, 1), dict, **made)
    except (ValueError, TypeError) as error:
        yield Problem(("schedule",), str(error))


def _unfit(name: str) -> str:
    """Why what a plugin has or had is no optimizer."""
    try:
        registry.get("trainer", name)
    except (InputError, ComponentLoadError) as error:
        return str(error)
    return f"{name} leads no runs: it has not all of step, state, restore and load_best"


def _stepper(own: Any, name: str, options: dict[str, Any], data: Mapping[str, Any]) -> Iterator[Problem]:
    """A trainer by its name, tried on a system of one number."""
    for key in ("schedule", "groups", "clip"):
        if data.get(key):
            yield Problem((key,), f"is for gradient descent; {name} takes none")
    net = nn.Linear(1, 1, bias=False)
    try:
        own(net, lambda: {"weight": net.weight.sum()}, **options)
    except (ValueError, TypeError) as error:
        yield Problem(("optimizer",), str(error))


def _is_one_key(node: Any) -> bool:
    return isinstance(node, dict) and len(node) == 1 and all(isinstance(v, dict) or v is None for v in node.values())


# -- sections ------------------------------------------------------------------------------------------------------

_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "finite_number": "a finite number",
}
_BOUNDS = {"greater_than": ("above", "gt"), "greater_than_equal": ("at least", "ge")}
_BOUNDS |= {"less_than": ("below", "lt"), "less_than_equal": ("at most", "le")}
_FILES = "a file, or {curve: FILE}, {wav: FILE} or {system: FILE}"
_UNIONS = {"target": f"must be 'flat', {_FILES}", "input": "must be 'impulse', or {wav: FILE}"}
_TAGS = ("word", "curve", "wav", "system")


def _translated(error: Mapping[str, Any], data: Mapping[str, Any]) -> Problem:
    """An error of pydantic's as we say it."""
    loc: Path = error["loc"]
    kind, got, context = error["type"], error["input"], error.get("ctx", {})
    if loc[0] in _UNIONS and len(loc) > 1 and loc[1] in _TAGS:
        loc = (loc[0], *loc[2:])
    if kind == "extra_forbidden":
        return Problem(loc, f"unknown key{nearest(str(loc[-1]), _known(loc[:-1], data))}")
    if kind == "missing":
        return Problem(loc, "is missing")
    if kind.startswith("union_tag"):
        return Problem(loc, f"{_UNIONS[str(loc[0])]}, got {shown(got)}")
    if kind in _TYPES:
        return Problem(loc, f"must be {_TYPES[kind]}, got {shown(got)}")
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return Problem(loc, f"must be {word} {context[key]:g}, got {shown(got)}")
    if kind == "literal_error":
        return Problem(loc, f"must be {context['expected']}, got {shown(got)}")
    if kind in ("too_short", "string_too_short"):
        return Problem(loc, "must not be empty")
    return Problem(loc, f"{error['msg']}, got {shown(got)}")


def _known(path: Path, data: Mapping[str, Any]) -> list[str]:
    """The keys of the section at a path."""
    model: Any = RunConfig
    for step in path:
        annotation = model.model_fields[step].annotation
        options = [a for a in (annotation, *_flat(annotation)) if isinstance(a, type) and issubclass(a, Section)]
        keys = data.get(str(step), {})
        model = next((option for option in options if next(iter(option.model_fields)) in keys), options[0])
    return list(model.model_fields)


def _flat(annotation: Any) -> Iterator[Any]:
    """Everything inside a union or an annotation."""
    for part in get_args(annotation):
        yield part
        yield from _flat(part)
