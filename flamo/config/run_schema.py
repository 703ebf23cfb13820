"""The JSON Schema of whole configurations."""

from __future__ import annotations

from typing import Any

from flamo.config.model import DEFAULTS, EXPORTS, OUTPUTS, RunConfig
from flamo.config.schema import node_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """The JSON Schema of a configuration, with the components that are installed.

    >>> config_schema()["properties"]["system"]["$ref"]
    '#/$defs/node'
    """
    schema = RunConfig.model_json_schema()
    definitions = schema.setdefault("$defs", {}) | node_schema()
    for name, definition in definitions.items():
        if name.startswith("loss/"):
            definition["properties"]["weight"] = {"type": "number", "description": "Share in the sum.", "default": 1}
            rules = [rule for rule in definition.pop("allOf", []) if not _comes_from_the_top(rule)]
            definition |= {"allOf": rules} if rules else {}
    properties = schema["properties"]
    properties["system"] |= {"$ref": "#/$defs/node"}
    properties["output"] |= {"anyOf": [{"enum": list(OUTPUTS)}, {"$ref": "#/$defs/node"}]}
    properties["losses"]["items"] = {"$ref": "#/$defs/loss"}
    properties["exports"]["items"] = {"anyOf": [{"enum": list(EXPORTS)}, {"$ref": "#/$defs/exporter"}]}
    files = {"type": "string", "description": "A file, by its suffix."}
    properties["target"] = {"anyOf": [*properties["target"].pop("oneOf"), files], **properties["target"]}
    return {"$schema": DIALECT, **schema, "$defs": definitions}


def _comes_from_the_top(rule: dict[str, Any]) -> bool:
    """Whether a loss need not say what a rule requires."""
    return any(set(choice["required"]) <= {*DEFAULTS, "sample_rate"} for choice in rule["anyOf"])
