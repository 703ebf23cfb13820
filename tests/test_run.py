"""Runs: what they leave behind, how they are interrupted, and how they go on."""

import json
import os

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

import flamo
from flamo import files
from flamo.cli.progress import Silent
from flamo.config.loading import load_config
from flamo.config.reading import parse
from flamo.errors import ConfigError, FlamoError, InputError, InputWarning, NotFiniteError
from flamo.experiment import make_experiment
from flamo.fit import fit
from flamo.run_folder import RunFolder, read_metrics
from flamo.scaffold import package_files
from flamo.testing import make_plugin

CONFIG = """\
flamo: 1
nfft: 128
alias_decay_db: 20
system:
  series:
    spread: {gain: {size: [2, 1], learn: true}}
    loop:
      recursion:
        feedforward: {parallel_delay: {samples: [5, 7]}}
        feedback: {matrix: {size: [2, 2], matrix_type: orthogonal, learn: true}}
    sum: {gain: {size: [1, 2], learn: true}}
target: flat
losses: [mse]
optimizer: {adam: {lr: 1e-2}}
schedule: {exponential: {gamma: 0.99}}
stop: {steps: 30}
checkpoints: {every: 10}
exports: [wav, csv]
"""
SAME = ("model.safetensors", "metrics.jsonl", "audio/impulse_response.wav", "response.csv", "plots/loss.png")


@pytest.fixture
def run(tmp_path):
    """Run a configuration into a folder, changed by text replacements, stopped after so many steps."""

    def go(name, *sets, after=None, resume=False, overwrite=False, text=CONFIG):
        (tmp_path / "fit.yaml").write_text(text)
        folder = RunFolder(tmp_path / name)
        file = load_config(folder / "config.yaml" if resume else tmp_path / "fit.yaml", sets)
        told = []
        if resume:
            folder.check_unfinished()
        else:
            folder.check_new(overwrite)
        config = file.checked()
        with folder.locked(), file.located():
            status = fit(config, folder, Counting(told), lambda: len(told) == after, resume)
        assert status == folder.record["status"]
        return folder.path

    return go


class Counting(Silent):
    def __init__(self, told):
        self.told = told

    def update(self, row, best):
        self.told.append(row["step"])


def same(one, other, names=SAME):
    return [name for name in names if (one / name).read_bytes() != (other / name).read_bytes()] == []


def test_a_run_leaves_everything_that_is_promised(run):
    folder = run("a")
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "audio/impulse_response.wav",
        "checkpoints/step_00000020.safetensors",
        "checkpoints/step_00000030.safetensors",
        "config.yaml",
        "metrics.jsonl",
        "model.safetensors",
        "plots/loss.png",
        "plots/magnitude.png",
        "report.html",
        "response.csv",
        "run.json",
    ]
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["steps"], record["seed"], record["error"]) == ("finished", 30, 0, None)
    assert record["versions"]["torch"] == torch.__version__
    assert record["figures"]["loss"]["after"] < 0.8 * record["figures"]["loss"]["before"]
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(30))
    assert rows[0]["lr"] == 0.01
    assert rows[0]["losses"] == {"mse": rows[0]["loss"]}


def test_the_saved_model_is_the_best_one_and_the_exports_are_its_response(run):
    folder = run("a")
    model = flamo.load(folder / "model.safetensors")
    experiment = make_experiment(load_config(folder / "config.yaml").checked())
    spectrum = model.get_core()(experiment.spectrum)
    best = json.loads((folder / "run.json").read_text())["figures"]["loss"]["after"]
    assert (spectrum.abs() - 1).square().mean().item() == pytest.approx(best, rel=1e-5)
    samples, fs = soundfile.read(folder / "audio/impulse_response.wav")
    np.testing.assert_allclose(samples, model.get_time_response()[0, :, 0].numpy(), atol=1e-7)
    assert (fs, soundfile.info(folder / "audio/impulse_response.wav").subtype) == (48000, "FLOAT")
    table = np.genfromtxt(folder / "response.csv", delimiter=",", names=True)
    response = np.fft.rfft(samples)
    np.testing.assert_allclose(table["magnitude_db_0"], 20 * np.log10(abs(response)), atol=1e-3)
    np.testing.assert_allclose(np.exp(1j * table["phase_0"]), response / abs(response), atol=1e-4)
    assert table["frequency"][1] == 48000 / 128


