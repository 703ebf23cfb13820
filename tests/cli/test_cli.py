import json
import subprocess
import sys
import time

import pytest

from flamo.testing import heavy_imports


@pytest.fixture
def flamo(run_python):
    return lambda *arguments, **kwargs: run_python("-m", "flamo", *arguments, **kwargs)


def refused(completed, code=2):
    """The one line on stderr of a command that failed."""
    assert completed.returncode == code
    assert completed.stderr.startswith("flamo: error: ")
    assert completed.stderr.count("\n") == 1
    return completed.stderr


@pytest.mark.parametrize(
    "command",
    [
        "import flamo",
        *(
            f"import sys; sys.argv = ['flamo', {a}]; import flamo.cli; flamo.cli.main()"
            for a in (
                "'list'",
                "'list', '--json'",
                "'--help'",
                "'fit', '--help'",
                "'plugins', '-v'",
                "'check-plugin', '--help'",
                "'new-plugin', 'core'",
            )
        ),
    ],
)
def test_light_commands_import_nothing_heavy(command):
    assert heavy_imports(command) == {}


@pytest.mark.parametrize("command", ["import flamo; flamo.dsp", "import flamo; flamo.get('processor', 'gain')"])
def test_the_test_of_light_commands_can_fail(command):
    assert "torch" in heavy_imports(command)


def test_list_is_quick(flamo):
    def seconds():
        start = time.perf_counter()
        flamo("list")
        return time.perf_counter() - start

    quickest = min(seconds() for _ in range(5))
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    assert quickest < max(0.5, 0.2 * (time.perf_counter() - start))  # 0.5 s where torch takes 2.7 s


def test_list_shows_everything_there_is_to_know(flamo):
    lines = flamo("list").stdout.splitlines()
    assert lines[0].split() == ["KIND", "NAME", "PLUGIN", "DISTRIBUTION", "VERSION", "SUMMARY"]
    [row] = [line for line in lines if " biquad " in line]
    assert row.split()[:4] == ["processor", "biquad", "filters", "flamo"]
    assert row.endswith("Cascaded RBJ lowpass, highpass and bandpass sections.")
    listed = json.loads(flamo("list", "processor", "--json").stdout)
    assert {row["kind"] for row in listed} == {"processor"}
    assert {"name", "plugin", "distribution", "version", "summary", "target", "aliases"} < listed[0].keys()


def test_show_prints_signature_and_documentation(flamo):
    shown = flamo("show", "biquad").stdout
    assert "    filter_type: str = 'lowpass',\n" in shown
    assert "Cascaded RBJ" in shown
    assert "Raises:" in shown


def test_version_and_help(flamo):
    assert flamo("--version").stdout.startswith("flamo 0.")
    assert "Usage: flamo" in flamo().stdout
    assert "--bands" in flamo("fit", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "headphoen"), "did you mean 'headphone'?"),
        (("fit", "missing.csv"), "missing.csv: no such file"),
        (("fit", "near.csv", "--fs", "1000"), "no room for bands from 491 to 490 Hz; choose a higher fs"),
        (("fit", "x" * 300), "cannot be read: File name too long"),
        (("fit", "headphone", "-o", "x" * 300), "cannot be written to: File name too long"),
        (("fit", "text.csv"), "text.csv, line 2: 'loud' is not a number"),
        (("fit", "empty.csv"), "empty.csv: the file is empty"),
        (("fit", "."), ".: cannot be read: Is a directory"),
        (("fit", "headphone", "-o", "foreign", "--overwrite"), "foreign: holds files that are not a run of flamo"),
        (("fit", "headphone", "--bands", "0"), "'--bands'"),
        (("fit", "headphone", "--bands", "ten"), "'--bands'"),
        (("fit", "headphone", "--fs", "7"), "'--fs'"),
        (("fit", "headphone", "--steps", "0"), "'--steps'"),
        (("fit", "headphone", "--seed", "-1"), "'--seed'"),
        (("fit", "headphone", "--band", "3"), "--bands"),
        (("fit", "headphone", "-o", "foreign"), "foreign: holds files that are not a run of flamo"),
        (("fit", "headphone", "-o", "text.csv"), "text.csv: is a file"),
        (("fit", "headphone", "-o", "text.csv/run"), "text.csv/run"),
        (("list", "procesor"), "did you mean 'processor'?"),
        (("show", "bicuad"), "did you mean 'biquad'?"),
        (("show", "biquad", "--kind", "loss"), "there is a processor of that name"),
        (("lits",), "list"),
        (("list", "--plugin", "filter"), "unknown plugin 'filter'; did you mean 'filters'?"),
        (("check-plugin", "acme"), "unknown plugin 'acme'; 'flamo plugins' shows them all"),
        (("new-plugin", "Acme"), "'Acme' cannot be the name of a package: lower case"),
        (("new-plugin", "../acme"), "cannot be the name of a package"),
        (("new-plugin", "lambda"), "cannot be the name of a package"),
        (("new-plugin", "filters"), "'filters' is the name of an installed plugin"),
        (("new-plugin", "json"), "'json' is the name of an installed package"),
        (("new-plugin", "numpy"), "'numpy' is the name of an installed package"),
        (("new-plugin", "foreign"), "foreign: exists already"),
        (("new-plugin", "acme", "--kind", "codec"), "'codec' is not one of 'processor', 'loss'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(inside, tmp_path, arguments, message):
    (tmp_path / "text.csv").write_text("frequency,target\n20,loud\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "near.csv").write_text("491,0\n493,1\n495,0\n")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert message in refused(inside(*arguments, check=False))
    assert sorted(tmp_path.rglob("*")) == before


def test_verbose_shows_the_traceback(flamo):
    failed = flamo("fit", "missing.csv", "-v", check=False)
    assert failed.returncode == 2
    assert "Traceback" in failed.stderr


def test_fit_of_a_target_says_which_filters_and_how_good_they_are(flamo, tmp_path):
    fitted = flamo("fit", "headphone", "--steps", "20", "--bands", "3", "-o", "run")
    assert fitted.stdout.splitlines()[1].split()[:2] == ["1", "lowshelf"]
    assert "error of the filters, 20 Hz to 10 kHz, rms: " in fitted.stdout
    config = (tmp_path / "run" / "config.yaml").read_text()
    assert flamo("fit", "headphone", "--steps", "20", "--bands", "3", "--print-config").stdout == config


def test_fit_of_a_target_takes_everything_that_a_configuration_does(flamo, tmp_path):
    (tmp_path / "room.csv").write_text("20;3\n200;1\n2000;0\n20000;-2\n")
    flamo("fit", "room.csv", "--steps", "2", "--fs", "16000", "--set", "nfft=1024", "--seed", "3", "-q")
    record = json.loads((tmp_path / "runs" / "room" / "run.json").read_text())
    assert (record["seed"], record["steps"]) == (3, 2)
    assert list(record["inputs"]) == [str(tmp_path / "room.csv")]


def test_a_failure_at_run_time_is_one_line_and_exit_code_1(run_python, tmp_path):
    patch = (
        "from flamo import fit\ndef fail(*_, **__): raise MemoryError('no room at all')\nfit.make_experiment = fail\n"
    )
    code = patch + "import sys\nsys.argv = ['flamo', 'fit', 'headphone']\nfrom flamo.__main__ import main\nmain()"
    assert refused(run_python("-c", code, check=False), code=1) == "flamo: error: no room at all\n"
    assert not (tmp_path / "runs" / "headphone" / "run.json").exists()
