"""Each deliberate fault in the generated processor is caught by the check that is named for it."""

import re
from pathlib import Path

import pytest
from mutants import MUTANTS

from flamo import registry
from flamo.scaffold import package_files
from flamo.testing import Case, CheckError, checks, make_plugin

FILES = package_files("pkg_acme", "processor")
SOURCE, PLUGIN = FILES["pkg_acme/one_pole.py"], FILES["pkg_acme/plugin.py"]
PAGE = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")


def verdict(source, name):
    """Run one check on a processor of that source."""
    with make_plugin(PLUGIN, one_pole=source):
        case = Case(registry.get("processor", "acme/one_pole"))
        [check] = [check for check in checks(case) if check.name == name]
        check(case)


@pytest.mark.parametrize(("change", "check"), [pytest.param(*m[1:], id=m[0]) for m in MUTANTS])
def test_a_fault_is_caught(change, check):
    old, new = change
    assert SOURCE.count(old) == 1
    verdict(SOURCE, check)
    with pytest.raises(CheckError, match=f"OnePole, {check}: .*\\. [A-Z]"):
        verdict(SOURCE.replace(old, new), check)


def test_every_check_of_a_processor_has_a_fault():
    with make_plugin(PLUGIN, one_pole=SOURCE):
        asked = {check.name for check in checks(Case(registry.get("processor", "acme/one_pole")))}
    assert asked == {check for _, _, check in MUTANTS}


def test_the_table_in_the_documentation_has_every_fault():
    rows = re.findall(r"^\| (.+?) \| `(\w+)` \|$", PAGE, re.MULTILINE)
    assert [row for row in rows if row[1] in {m[2] for m in MUTANTS}] == [(m[0], m[2]) for m in MUTANTS]
