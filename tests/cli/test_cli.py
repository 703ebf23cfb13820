import json
import os
import signal
import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "numpy", "scipy", "soundfile", "matplotlib")
REPORT = f"import sys; print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"


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
            for a in ("'list'", "'list', '--json'", "'--help'", "'fit', '--help'", "'plugins', '-v'")
        ),
    ],
)
def test_light_commands_import_nothing_heavy(run_python, command):
    assert (
        run_python("-c", f"import atexit\natexit.register(lambda: exec({REPORT!r}, {{}}))\n{command}").stderr == "[]\n"
    )


@pytest.mark.parametrize("command", ["import flamo; flamo.dsp", "import flamo; flamo.get('processor', 'gain')"])
def test_the_test_of_light_commands_can_fail(run_python, command):
    assert (
        "'torch'"
        in run_python("-c", f"import atexit\natexit.register(lambda: exec({REPORT!r}, {{}}))\n{command}").stderr
    )


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
        (("fit", "near.csv", "--fs", "1000"), "all points are too near to fs/2 = 500 Hz"),
        (("fit", "x" * 300), "cannot be read: File name too long"),
        (("fit", "headphone", "-o", "x" * 300), "cannot be written to: File name too long"),
        (("fit", "headphone", "-o", "taken", "--overwrite"), "fit.png is a folder there"),
        (("fit", "text.csv"), "text.csv, row 2: 'loud' is not a number"),
        (("fit", "empty.csv"), "empty.csv: the file is empty"),
        (("fit", "."), ".: cannot be read: Is a directory"),
        (("fit",), "Missing argument 'TARGET'"),
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
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(flamo, tmp_path, arguments, message):
    (tmp_path / "text.csv").write_text("frequency,target\n20,loud\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "near.csv").write_text("491,0\n493,1\n495,0\n")
    (tmp_path / "taken" / "fit.png").mkdir(parents=True)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert message in refused(flamo(*arguments, check=False))
    assert sorted(tmp_path.rglob("*")) == before


def test_verbose_shows_the_traceback(flamo):
    failed = flamo("fit", "missing.csv", "-v", check=False)
    assert failed.returncode == 2
    assert "Traceback" in failed.stderr


def test_fit_writes_a_run_and_says_what_it_reached(flamo, tmp_path):
    fitted = flamo("fit", "headphone", "--steps", "20", "--bands", "3", "-o", "run")
    assert "lowshelf" in fitted.stdout
    assert "error, 20 Hz to 10 kHz: rms " in fitted.stdout
    lines = fitted.stderr.splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("step 20/20: error ")
    assert lines[-1].endswith(" s left")
    assert "\x1b" not in fitted.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (metrics["n_bands"], metrics["steps"], metrics["interrupted"]) == (3, 20, False)
    (tmp_path / "run" / "notes.txt").write_text("mine")
    flamo("fit", "headphone", "--steps", "2", "-o", "run")  # a run of ours may be replaced
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_fit_reads_a_file_and_chooses_a_folder(flamo, tmp_path):
    (tmp_path / "room.csv").write_text("20;3\n200;1\n2000;0\n20000;-2\n")
    fitted = flamo("fit", "room.csv", "--steps", "2", "--fs", "16000")
    assert "1 points at or above fs/2 = 8000 Hz left out" in fitted.stdout
    assert (tmp_path / "runs" / "room" / "filters.txt").exists()


def with_patch(patch):
    """Code that runs ``flamo fit headphone --steps 3`` after something was replaced."""
    return f"import os, signal, sys\nfrom flamo import fit, run_folder\n{patch}\n" + (
        "sys.argv = ['flamo', 'fit', 'headphone', '--steps', '3']\nfrom flamo.__main__ import main\nmain()"
    )


def test_a_failure_at_run_time_is_one_line_and_exit_code_1(run_python, tmp_path):
    failing = with_patch("def fail(*_): raise MemoryError('no room\\nat all')\nfit.fit_eq = fail")
    assert refused(run_python("-c", failing, check=False), code=1) == "flamo: error: no room at all\n"
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_while_results_are_written_does_not_cut_them_in_two(run_python, tmp_path):
    patch = "write = run_folder._save_parameters\n"
    patch += "run_folder._save_parameters = lambda *a: (os.kill(os.getpid(), signal.SIGINT), write(*a))"
    finished = run_python("-c", with_patch(patch))
    assert "written to runs" in finished.stdout
    assert (tmp_path / "runs" / "headphone" / "metrics.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_writes_what_was_reached(tmp_path):
    command = [sys.executable, "-m", "flamo", "fit", "headphone", "--steps", "100000"]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    started = '{"steps": "started"}'
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import signal, sys, threading, time, os
from flamo import fit
original = fit.fit_eq
def traced(*args):
    *rest, report = args
    def tell(step, error):
        if step == 30:
            print('{started}', file=sys.stderr, flush=True)
        report(step, error)
    return original(*rest, tell)
fit.fit_eq = traced
sys.argv = {command[2:]!r}
import flamo.cli
flamo.cli.main()
""",
        ],
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline().strip() == started
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "written to runs" in stdout
    assert "Traceback" not in stderr
    assert json.loads((tmp_path / "runs" / "headphone" / "metrics.json").read_text())["interrupted"]
