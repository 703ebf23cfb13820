"""Whatever a stranger's plugin does, ``flamo list`` works."""

import json
import textwrap

import pytest
from strangers import ALLPASS, hook

from flamo.testing import write_plugin

FAULTS = {
    "raises on import": ("raise RuntimeError('no such codec')", "broken", "RuntimeError: no such codec"),
    "exits": ("import sys; sys.exit(7)", "broken", "SystemExit: 7"),
    "misspells its hook": (hook().replace("flamo_components", "flamo_component"), "broken", "flamo_component"),
    "names a missing target": (hook(target="pkg_acme.ghost:Ghost"), "ok", ""),
    "is of another API version": ("FLAMO_API = 99\n" + textwrap.dedent(hook()), "broken", "plugin API 99"),
    "yields a bad component": (hook("All Pass"), "broken", "lower case"),
    "clashes with ours": (hook("biquad"), "ok", ""),
    "has no hook": ("", "broken", "has no hook"),
}


@pytest.fixture
def flamo(tmp_path, run_python):
    """Run the command line next to the distributions written so far."""

    def run(*arguments, **kwargs):
        path = ":".join(str(f) for f in (tmp_path / "strangers").iterdir())
        return run_python("-m", "flamo", *arguments, PYTHONPATH=path, **kwargs)

    return run


@pytest.mark.parametrize("fault", FAULTS)
def test_list_works_beside_a_plugin_that(fault, flamo, tmp_path):
    code, status, reason = FAULTS[fault]
    write_plugin(tmp_path / "strangers", code)
    listed = flamo("list")
    assert "biquad" in listed.stdout
    assert "Traceback" not in listed.stderr
    assert ("flamo: warning: plugin 'acme' of acme 1.2 is broken" in listed.stderr) == (status == "broken")
    [plugin] = [p for p in json.loads(flamo("plugins", "--json").stdout) if p["name"] == "acme"]
    assert plugin["status"] == status
    assert reason in plugin["error"]
    explained = flamo("plugins", "-v").stdout
    assert reason in explained
    assert ("Traceback" in explained) == bool(reason)


def test_what_a_plugin_prints_is_no_part_of_the_output(flamo, tmp_path):
    write_plugin(tmp_path / "strangers", "print('hello')\n" + textwrap.dedent(hook()))
    listed = flamo("list", "--json")
    assert "acme/allpass" in [row["qualified_name"] for row in json.loads(listed.stdout)]
    assert listed.stderr == "hello\n"


@pytest.mark.parametrize("target", ["math:pi", "math:hypot"])
def test_whatever_a_component_is_can_be_shown(flamo, tmp_path, target):
    write_plugin(tmp_path / "strangers", hook(target=target))
    assert target in flamo("show", "acme/allpass").stdout


def test_list_works_beside_two_that_clash(flamo, tmp_path):
    write_plugin(tmp_path / "strangers", hook())
    write_plugin(tmp_path / "strangers", hook(), "zenith", "zenith-audio")
    assert flamo("list", "processor").stdout.count(" allpass ") == 2
    shown = flamo("show", "allpass", check=False)
    assert shown.returncode == 2
    assert "plugin 'acme' of acme 1.2 and by plugin 'zenith' of zenith-audio 1.2" in shown.stderr


def test_a_stranger_is_listed_with_distribution_and_version_and_shown(flamo, tmp_path):
    write_plugin(tmp_path / "strangers", hook(), allpass=ALLPASS)
    [row] = [o for o in json.loads(flamo("list", "processor", "--json").stdout) if o["plugin"] == "acme"]
    assert (row["qualified_name"], row["distribution"], row["version"]) == ("acme/allpass", "acme", "1.2")
    assert "Allpass(\n    size=(1, 1),\n)" in flamo("show", "acme/allpass").stdout


def test_a_missing_target_is_one_line_that_says_whose_it_is(flamo, tmp_path):
    write_plugin(tmp_path / "strangers", hook(target="pkg_acme.ghost:Ghost"))
    shown = flamo("show", "allpass", check=False)
    assert shown.returncode == 1
    assert shown.stderr.count("\n") == 1
    assert "processor 'acme/allpass' of plugin 'acme' of acme 1.2 cannot be loaded" in shown.stderr


def test_a_disabled_plugin_is_shown_as_such(flamo, tmp_path):
    write_plugin(tmp_path / "strangers", "raise RuntimeError")
    found = flamo("plugins", FLAMO_DISABLE_PLUGINS="acme")
    [row] = [line for line in found.stdout.splitlines() if line.startswith("acme ")]
    assert row.split()[:5] == ["acme", "acme", "1.2", "disabled", "0"]
    assert found.stderr == ""


def test_strict_ends_with_one_line(flamo, tmp_path):
    write_plugin(tmp_path / "strangers", "raise RuntimeError('no such codec')")
    listed = flamo("list", check=False, FLAMO_STRICT="1")
    assert listed.returncode == 1
    assert listed.stderr == "flamo: error: plugin 'acme' of acme 1.2 is broken: RuntimeError: no such codec\n"
