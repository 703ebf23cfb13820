"""The JSON Schema says what the checks say."""

import json

import pytest
from jsonschema import Draft202012Validator
from nodes import NETWORK, WRONG
from strangers import hook

from flamo import registry
from flamo.config.arguments import arguments_of
from flamo.config.build import check_node
from flamo.config.names import MODULES
from flamo.config.schema import node_schema
from flamo.testing import make_plugin


def valid(schema, value, definitions):
    """Whether a value fits a JSON Schema."""
    return Draft202012Validator({**schema, "$defs": definitions}).is_valid(value)


@pytest.fixture(scope="module")
def definitions():
    return json.loads(json.dumps(node_schema(), allow_nan=False))


def test_every_component_and_argument_is_in_it(definitions):
    offered = definitions["node"]["anyOf"][1]["properties"]
    for offer in (offer for kind in MODULES for offer in registry.offers(kind)):
        assert {offer.component.name, offer.qualified_name, *offer.component.aliases} <= offered.keys()
        arguments = definitions[f"{offer.component.kind}/{offer.qualified_name}"]
        assert arguments["description"] == offer.component.summary
        assert arguments_of(registry.load(offer)).named.keys() <= arguments.get("properties", {}).keys()


def test_good_nodes_are_valid(definitions):
    nodes = [
        NETWORK,
        "magnitude",
        {"recursion": {"fF": "gain", "feedback": {"filters/biquad": {"map": "softplus"}}}},
        {"shell": {"core": {"series": ["gain", {"fir": {"size": [3, 1, 1]}}]}, "input_layer": None}},
        {"gain": {"map": {"rows": {"rows": [{"interval": {"low": 0, "high": 1}}, "decibels"], "dim": -1}}}},
        {"svf": {"filter_type": None, "frequency": [100.0], "requires_grad": True}},
    ]
    for node in nodes:
        assert check_node(node, {}) == []
        assert valid({"$ref": "#/$defs/node"}, node, definitions), node
    assert valid({"$ref": "#/$defs/loss"}, {"mse": {"nfft": 8}}, definitions)


BEYOND = ("infinity", "two names for one", "a jagged list")  # what a schema cannot say
NOT_IN_JSON = ("a part whose name is no text", "a name that is a number")


@pytest.mark.parametrize("case", sorted(WRONG.keys() - {*BEYOND, *NOT_IN_JSON}))
def test_wrong_nodes_are_not(case, definitions):
    assert not valid({"$ref": "#/$defs/node"}, WRONG[case][0], definitions)


def test_a_component_that_cannot_be_loaded_is_left_out():
    with make_plugin(hook("ghost", "pkg_ghost.ghost:Ghost"), "ghost", "ghost"):
        assert "ghost/ghost" in [offer.qualified_name for offer in registry.offers()]
        assert "processor/ghost/ghost" not in node_schema()
