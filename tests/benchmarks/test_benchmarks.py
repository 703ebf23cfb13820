"""The benchmarks run; what they find is not judged here."""

import io
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from benchmarks import compare, environment, scaling, seed_script, sides
from benchmarks.cases import CASES
from benchmarks.errors import BenchmarkError, CaseError
from benchmarks.measure import StaleError, Training, median_of, peak_memory, reset_peak, run_steps
from benchmarks.options import exit_code
from benchmarks.report import Result, table
from benchmarks.required import FULL_NFFT, REQUIRED, SEED_EXAMPLE
from benchmarks.worker import LEAST, Measurement, Request
from rich.console import Console

ROOT = Path(__file__).parents[2]

NFFT = 2048
FOUND = Measurement(
    flamo_version="1", flamo_file="/x/flamo/__init__.py", torch_version="2", first=1.0, steps=[0.2], peak=2**20
)


def result(reference=0.2, ours=0.002, **changes):
    """A comparison of one round."""
    made = Result("biquad", **changes)
    made.reference.append(replace(FOUND, steps=[reference], peak=5 * 2**20, checksums={"magnitude": 1.0}))
    made.ours.append(replace(FOUND, steps=[ours], checksums={"magnitude": 1.0}))
    return made


def printed(*results):
    stream = io.StringIO()
    Console(file=stream, width=200).print(table(list(results)))
    return stream.getvalue()


def test_every_case_is_required_something():
    assert set(REQUIRED) == {*CASES, SEED_EXAMPLE}


@pytest.mark.parametrize("name", CASES)
def test_every_case_does_a_finite_step(name):
    training = Training(CASES[name].build(NFFT), CASES[name].source(NFFT))
    assert len(run_steps(training, 2)) == 2
    sums = training.checksums()
    assert all(math.isfinite(v) and v > 0 for v in sums.values())
    assert ("gradient" in sums) == training.learns == (name != "parallel_accurate_geq")


def test_a_step_that_computes_nothing_is_refused():
    class Stale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.param = torch.nn.Parameter(torch.ones(1), requires_grad=False)

        def forward(self, x):
            return x

    with pytest.raises(StaleError, match="remembered"):
        run_steps(Training(Stale(), torch.ones(3)), 2)


@pytest.mark.parametrize("name", ["delay", "parallel_accurate_geq"])
def test_the_rest_of_a_step_is_all_but_the_system(name, monkeypatch):
    training = Training(CASES[name].build(NFFT), CASES[name].source(NFFT))
    training.step()
    rest = training.rest()
    before, magnitude = training.parameters[0].clone(), training.magnitude
    monkeypatch.setattr(training, "model", None)
    rest()
    assert not torch.equal(training.parameters[0], before)
    assert training.magnitude.shape == magnitude.shape
    assert all(p.grad is None for p in training.parameters)
    assert median_of(rest, 0.01) > 0


def test_memory_is_seen():
    before = reset_peak()
    block = torch.ones(8 * 2**20)
    assert peak_memory() - before >= 0.9 * block.nbytes


def test_a_worker_answers_a_request():
    found = sides.ours().run(Request(case="delay", nfft=NFFT, steps=2, warmup=1))
    assert len(found.steps) >= 2
    assert sum(found.steps) >= LEAST
    assert 0 < found.rest < sum(found.steps)
    assert found.torch_version == torch.__version__
    assert Measurement.from_json(found.to_json()) == found


def test_a_worker_that_fails_says_why_in_one_line(monkeypatch):
    monkeypatch.setattr(sides, "LAUNCH", "print(1)\nraise MemoryError('too little of it')")
    with pytest.raises(CaseError, match=r"^delay failed in flamo: MemoryError: too little of it$"):
        sides.ours().run(Request(case="delay", nfft=NFFT, steps=1))


def test_a_side_is_only_what_it_should_be(tmp_path):
    with pytest.raises(BenchmarkError, match="should import flamo from"):
        sides.reference(tmp_path).check(FOUND)
    inside = replace(FOUND, flamo_file=str(tmp_path.resolve() / "flamo" / "__init__.py"))
    with pytest.raises(BenchmarkError, match=r"should be flamo 0\.2\.20, not 1"):
        sides.reference(tmp_path).check(inside)
    sides.reference(tmp_path).check(replace(inside, flamo_version="0.2.20"))


def test_the_table_has_the_ratio_and_the_verdict():
    text = printed(result(), result(ours=0.02), Result("fdn_4"))
    good, bad, empty = (line for line in text.splitlines() if "sections" in line or "lines" in line)
    assert "100×" in good
    assert "80×" in good
    assert "5×" in good
    assert "pass" in good
    assert "10×" in bad
    assert "FAIL" in bad
    assert "pass" not in empty
    assert "FAIL" not in empty