def test_the_written_configuration_repeats_the_run_byte_for_byte(run, tmp_path):
    first = run("a", "seed=3")
    again = run("b", text=(first / "config.yaml").read_text())
    assert same(first, again, (*SAME, "config.yaml"))
    assert not same(first, run("c", "seed=4"))


def test_json_says_the_same(tmp_path):
    (tmp_path / "fit.json").write_text(json.dumps(parse(CONFIG, "x.yaml").data))
    file = load_config(tmp_path / "fit.json")
    (tmp_path / "fit.yaml").write_text(CONFIG)
    assert file.checked() == load_config(tmp_path / "fit.yaml").checked()


@pytest.mark.parametrize("after", [1, 10, 17, 29])
def test_interrupted_and_resumed_is_uninterrupted(run, after):
    folder = run("a", after=after)
    record = RunFolder(folder).record
    assert (record["status"], record["steps"]) == ("interrupted", after)
    assert (folder / "model.safetensors").exists()
    assert (folder / "report.html").exists()
    assert same(run("a", resume=True), run("b"))


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(run):
    folder = run("a", after=27)
    newest = folder / "checkpoints/step_00000027.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(InputWarning, match=r"step_00000027.safetensors .* going on from step_00000020"):
        run("a", resume=True)
    assert same(folder, run("b"))


def test_without_a_whole_checkpoint_nothing_is_overwritten(run):
    folder = run("a", after=15)
    for path in (folder / "checkpoints").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="no checkpoint is whole: step_00000015"):
        run("a", resume=True)


def test_a_run_without_checkpoints_begins_anew(run):
    folder = run("a", after=5)
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    assert same(run("a", resume=True), run("b"))


def test_patience_ends_a_run_and_survives_an_interruption(run):
    sets = ("stop.patience=3", "optimizer.adam.lr=0.3", "stop.steps=500")
    whole = run("a", *sets)
    rows = read_metrics(whole / "metrics.jsonl")
    losses = [row["loss"] for row in rows]
    assert len(losses) < 500
    assert min(losses[-3:]) >= min(losses[:-3])
    assert same(run("b", *sets, after=len(rows) - 2), whole) is False
    assert same(run("b", resume=True), whole)


def test_what_is_not_finite_ends_a_run_and_keeps_the_best(run, tmp_path):
    sets = ("optimizer={sgd: {lr: 1e30}}", "schedule=null")
    with pytest.raises(NotFiniteError, match=r"step \d+: .*'mse'"):
        run("a", *sets)
    record = RunFolder(tmp_path / "a").record
    assert record["status"] == "failed"
    assert "'mse'" in record["error"]
    assert all(value.isfinite().all() for value in load_file(tmp_path / "a/model.safetensors").values())
    assert "failed" in (tmp_path / "a/report.html").read_text()


# -- folders -------------------------------------------------------------------------------------------------------


