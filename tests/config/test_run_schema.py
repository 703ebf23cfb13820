"""The JSON Schema of configurations says what the checks say."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mistakes import GOOD, MISTAKES

from flamo.config.reading import parse
from flamo.config.run_schema import config_schema

EXAMPLES = [path.read_text() for path in (Path(__file__).parents[2] / "docs" / "examples").glob("*.yaml")]
BEYOND = ("missing.", "size: [0", "size: [3", "ortogonal", "-19", ".nan", "1e3", "x]", "t: gain")
"""What a schema does not say: files, what constructors find, and that 1e3 is no whole number."""
OPTIONS = {18, 19, 20}  # lines of options, which are torch's
SEEN = [(old, new) for old, new, line, _ in MISTAKES if line not in OPTIONS and not any(b in new for b in BEYOND)]


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(config_schema())
    return Draft202012Validator(config_schema())


@pytest.mark.parametrize("text", [GOOD, *EXAMPLES])
def test_good_configurations_are_valid(validator, text):
    assert [error.message for error in validator.iter_errors(parse(text, "x.yaml").data)] == []


@pytest.mark.parametrize(("old", "new"), SEEN)
def test_mistakes_are_not(validator, old, new):
    assert not validator.is_valid(parse(GOOD.replace(old, new), "x.yaml").data)
