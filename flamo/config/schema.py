"""The JSON Schema of descriptions, for editors: from the same models that check them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flamo import registry
from flamo.config.arguments import Arguments, arguments_of
from flamo.config.build import takes_any_parts
from flamo.config.forms import NODE
from flamo.config.names import CONSTRAINTS, MODULES, constraint_name
from flamo.errors import ComponentLoadError
from flamo.registry import Offer

Schema = dict[str, Any]
_REFERENCES = {"module": "node", "constraint": "constraint"}


def node_schema() -> Schema:
    """Definitions for ``$defs``: ``node`` for systems, ``loss`` and ``exporter``, and what these refer to.

    All components that are installed are in them, under their names, aliases and qualified names.

    >>> sorted(name for name in node_schema() if "/" not in name)
    ['constraint', 'exporter', 'loss', 'node', 'parts']
    """
    nodes = [_component(offer) for kind in MODULES for offer in _offers(kind)]
    losses, exporters = ([_component(offer) for offer in _offers(kind)] for kind in ("loss", "exporter"))
    constraints = [_named("constraint", (constraint_name(cls),), cls) for cls in CONSTRAINTS.values()]
    parts = {"anyOf": [{"type": "object", "additionalProperties": _ref("node")}, _list_of(_ref("node"))]}
    definitions: Schema = {"parts": parts}
    for what, found in (("node", nodes), ("loss", losses), ("exporter", exporters), ("constraint", constraints)):
        definitions[what] = _choice([(names, key, bare) for names, key, _, bare in found])
        definitions |= {key: schema for _, key, schema, _ in found}
    return definitions


_Found = tuple[tuple[str, ...], str, Schema, bool]
"""Names, the key in the definitions, the schema of the arguments, and whether the name alone is enough."""


def _offers(kind: str) -> Iterator[Offer]:
    """The components of a kind whose code can be loaded."""
    for offer in registry.offers(kind):
        try:
            registry.load(offer)
        except ComponentLoadError:
            continue
        yield offer


def _component(offer: Offer) -> _Found:
    kind, name = offer.component.kind, offer.component.name
    bare = offer.component.names if registry.find(kind, name) == offer else ()
    names = (*bare, *(f"{offer.plugin.name}/{n}" for n in offer.component.names))
    found = _named(f"{kind}/{offer.plugin.name}", (name,), registry.load(offer))
    found[2]["description"] = offer.component.summary
    return names, *found[1:]


def _named(group: str, names: tuple[str, ...], cls: type) -> _Found:
    key = f"{group}/{names[0]}"
    if takes_any_parts(cls):
        return names, key, _ref("parts"), False
    known = arguments_of(cls)
    return names, key, _arguments(known), not any(argument.required for argument in known.named.values())


def _arguments(known: Arguments) -> Schema:
    schema = _resolved(known.model.model_json_schema())
    properties = schema.setdefault("properties", {})
    for name, argument in known.named.items():
        properties[name].pop("title", None)
        if argument.default is None and argument.form.node:
            properties[name] = {"anyOf": [properties[name], {"type": "null"}]}
    properties |= {alias: properties[name] for alias, name in known.aliases.items()}
    required = [[name, *(a for a, n in known.aliases.items() if n == name)] for name in schema.pop("required", [])]
    either = [{"anyOf": [{"required": [name]} for name in names]} for names in required]
    checked: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return checked | {"allOf": either} if either else checked


def _resolved(schema: Any) -> Any:
    """With references where the models have marks."""
    if isinstance(schema, list):
        return [_resolved(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if NODE in schema:
        return _ref(_REFERENCES[schema[NODE]])
    return {name: _resolved(value) for name, value in schema.items()}


def _choice(found: list[tuple[tuple[str, ...], str, bool]]) -> Schema:
    """A name alone, or a mapping of one name to its arguments."""
    properties = {name: {"anyOf": [_ref(key), {"type": "null"}]} for names, key, _ in found for name in names}
    alone = [name for names, _, bare in found if bare for name in names]
    mapping = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [{"enum": alone}, mapping]}


def _ref(key: str) -> Schema:
    return {"$ref": "#/$defs/" + key.replace("~", "~0").replace("/", "~1")}


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}