def test_a_finished_run_is_written_over_only_on_demand(run):
    folder = run("a")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds a finished run; choose another with -o, or say --overwrite"):
        run("a")
    run("a", "seed=1", overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"
    assert same(folder, run("b", "seed=1"))


def test_an_unfinished_run_is_gone_on_with_or_written_over(run):
    run("a", after=3)
    with pytest.raises(InputError, match="holds a run that is interrupted; go on with 'flamo fit --resume"):
        run("a")
    run("a", overwrite=True)


def test_a_foreign_folder_is_never_written_to(run, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/config.yaml").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="holds files that are not a run of flamo"):
            run("a", overwrite=overwrite)


def test_two_runs_do_not_write_into_one_folder(run, tmp_path):
    with RunFolder(tmp_path / "a").locked(), pytest.raises(InputError, match="another run is writing there"):
        run("a")


def test_only_runs_are_resumed(run, tmp_path):
    with pytest.raises(InputError, match="holds no run that could be resumed"):
        RunFolder(tmp_path / "none").check_unfinished()


def test_a_run_whose_plugin_is_gone_names_its_distribution(run, tmp_path):
    made = package_files("pkg_acme", "loss")
    with make_plugin(made["pkg_acme/plugin.py"], level_error=made["pkg_acme/level_error.py"]):
        run("a", "losses=[acme/level_error]", after=3)
    assert RunFolder(tmp_path / "a").record["plugins"]["acme"] == {"distribution": "acme", "version": "1.2"}
    with pytest.raises(InputError, match=r"a: this run needs the plugin 'acme' of 'acme 1\.2', which is not installed"):
        run("a", resume=True)


def test_an_input_that_has_changed_is_refused(run, tmp_path):
    curve = tmp_path / "curve.csv"
    curve.write_text("20,1\n2000,0\n20000,3\n")
    run("a", "target=curve.csv", after=3)
    curve.write_text("20,1\n2000,0\n20000,4\n")
    with pytest.raises(InputError, match=r"curve.csv: has changed since the run in .* began"):
        run("a", resume=True)


def test_a_full_disk_is_an_error_that_loses_nothing(run, tmp_path, monkeypatch):
    write = files.write_file

    def full(path, data):
        if path.name == "step_00000020.safetensors":
            raise OSError(28, "No space left on device", str(path))
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("flamo.checkpoints.write_file", full)
        with pytest.raises(
            FlamoError, match=r"a: cannot be written: No space left on device; what was written before is whole; go on"
        ):
            run("a")
    record = RunFolder(tmp_path / "a").record
    assert (record["status"], "No space left" in record["error"]) == ("failed", True)
    assert [path.name for path in (tmp_path / "a/checkpoints").iterdir()] == ["step_00000010.safetensors"]
    assert same(run("a", resume=True), run("b"))


def test_a_folder_that_is_read_only_is_refused_before_the_run(run, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("root may write anywhere")
    with pytest.raises(InputError, match="cannot be written to: Permission denied"):
        run("locked/a")


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(run, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    with pytest.raises(InputError, match="cannot be written to: Permission denied"):
        run("a")


def test_a_flat_target_leaves_the_level_alone(run):
    """The mean power of the system as built is what its magnitude is to be."""
    quiet, loud = (CONFIG.replace("[2, 1], learn: true", f"[2, 1], gain_db: {gain}") for gain in (-40, 40))
    losses = [
        read_metrics(run(name, text=text) / "metrics.jsonl")[-1]["loss"] for name, text in (("a", quiet), ("b", loud))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


# -- input, output, target -----------------------------------------------------------------------------------------


def test_a_system_is_its_own_target(run, tmp_path):
    truth = run("truth", "stop.steps=1", "seed=5")
    text = CONFIG.replace("target: flat", f"target: {truth / 'model.safetensors'}")
    assert read_metrics(run("a", "seed=5", text=text) / "metrics.jsonl")[0]["loss"] == 0.0
    assert read_metrics(run("b", "seed=6", text=text) / "metrics.jsonl")[0]["loss"] > 0.0


def test_a_curve_is_held_beyond_its_ends_and_interpolated_over_log_frequency(tmp_path, run):
    (tmp_path / "curve.csv").write_text("1000,6\n4000,0\n16000,-6\n")
    (tmp_path / "fit.yaml").write_text(CONFIG.replace("flat", "curve.csv").replace("nfft: 128", "nfft: 480"))
    wanted = make_experiment(load_config(tmp_path / "fit.yaml").checked()).wanted
    decibels = 20 * wanted.target[0, :, 0].log10()
    assert decibels[[0, 1, 10, 20, 40, 160, 240]].tolist() == pytest.approx([6, 6, 6, 3, 0, -6, -6], abs=1e-4)
    assert wanted.notes == ("target from 1000 to 16000 Hz, held beyond",)


def test_an_impulse_response_as_target_counts_as_the_system_does(tmp_path):
    h = np.zeros(100)
    h[[0, 30]] = [1.0, -0.5]
    soundfile.write(tmp_path / "room.wav", h, 48000, "FLOAT")
    expected = np.fft.rfft(h * 10 ** (-np.arange(100) * 20 / 128 / 20), 128)
    for output, value in (("magnitude", abs(expected)), ("spectrum", expected), ("time", np.pad(h, (0, 28)))):
        text = CONFIG.replace("flat", f"room.wav\noutput: {output}")
        (tmp_path / "fit.yaml").write_text(text)
        target = make_experiment(load_config(tmp_path / "fit.yaml").checked()).wanted.target
        np.testing.assert_allclose(target[0, :, 0].numpy(), value, atol=1e-6)


def test_a_signal_and_its_recording_are_input_and_target(tmp_path, run):
    system = CONFIG.replace("alias_decay_db: 20", "alias_decay_db: 60").replace("nfft: 128", "nfft: 1024")
    h = flamo.load(run("truth", "stop.steps=1", "seed=3", text=system) / "model.safetensors").get_time_response()
    x = np.random.default_rng(0).standard_normal(40)
    soundfile.write(tmp_path / "x.wav", x, 48000, "DOUBLE")
    soundfile.write(tmp_path / "y.wav", np.convolve(x, h[0, :, 0].numpy())[:1024], 48000, "DOUBLE")
    text = system.replace("target: flat", "target: y.wav\noutput: time\ninput: {wav: x.wav}")
    (tmp_path / "fit.yaml").write_text(text)
    experiment = make_experiment(load_config(tmp_path / "fit.yaml", seed=3).checked())
    with torch.no_grad():
        y = experiment.output(experiment.model.get_core()(experiment.spectrum))
    error = (y - experiment.wanted.target).square().sum() / y.square().sum()
    assert error < 1e-4  # what wraps around


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("target: flat", "target: flat\ninput: {wav: room.wav}"), "the target of the input 'impulse' only"),
        (("size: [1, 2]", "size: [2, 2]"), "losses.0: mse_loss: a prediction"),
        (("target: flat", "target: curve.csv\noutput: time"), "a curve in dB needs 'output: curve'"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_the_run(run, tmp_path, change, message):
    soundfile.write(tmp_path / "room.wav", np.r_[1.0, np.zeros(50)], 48000)
    (tmp_path / "curve.csv").write_text("20,1\n2000,0\n20000,3\n")
    with pytest.raises(ConfigError, match=message):
        run("a", text=CONFIG.replace(*change))
    assert not (tmp_path / "a/run.json").exists()


def test_weights_scale_the_losses(run):
    text = CONFIG.replace("losses: [mse]", "losses: [mse, {mse: {weight: 0.5}}]")
    [first, *_] = read_metrics(run("a", text=text) / "metrics.jsonl")
    assert first["losses"]["mse 2"] == pytest.approx(0.5 * first["losses"]["mse"])
    assert first["loss"] == pytest.approx(1.5 * first["losses"]["mse"])


def test_groups_have_options_of_their_own(run):
    text = CONFIG.replace("schedule", 'groups: {"sum": {lr: 1e-9}}\nschedule')
    before, after = (
        load_file(run(name, *sets, text=text) / "model.safetensors")
        for name, sets in (("a", ("stop.steps=1",)), ("b", ()))
    )
    moved = {name: (after[name] - before[name]).abs().max().item() for name in before}
    assert [name for name, distance in moved.items() if distance < 1e-6] == [
        n for n in moved if "sum" in n or "delay" in n or "feedforward" in n
    ]
