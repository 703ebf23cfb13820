"""A stranger's way with each kind: a new plugin, its tests, its use and its end."""

import json
import subprocess
from pathlib import Path

import pytest

from flamo.scaffold import FIRST

SCRIPT = Path(__file__).with_name("every_kind.py")
RUNS = [kind for kind in FIRST if kind != "command"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(python, tmp_path_factory):
    """Run the interpreter of the environment in an empty folder; returns what it prints."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments, cwd=folder):
        done = subprocess.run([python, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def packages(run, tmp_path_factory):
    """One new plugin of each kind, installed."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in FIRST:
        run("-m", "flamo", "new-plugin", f"acme_{kind}", "--kind", kind, cwd=folder)
    install = ("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation")
    run(*install, *(folder / f"acme_{kind}" for kind in FIRST))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def used(run, packages, folder):
    return json.loads(run(SCRIPT, "with", folder))


@pytest.fixture(scope="module")
def missed(run, used, folder):
    """After all of them have been uninstalled."""
    run("-m", "pip", "uninstall", "-q", "-y", *(f"acme-{kind}" for kind in FIRST))
    return json.loads(run(SCRIPT, "without", folder))


def test_their_own_tests_pass(run, packages):
    told = run("-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *packages.glob("acme_*/tests"))
    assert " passed" in told


@pytest.mark.parametrize("kind", FIRST)
def test_what_is_installed_passes_check_plugin(used, kind):
    code, told, errors = used[kind]["checked"]
    assert (code, errors) == (0, "")
    assert told.endswith("checks, none failed\n")


@pytest.mark.parametrize("kind", FIRST)
def test_it_is_the_one_that_is_installed_and_shown(used, kind, python):
    assert Path(used[kind]["origin"]).is_relative_to(python.parent.parent)
    assert (used[kind]["shown"][0], used[kind]["shown"][2]) == (0, "")


@pytest.mark.parametrize("kind", RUNS)
def test_it_is_used_in_a_configuration_and_on_the_command_line(used, kind):
    for command in ("check", "fit"):
        code, _, errors = used[kind][command]
        assert (code, errors) == (0, ""), command
    assert used[kind]["record"]["status"] == "finished"
    assert used[kind].get("stopped", "interrupted") == "interrupted"
    assert used[kind]["reloaded"] == ("ParametricEQ" if kind == "recipe" else "Shell")


def test_it_is_used_in_python(used):
    told = {kind: used[kind]["python"] for kind in FIRST}
    assert told["processor"] == [0.0, "OnePole"]
    assert told["trainer"] == min(told["loss"]) < 0.6 * told["loss"][0]
    assert told["reader"] == [4.0, 1.0, -3.0]
    assert told["exporter"] == "frequency\tmagnitude\tphase"
    assert told["recipe"] == 6.0
    assert told["command"] == "levels"


def test_a_command_is_called_by_its_name_with_and_without_that_of_the_plugin(used):
    assert used["command"]["called"] == [[0, "curve: 0.00 dB\n", ""]] * 2


def test_runs_come_out_as_the_component_has_it(used, folder):
    """A step of signs has the size of its rate; a curve of lines is fitted; a table has as many points as were said."""
    assert used["reader"]["target"][0] == used["reader"]["converted"][0] == used["exporter"]["exported"][0] == 0
    assert (folder / "phone.txt").read_text().startswith("GraphicEQ: 20 ")
    assert len((folder / "exporter" / "exports" / "exporter.tsv").read_text().splitlines()) == 1 + 7
    assert len((folder / "tables" / "loss.tsv").read_text().splitlines()) == 1 + 200
    rates = {json.loads(line)["lr"] for line in (folder / "trainer" / "metrics.jsonl").read_text().splitlines()}
    assert rates == {0.02}
    assert [band["type"] for band in json.loads((folder / "recipe" / "filters.json").read_text())["filters"]] == [
        "lowshelf",
        "highshelf",
    ]


def test_a_run_records_where_its_components_are_from(used):
    for kind in RUNS:
        strangers = {name for name, source in used[kind]["record"]["plugins"].items() if name.startswith("acme")}
        assert strangers == (set() if kind == "recipe" else {f"acme_{kind}"})  # a recipe's work is done before the run


@pytest.mark.parametrize("kind", [kind for kind in RUNS if kind != "recipe"])
def test_a_run_names_the_distribution_that_is_gone(missed, folder, kind):
    path = folder / f"{kind}_stopped"
    needs = f"needs the plugin 'acme_{kind}' of 'acme-{kind} 0.1.0', which is not installed; pip installs it"
    assert missed[kind]["resume"] == [2, "", f"flamo: error: {path}: this run {needs}\n"]


def test_a_saved_system_names_the_distribution_that_is_gone(missed, folder):
    needs = "needs the plugin 'acme_processor' of 'acme-processor 0.1.0', which is not installed; pip installs it"
    assert missed["processor"]["saved"] == f"{folder / 'lowpass.safetensors'}: {needs}"
    assert missed["processor"]["system"][2] == f"flamo: error: {folder / 'lowpass.safetensors'}: {needs}\n"
    assert missed["processor"]["load"] == f"{folder / 'processor' / 'model.safetensors'}: {needs}"


@pytest.mark.parametrize("kind", RUNS)
def test_what_needs_no_plugin_any_more_is_there(used, missed, kind):
    assert (missed[kind]["load"] == used[kind]["reloaded"]) == (kind != "processor")


@pytest.mark.parametrize("kind", FIRST)
def test_a_name_in_a_configuration_is_told_in_one_line(missed, kind):
    for command in ("config", "name"):
        code, told, errors = missed[kind][command]
        assert (code, told, errors.count("\n")) == (2, "", 1)
        assert errors.startswith("flamo: error: ")
        if (command, kind) != ("config", "reader"):  # there the file has a form that nobody knows
            assert f"no plugin 'acme_{kind}' is installed" in errors
