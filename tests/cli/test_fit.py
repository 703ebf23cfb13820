"""``flamo fit`` and ``flamo check`` as their users type them."""

import json
import os
import signal
import subprocess
import sys

import pytest

CONFIG = """\
flamo: 1
nfft: 128
system:
  series:
    spread: {gain: {size: [2, 1]}}
    loop:
      recursion:
        feedforward: {parallel_delay: {samples: [5, 7]}}
        feedback: {matrix: {size: [2, 2], matrix_type: orthogonal, learn: true}}
    sum: {gain: {size: [1, 2], learn: true}}
target: flat
losses: [mse]
stop: {steps: 20}
"""


@pytest.fixture
def flamo(run_python, tmp_path):
    (tmp_path / "fit.yaml").write_text(CONFIG)
    return lambda *arguments, **kwargs: run_python("-m", "flamo", *arguments, **kwargs)


def test_a_run_says_what_it_reached_and_how_far_it_is(flamo, tmp_path):
    fitted = flamo("fit", "fit.yaml")
    assert "loss: " in fitted.stdout
    assert "magnitude spread, RT 1 s: " in fitted.stdout
    assert fitted.stdout.splitlines()[-1] == f"written to {tmp_path / 'runs' / 'fit'}"
    lines = fitted.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"step {n}/20" for n in range(2, 21, 2)]
    assert all(word in lines[-1] for word in ("loss ", "best ", "steps/s", "0 s left"))
    assert "\x1b" not in fitted.stderr + fitted.stdout


def test_quiet_is_quiet(flamo, tmp_path):
    fitted = flamo("fit", "fit.yaml", "-q", "-o", "out")
    assert (fitted.stdout, fitted.stderr) == ("", "")
    assert (tmp_path / "out" / "report.html").exists()


