"""The surface of flamo 0.2.20, as `data/api.json` lists it, against ours and against what the docs say of it."""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest
from truth import DATA

API = json.loads((DATA / "api.json").read_text())
NAMES = [(module, name) for module, names in API.items() for name in names]
TABLE = (Path(__file__).parents[1] / "docs" / "compatibility.md").read_text()
ROWS = {(m, n): status for m, n, status in re.findall(r"^\| `([\w.]+)` \| `(\w+)` \| (\w+)", TABLE, re.MULTILINE)}
STANDING = [key for key in NAMES if ROWS.get(key) != "later"]


def parameters(text):
    """Names and literal defaults of a signature as `inspect` prints it."""
    text = re.sub(r"<[^<>]*(<lambda>)?[^<>]*>|tensor\([^()]*\)|device\([^()]*\)", "None", text.split(" -> ")[0])
    arguments = ast.parse(f"def f{text}: pass").body[0].args
    names = [argument.arg for argument in arguments.args]
    return names, dict(zip(reversed(names), map(ast.unparse, reversed(arguments.defaults)), strict=False))


def compare(reference, function):
    names, defaults = parameters(reference)
    ours = inspect.signature(function).parameters
    assert list(ours)[: len(names)] == names or "*args" in reference
    for name, default in defaults.items():
        if default not in ("None", "'cpu'") and "." not in default and "(" not in default:
            assert ours[name].default == ast.literal_eval(default), name


def test_every_name_has_one_row():
    assert sorted(ROWS) == sorted(NAMES)
    assert set(ROWS.values()) == {"same", "better", "different", "later"}


@pytest.mark.parametrize(("module", "name"), STANDING, ids=lambda value: value)
def test_a_name_is_there_with_its_signature(module, name):
    ours, reference = getattr(importlib.import_module(module), name), API[module][name]
    assert ours.__name__ == name
    if reference["kind"] != "class":
        compare(reference["signature"], ours)
        return
    compare(reference["init"], ours.__init__)
    for method, signature in reference.get("methods", {}).items():
        if (name, method) not in {("Trainer", "early_stop"), ("RotationMatrix", "create_submatrix")}:
            compare(signature, getattr(ours, method))


@pytest.mark.parametrize(("module", "name"), [key for key in NAMES if key not in STANDING], ids=lambda value: value)
def test_what_is_said_to_come_later_is_not_there(module, name):
    with pytest.raises((ImportError, AttributeError)):
        getattr(importlib.import_module(module), name)