def test_requirements_of_time_and_of_memory():
    assert result().passed
    assert not result(ours=0.02).passed
    assert result(ours=0.01, numba=False).passed
    assert result(judged=False, ours=0.02).passed is None
    assert Result("biquad", error="failed").passed is False
    large = result()
    large.ours[0] = replace(large.ours[0], peak=3 * 2**20)
    assert not large.passed


def test_differences_and_unsteady_rounds_are_told():
    assert result().warnings() == []
    other = result()
    other.ours[0] = replace(other.ours[0], checksums={"magnitude": math.nan})
    other.reference.append(replace(FOUND, steps=[0.9], checksums={"magnitude": 1.0}))
    difference, unsteady = other.warnings()
    assert difference == "biquad: magnitude nan, in the reference 1"
    assert "rounds of reference took from 200 to 900 ms" in unsteady


def test_json_holds_the_figures():
    found = json.loads(json.dumps(result().as_dict()))
    assert found["ratio"] == pytest.approx(100)
    assert found["memory_ratio"] == 5
    assert found["rest_ms"] is None
    again = result()
    again.ours[0] = replace(again.ours[0], rest=0.001)
    assert again.as_dict()["rest_ms"] == 1.0
    assert found["reference"]["first_ms"] == 1000
    assert found["flamo"]["rounds"][0]["steps"] == [0.002]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--case", "reverb"], "fdn_8_geq"),
        (["--nfft", "none"], "'none' is not a whole number above zero"),
        (["--json", "/no/such/folder/file.json"], "no folder for the JSON: /no/such/folder"),
        (["--bogus"], "--bogus"),
    ],
)
def test_wrong_usage_is_one_line_and_code_two(arguments, said, capsys):
    assert exit_code("compare", lambda: compare.run(arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("compare: error: ")
    assert error.count("\n") == 1
    assert said in error


def test_rounds_alternate_and_a_failure_stops_only_its_case(monkeypatch):
    order = []

    def run(self, request):
        order.append((self.name, request.steps, request.warmup))
        if len(order) > 4:
            raise CaseError("fdn_4 failed")
        return FOUND

    monkeypatch.setattr(sides.Side, "run", run)
    options = compare.parser().parse_args(["--rounds", "2", "--steps", "7"])
    ours, reference = sides.ours(), sides.reference(environment.default_folder())
    found = compare.measure("parallel_accurate_geq", options, ours, reference)
    assert order == [("reference", 7, 2), ("flamo", 7, 2), ("flamo", 7, 2), ("reference", 7, 2)]
    assert len(found.ours) == len(found.reference) == 2
    assert compare.measure("fdn_4", options, ours, reference).error == "fdn_4 failed"


def test_another_torch_is_refused(monkeypatch):
    monkeypatch.setattr(environment, "version", lambda _: "2.13.0+cpu")
    environment.check_own_torch()
    monkeypatch.setattr(environment, "version", lambda _: "2.9.1")
    with pytest.raises(BenchmarkError, match=r"both sides need torch 2\.13\.0, and this interpreter has 2\.9\.1"):
        environment.check_own_torch()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(BenchmarkError, match="was not made here: name another folder"):
        environment.ensure(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_broken_environment_is_made_anew_and_pip_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.venv, "create", lambda folder, **_: (folder / "bin").mkdir())
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / environment.MARK).touch()
    (folder / "rest").touch()
    with pytest.raises(BenchmarkError, match="cannot be run"):
        environment.ensure(folder)
    assert not (folder / "rest").exists()


def test_the_seed_script_is_the_example_with_its_changes():
    text = seed_script.script(NFFT, threads=2, numba=False)
    compile(text, "script.py", "exec")
    for change in ("nfft = 2048", "set_num_threads(2)", "device='cpu'", "patience=10", "sys.modules['numba'] = None"):
        assert change in text


def test_scaling_has_tables_and_a_plot(tmp_path):
    by_nfft = scaling.measure([(256, 2), (512, 2)], steps=1, rounds=1)
    by_sections = scaling.measure([(256, 1), (256, 2)], steps=1, rounds=1)
    assert len(scaling.growth(by_nfft)) == 1
    lines = scaling.markdown(by_nfft, "nfft", [256, 512]).splitlines()
    assert len(lines) == 4
    assert lines[-1].startswith("| 512 |")
    assert "×" in lines[-1]
    scaling.plot(by_nfft, by_sections, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").stat().st_size > 1000


def test_the_required_size_is_that_of_the_issue():
    assert compare.parser().parse_args([]).nfft == FULL_NFFT == 96000


@pytest.mark.parametrize("module", ["compare", "scaling"])
def test_it_runs_as_a_module_whatever_else_is_installed(module):
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", "--help"]
    assert "usage" in subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.lower()