def test_json_is_one_event_a_line(flamo, tmp_path):
    fitted = flamo("fit", "fit.yaml", "--progress", "json", "--set", "stop.steps=3")
    events = [json.loads(line) for line in fitted.stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", "step", "step", "step", "end"]
    assert events[1].keys() == {"event", "step", "loss", "losses", "lr", "best"}
    assert (events[-1]["status"], events[-1]["folder"]) == ("finished", str(tmp_path / "runs" / "fit"))
    assert fitted.stderr == ""


def test_the_command_is_in_the_record_and_the_report(flamo, tmp_path):
    flamo("fit", "fit.yaml", "--seed", "7", "--set", "stop.steps=1")
    record = json.loads((tmp_path / "runs/fit/run.json").read_text())
    assert (record["command"], record["seed"]) == ("flamo fit fit.yaml --seed 7 --set stop.steps=1", 7)
    assert record["command"] in (tmp_path / "runs/fit/report.html").read_text()


def test_a_finished_folder_needs_overwrite(flamo):
    flamo("fit", "fit.yaml", "-q")
    again = flamo("fit", "fit.yaml", check=False)
    assert again.returncode == 2
    assert "holds a finished run" in again.stderr
    flamo("fit", "fit.yaml", "-q", "--overwrite")
    assert "nothing is left to do" in flamo("fit", "--resume", "runs/fit").stderr


def test_print_config_shows_everything_and_does_nothing(flamo, tmp_path):
    printed = flamo("fit", "fit.yaml", "--print-config", "--set", "optimizer.adam.lr=1e-2").stdout
    assert "lr: 0.01" in printed
    assert not (tmp_path / "runs").exists()
    (tmp_path / "printed.yaml").write_text(printed)
    assert flamo("fit", "printed.yaml", "--print-config").stdout == printed


def test_check_tells_what_a_run_costs(flamo, tmp_path):
    told = flamo("check", "fit.yaml").stdout
    for words in ("1 inputs, 1 outputs", "learned: ", "losses: mse", "memory: ", "time aliasing: ", "larger nfft"):
        assert words in told
    assert [path.name for path in tmp_path.iterdir()] == ["fit.yaml"]
    wrong = flamo("check", "fit.yaml", "--set", "nfft=many", "--set", "stop.stepps=3", check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines() == [
        "flamo: error: --set: nfft: must be a whole number, got 'many'",
        "flamo: error: --set: stop.stepps: unknown key; did you mean 'steps'?",
    ]


def test_schema_is_one_for_editors(flamo):
    schema = json.loads(flamo("schema").stdout)
    assert {"system", "losses", "target"} <= schema["properties"].keys()
    assert "biquad" in json.dumps(schema["$defs"]["node"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit",), "Give a configuration or a target"),
        (("fit", "none.yaml"), "none.yaml: cannot be read: No such file"),
        (("fit", "fit.yaml", "--bands", "3"), "--bands is for targets of an equaliser"),
        (("fit", "fit.yaml", "--resume", "runs/fit"), "--resume DIR goes alone"),
        (("fit", "--resume", "."), "holds no run that could be resumed"),
        (("fit", "fit.yaml", "--set", "nfft"), "--set nfft: must be KEY=VALUE"),
        (("fit", "fit.yaml", "--set", "losses.3=mse"), "is a list of 1, counted from 0"),
        (("fit", "fit.yaml", "--set", "losses=[mse"), "--set losses"),
        (("fit", "fit.yaml", "--progress", "loud"), "'--progress'"),
        (("fit", "fit.yaml", "--sets", "nfft=3"), "--set"),
        (("check", "fit.yml"), "fit.yml: cannot be read"),
        (("check",), "Missing argument 'CONFIG'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(flamo, arguments, message):
    refused = flamo(*arguments, check=False)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stderr.startswith("flamo: error: ")
    assert refused.stderr.count("\n") == 1


def test_what_is_not_finite_is_exit_code_1(flamo):
    failed = flamo("fit", "fit.yaml", "-q", "--set", "optimizer={sgd: {lr: 1e30}}", check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("flamo: error: step ")
    assert "'mse'" in failed.stderr


def running(tmp_path, *arguments):
    """A long run that has told its first step."""
    (tmp_path / "fit.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "flamo", "fit", *arguments, "--progress", "json"]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=pipe, stderr=pipe, text=True)
    assert json.loads(process.stdout.readline())["event"] == "start"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_ends_in_good_order_and_says_how_to_go_on(flamo, tmp_path, number, code):
    process = running(tmp_path, "fit.yaml", "--set", "stop.steps=1000000")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert json.loads(stdout.splitlines()[-1])["status"] == "interrupted"
    folder = tmp_path / "runs/fit"
    assert {"model.safetensors", "report.html", "plots", "audio"} <= {path.name for path in folder.iterdir()}
    assert f"go on with: flamo fit --resume {folder}" in stderr
    steps = len((folder / "metrics.jsonl").read_text().splitlines())
    assert f"interrupted after {steps} steps" in stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_the_second_signal_leaves_at_once(tmp_path):
    patch = "import time; from flamo import fit; fit.write_results = lambda *_: time.sleep(60); "
    (tmp_path / "slow.py").write_text(patch + "import flamo.cli; flamo.cli.main()")
    (tmp_path / "fit.yaml").write_text(CONFIG)
    command = [sys.executable, "slow.py", "fit", "fit.yaml", "--set", "stop.steps=1000000", "--progress", "json"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
    assert json.loads(process.stdout.readline())["event"] == "start"
    process.send_signal(signal.SIGINT)
    while "once more to leave at once" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT


# -- equalisers --------------------------------------------------------------------------------------------------------

QUICK = ("--bands", "3", "--starts", "2", "--steps", "10")


@pytest.fixture
def curves(tmp_path):
    (tmp_path / "fit.yaml").write_text(CONFIG)
    for name, middle in (("a", 5.0), ("b", -3.0)):
        (tmp_path / f"{name}.csv").write_text(f"20,0\n200,1\n1000,{middle}\n5000,2\n20000,0\n")
    return ("a.csv", "b.csv")


def test_many_targets_are_a_folder_each_and_a_table(inside, curves, tmp_path):
    fitted = inside("fit", *curves, *QUICK, "-o", "all")
    lines = [line.split() for line in fitted.stdout.splitlines()]
    assert lines[0] == ["target", "rms/dB", "max/dB", "folder"]
    assert [line[0] for line in lines[1:]] == ["a", "b", "mean"]
    for line in lines[1:3]:
        record = json.loads((tmp_path / "all" / line[0] / "run.json").read_text())
        assert record["status"] == "finished"
        assert record["figures"]["error of the filters, rms"]["after"] == pytest.approx(float(line[1]), abs=5e-4)
        assert line[3] == str(tmp_path / "all" / line[0])
        assert (tmp_path / "all" / line[0] / "report.html").exists()
    refused = inside("fit", *curves, *QUICK, "-o", "all", check=False)
    assert refused.returncode == 4
    assert refused.stderr.count("holds a finished run") == 2
    assert inside("fit", *curves, *QUICK, "-o", "all", "--overwrite", "-q").stdout == ""


def test_a_folder_of_a_batch_is_repeated_by_its_configuration(inside, curves, tmp_path):
    inside("fit", *curves, *QUICK, "-o", "all", "-q")
    inside("fit", "all/b/config.yaml", "-o", "again", "-q")
    first, second = (json.loads((tmp_path / f / "filters.json").read_text()) for f in ("all/b", "again"))
    assert first == second


def test_a_batch_that_is_stopped_writes_everything(inside, curves, tmp_path, monkeypatch):
    monkeypatch.setattr("flamo.cli.signals.Stop.__call__", lambda stop: True)
    monkeypatch.setattr("flamo.cli.signals.Stop.exit_code", 130)
    stopped = inside("fit", *curves, *QUICK, check=False)
    assert stopped.returncode == 130
    assert "interrupted" in stopped.stderr
    for name in "ab":
        record = json.loads((tmp_path / "runs" / name / "run.json").read_text())
        assert (record["status"], record["steps"]) == ("interrupted", 1)
        assert (tmp_path / "runs" / name / "filters.txt").exists()
    monkeypatch.undo()
    resumed = inside("fit", "--resume", tmp_path / "runs" / "a", "-q")
    assert json.loads((tmp_path / "runs" / "a" / "run.json").read_text())["status"] == "finished"
    assert resumed.stdout == ""


def test_a_full_disk_is_told_and_the_others_are_written(inside, curves, tmp_path, monkeypatch):
    from flamo import batch

    conclude = batch.conclude

    def failing(experiment, before, folder, outcome):
        if folder.path.name == "a":
            raise OSError(28, "No space left on device", str(folder / "plots"))
        conclude(experiment, before, folder, outcome)

    monkeypatch.setattr(batch, "conclude", failing)
    fitted = inside("fit", *curves, *QUICK, check=False)
    assert fitted.returncode == 4
    assert "plots: cannot be written: No space left on device" in fitted.stderr
    assert (tmp_path / "runs" / "b" / "filters.txt").exists()


def test_what_failed_alone_is_named_in_the_end(inside, curves, tmp_path):
    (tmp_path / "bad.csv").write_text("20,loud\n")
    fitted = inside("fit", "a.csv", "bad.csv", "missing.csv", "b.csv", *QUICK, check=False)
    assert fitted.returncode == 4
    assert [line.split()[0] for line in fitted.stdout.splitlines()] == ["target", "a", "b", "mean"]
    errors = fitted.stderr.splitlines()
    assert any(line.startswith("flamo: bad.csv") and "'loud' is not a number" in line for line in errors)
    assert any(line.startswith("flamo: missing.csv: no such file") for line in errors)
    assert errors[-1] == "flamo: 2 of 4 targets failed"


def test_options_of_an_equaliser_arrive_in_its_configuration(inside, curves):
    text = inside(
        *("fit", "a.csv", "--print-config", "--bands", "4", "--range", "50:12000", "--ignore", "5000:6000"),
        *("--weights", "20:1,1000:2", "--gain-max", "9", "--q", "0.5:4", "--frequency", "60:9000", "--keep-gain"),
        *("--starts", "3", "--steps", "7", "--seed", "5", "--fs", "44100"),
    ).stdout
    from flamo.config.reading import parse

    config = parse(text, "x").data
    assert config["system"]["parametric_eq"] == {
        **{"n_bands": 4, "f_min": [60.0, 60.0, 60.0, 1000.0], "f_max": [1000.0, 9000.0, 9000.0, 9000.0]},
        **{"q_min": 0.5, "q_max": 4.0, "gain_max": 9.0},
    }
    assert config["losses"] == [
        {"curve_error": {"remove_mean": False, "weights": [[20.0, 1.0], [1000.0, 2.0]], "ignore": [[5000.0, 6000.0]]}}
    ]
    assert (config["target"]["low"], config["target"]["high"]) == (50.0, 12000.0)
    assert (config["optimizer"], config["stop"]["steps"]) == ({"lm": {"starts": 3}}, 7)
    assert (config["seed"], config["fs"]) == (5, 44100)


def test_a_measurement_and_its_target(inside, curves, tmp_path):
    inside("fit", "--measurement", "a.csv", "--target", "b.csv", "--max-boost", "6", *QUICK, "-q")
    record = json.loads((tmp_path / "runs" / "a" / "run.json").read_text())
    assert sorted(record["inputs"]) == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.csv", "--range", "100"), "--range 100: must be LOW:HIGH, two numbers above 0"),
        (("a.csv", "--q", "5:1"), "--q 5:1: must be LOW:HIGH"),
        (("a.csv", "--weights", "20;1"), "--weights 20;1: must be FREQUENCY:WEIGHT"),
        (("a.csv", "--recipe", "pqe"), "did you mean 'peq'?"),
        (("a.csv", "--recipe", "geq", "--q", "1:2"), "recipe 'geq' has no option '--q'; it has bands"),
        (("a.csv", "--channel", "0", "fit.yaml"), "fit.yaml: a configuration goes alone"),
        (("a.csv", "--channel", "3"), "channel 3: there is one, which is 0"),
        (("a.csv", "--recipe", "geq", "--types", "peaking"), "recipe 'geq' has no option 'types'"),
        (("a.csv", "--recipe", "geq", "--bands", "12"), "bands must be one of 10, 15, 31, got 12"),
        (("a.csv", "--types", "peak"), "types must be one of lowshelf, peaking, highshelf, got 'peak'"),
        (("a.csv", "--gain-max", "-3"), "gain_max must be above 0"),
        (("a.csv", "--device", "missing.yaml"), "missing.yaml"),
        (("a.csv", "--smoothing", "12"), "--smoothing is for measurements"),
        (("a.csv", "--target", "b.csv", "--smoothing", "-3"), "--smoothing -3: input should be greater than 0"),
        (("a.csv", "--target", "b.csv", "--max-boost", "nan"), "--max-boost nan: input should be"),
        (("a.csv", "--target", "b.csv", "--max-slope", "0"), "--max-slope 0: input should be greater than 0"),
        (("a.csv", "--types", "peaking,peaking", "--bands", "3"), "--bands 3 does not go with --types, which names 2"),
        (("a.csv", "--device", "gear.yaml", "--q", "1:2"), "--q does not go with --device"),
        (("--measurement", "a.csv"), "--measurement goes with --target"),
        (("a.csv", "--target", "missing.csv"), "missing.csv: no such file"),
        (("a.csv", "fit.yaml"), "fit.yaml: a configuration goes alone"),
        (("fit.yaml", "--bands", "3"), "--bands is for targets of an equaliser; use --set"),
        (("a.csv", "--range", "15000:19000"), "0 points from 15000 to 19000 Hz; at least 3 are needed"),
    ],
)
def test_a_wrong_option_of_an_equaliser_is_one_line(inside, curves, tmp_path, arguments, message):
    failed = inside("fit", *arguments, check=False)
    assert failed.returncode == 2
    assert len(failed.stderr.splitlines()) == 1
    assert message in failed.stderr
    assert not (tmp_path / "runs").exists()


def test_a_target_that_is_named_twice_is_fitted_once(inside, curves):
    done = inside("fit", "a.csv", "b.csv", "a.csv", *QUICK)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["target", "a", "b", "mean"]


def test_a_batch_without_a_list_of_filters_has_its_table(inside, curves):
    done = inside("fit", "a.csv", "b.csv", *QUICK, "--set", "exports=[equalizer_apo]")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["target", "a", "b", "mean"]


def test_print_config_tells_what_cannot_be_used(inside, curves, tmp_path):
    (tmp_path / "bad.csv").write_text("loud\n")
    done = inside("fit", "a.csv", "bad.csv", "--print-config", check=False)
    assert (done.returncode, done.stdout.count("flamo: 1\n")) == (4, 1)
    assert done.stderr.splitlines()[1:] == ["flamo: 1 of 2 targets failed"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimizer={lm: {strats: 3}}", "strats"),
        ("optimizer={lm: {starts: 0}}", "optimizer: starts must be at least 1, got 0"),
        ("schedule=step", "schedule: is for gradient descent; lm takes none"),
        ("clip=1.0", "clip: is for gradient descent; lm takes none"),
        ("losses.0={sparsity: {of: loop.feedback}}", "losses.0: sparsity is no sum of squares"),
    ],
)
def test_a_configuration_that_least_squares_cannot_take(flamo, inside, change, message):
    sets = ("--set", change) if change.startswith("optimizer") else ("--set", "optimizer=lm", "--set", change)
    failed = inside("fit", "fit.yaml", *sets, check=False)
    assert failed.returncode == 2
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr


def test_any_system_is_fitted_by_least_squares(flamo, inside, tmp_path):
    inside("fit", "fit.yaml", "--set", "optimizer={lm: {starts: 2}}", "--set", "stop.steps=8", "-q")
    rows = [json.loads(line) for line in (tmp_path / "runs" / "fit" / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 8
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]


def test_a_run_exports_its_filters_for_players(inside, curves, tmp_path):
    inside("fit", "a.csv", *QUICK, "--set", "exports=[filters, equalizer_apo, {camilladsp: {full: true}}]", "-q")
    folder = tmp_path / "runs" / "a" / "exports"
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "a.yml"]
    written = json.loads((tmp_path / "runs" / "a" / "filters.json").read_text())["filters"]
    assert (folder / "a.txt").read_text().count("Filter ") == len(written) == 3
    again = inside("export", "runs/a", "--to", "equalizer_apo,cpp")
    assert again.stdout.splitlines() == [f"written to runs/a/exports/a.{suffix}" for suffix in ("txt", "hpp")]
    refused = inside("fit", "fit.yaml", "--set", "exports=[equalizer_apo]", check=False)
    assert refused.returncode == 2
    assert "exports.0: the system is not a cascade of second-order sections: loop is a recursion" in refused.stderr


def test_a_container_of_others_has_to_say_what_a_run_needs(acme, inside, tmp_path):
    text = "flamo: 1\nsystem: {acme/split: {branches: [gain], named: {}}}\ntarget: flat\nlosses: [mse]\n"
    (tmp_path / "c.yaml").write_text(text)
    said = inside("fit", "c.yaml", check=False)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.endswith(
        "c.yaml, line 2: system: no part of it says its input_channels and output_channels and nfft\n"
    )
