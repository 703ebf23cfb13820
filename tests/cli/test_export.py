"""``flamo export`` and ``flamo convert`` as their users type them."""

import json
import shutil
import sys
import types
import warnings
from dataclasses import asdict

import numpy as np
import pytest
import soundfile
import torch
from designs import FREQUENCY, FS, far, player, read_lines, truth
from networks import network

import flamo
from flamo import cli, dsp, system
from flamo.curves import Curve
from flamo.errors import InputError


@pytest.fixture
def flamo_cli(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder; returns exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["flamo", *map(str, arguments)])
        with warnings.catch_warnings():  # main decides how they are shown
            warnings.simplefilter("default")
            with pytest.raises(SystemExit) as end:
                cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def refused(flamo_cli, tmp_path):
    """The one line that a command says which changes nothing."""

    def run(*arguments):
        before = sorted(tmp_path.rglob("*"))
        code, out, err = flamo_cli(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("flamo: error: ")
        assert err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return err

    return run


EQ = player(7)


@pytest.fixture
def runs(tmp_path):
    """Folders of finished runs of an equaliser, ``eq``, and of a feedback network, ``reverb``, and one that is not."""
    for name, status in (("eq", "finished"), ("reverb", "finished"), ("half", "interrupted")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"status": status}))
        (folder / "config.yaml").write_text("flamo: 1\nfs: 48000\n")
        flamo.save(network(), folder / "model.safetensors")
    filters = [asdict(band) for band in EQ.parts]
    (tmp_path / "eq" / "filters.json").write_text(json.dumps({"fs": 48000, "gain_db": EQ.gain_db, "filters": filters}))
    return tmp_path


@pytest.mark.slow
def test_a_fitted_equaliser_goes_to_a_player(run_python, tmp_path):
    command = ("-m", "flamo", "fit", "headphone", "--steps", "3", "--bands", "3", "-o", "my eq", "-q")
    run_python(*command)
    done = run_python("-m", "flamo", "export", "my eq", "--to", "equalizer_apo,camilladsp")
    assert (done.stdout, done.stderr) == (
        "written to my eq/exports/my eq.txt\nwritten to my eq/exports/my eq.yml\n",
        "",
    )
    filters = json.loads((tmp_path / "my eq" / "filters.json").read_text())["filters"]
    read = read_lines((tmp_path / "my eq" / "exports" / "my eq.txt").read_text())
    assert [asdict(band) for band in read.parts] == filters


def test_the_rounded_filters_are_exported_with_their_gain(flamo_cli, runs):
    assert flamo_cli("export", "eq", "--to", "equalizer_apo", "--set", "equalizer_apo.headroom=false")[0] == 0
    assert far(truth(read_lines((runs / "eq/exports/eq.txt").read_text())), truth(EQ)) < 1e-6


def test_filters_of_a_run_may_have_no_gain(flamo_cli, runs):
    data = json.loads((runs / "eq/filters.json").read_text())
    (runs / "eq/filters.json").write_text(json.dumps({name: data[name] for name in ("fs", "filters")}))
    assert flamo_cli("export", "eq", "--to", "sos_json")[0] == 0
    assert json.loads((runs / "eq/exports/eq.json").read_text())["gain_db"] == 0


def test_another_sampling_frequency_is_warned_of(flamo_cli, runs):
    code, out, err = flamo_cli("export", "eq", "--to", "csv", "--fs", "96000", "-o", "new/folder")
    assert (code, out) == (0, "written to new/folder/eq.csv\n")
    assert err.startswith("flamo: warning: eq: fitted at 48000 Hz and exported for 96000 Hz")
    sos = np.loadtxt(runs / "new/folder/eq.csv", delimiter=",", skiprows=1, ndmin=2)
    np.testing.assert_allclose(sos[1:], EQ.sos(96000)[1:])  # the first row has the gain


def test_a_reverberator_is_an_impulse_response_at_the_rate_of_its_run(flamo_cli, runs):
    code, out, _ = flamo_cli("export", "reverb", "--to", "impulse_response", "--set", "impulse_response.length=500")
    assert (code, out.count("written to")) == (0, 2)
    info = soundfile.info(runs / "reverb/exports/reverb_impulse_response.wav")
    assert (info.samplerate, info.frames, info.channels) == (48000, 500, 1)


def test_a_system_in_a_file_is_exported_beside_it(flamo_cli, tmp_path):
    torch.manual_seed(0)
    flamo.save(system.Series(dsp.parallelBiquad((2,), n_sections=1, fs=44100)), tmp_path / "two.safetensors")
    code, out, _ = flamo_cli("export", "two.safetensors", "--to", "cpp")
    assert (code, out) == (0, "written to two_1.hpp\nwritten to two_2.hpp\n")


def test_nothing_is_overwritten_unless_told(flamo_cli, refused, runs):
    flamo_cli("export", "eq", "--to", "equalizer_apo")
    file = runs / "eq/exports/eq.txt"
    file.write_text("mine")
    assert "eq/exports/eq.txt: exists already; " in refused("export", "eq", "--to", "cpp,equalizer_apo")
    assert file.read_text() == "mine"
    assert flamo_cli("export", "eq", "--to", "cpp,equalizer_apo", "--overwrite")[0] == 0
    assert file.read_text().startswith("Preamp: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("eq",), "--to"),
        (("missing", "--to", "cpp"), "missing: no such folder; give the folder of a run"),
        (("notes.txt", "--to", "cpp"), "notes.txt: a file that is no .safetensors"),
        (("empty", "--to", "cpp"), "empty: holds no run of flamo"),
        (("half", "--to", "cpp"), "half: this run is interrupted; go on with 'flamo fit --resume half' first"),
        (("missing.safetensors", "--to", "cpp"), "missing.safetensors"),
        (("eq", "--to", "equaliser_apo"), "did you mean 'equalizer_apo'?"),
        (("eq", "--to", "camila"), "did you mean 'camilla'?"),
        (("eq", "--to", ""), "unknown exporter ''"),
        (("eq", "--to", "biquad"), "there is a processor of that name"),
        (("eq", "--to", "cpp,faust", "--set", "csv.x=1"), "with a format of --to: cpp, faust"),
        (("eq", "--to", "cpp", "--set", "cpp"), "must be FORMAT.KEY=VALUE"),
        (("eq", "--to", "cpp", "--set", "cpp.x=1"), "unknown argument"),
        (("eq", "--to", "camilladsp", "--set", "camilladsp.full=maybe"), "full: must be"),
        (("eq", "--to", "camilladsp", "--set", "camilladsp.full=["), "not YAML"),
        (("eq", "--to", "cpp", "--fs", "7"), "'--fs'"),
        (("eq", "--to", "cpp", "--fs", "2000"), "Hz needs more than 2000 Hz of sampling frequency"),
        (("eq", "--to", "cpp", "-o", "notes.txt"), "notes.txt"),
        (("eq", "--to", "cpp", "-o", "notes.txt/x"), "notes.txt"),
        (("eq", "--to", "cpp", "-o", "x" * 300), "File name too long"),
        (("reverb", "--to", "wav,camilladsp"), "reverb is not a cascade of second-order sections: branchA.loop is a"),
        (("reverb", "--to", "rew"), "reverb is not an equaliser of bands"),
        (("damaged", "--to", "cpp"), "filters.json: damaged: KeyError: 'filters'"),
        (("wrong", "--to", "cpp"), "filters.json: damaged: "),
        (("torn", "--to", "cpp"), "filters.json"),
    ],
)
def test_a_mistake_in_an_export_is_one_line_and_nothing_is_written(refused, runs, arguments, message):
    (runs / "notes.txt").write_text("mine")
    (runs / "empty").mkdir()
    texts = {"damaged": '{"fs": 48000}', "wrong": '{"fs": 1, "filters": [{"type": "bell"}]}', "torn": '{"fs": 480'}
    for name, text in texts.items():
        shutil.copytree(runs / "eq", runs / name)
        (runs / name / "filters.json").write_text(text)
    assert message in refused("export", *arguments)


TILT = Curve("tilt", (20.0, 20000.0), (6.0, -6.0))


@pytest.fixture
def reading(monkeypatch):
    """A reader of two files, in the place of flamo's."""
    asked = []

    def read_file(path, format=None, **options):
        asked.append((str(path), format, *options.items()))
        if path.name not in ("eq.txt", "tilt.csv"):
            raise InputError(f"{path}: no such file")
        return EQ if path.name == "eq.txt" else TILT

    monkeypatch.setitem(sys.modules, "flamo.reading", types.SimpleNamespace(read_file=read_file))
    return asked


def test_an_equaliser_is_converted_by_the_suffix_of_the_output(flamo_cli, reading, tmp_path):
    assert flamo_cli("convert", "eq.txt", "out.CSV") == (0, "written to out.CSV\n", "")
    sos = np.loadtxt(tmp_path / "out.CSV", delimiter=",", skiprows=1, ndmin=2)
    assert far(np.prod(sos[:, 0]), 10 ** (EQ.gain_db / 20) * np.prod(EQ.sos(FS)[:, 0])) < 1e-9
    assert reading == [("eq.txt", None)]


def test_an_equaliser_is_converted_to_a_format_by_name(flamo_cli, reading, tmp_path):
    options = ("--from", "equalizer_apo", "--to", "rew", "--fs", "44100")
    code, out, err = flamo_cli("convert", "eq.txt", "out.txt", *options)
    assert (code, out) == (0, "written to out.txt\n")
    assert "set" in err
    assert (
        far(truth(read_lines((tmp_path / "out.txt").read_text())), truth(EQ, FREQUENCY) / 10 ** (EQ.gain_db / 20))
        < 1e-6
    )
    assert reading == [("eq.txt", "equalizer_apo")]


def test_options_of_the_format_that_is_read_are_passed_on(flamo_cli, reading):
    assert flamo_cli("convert", "eq.txt", "out.csv", "--read", "channel=R", "--read", "fs=44100")[0] == 0
    assert reading == [("eq.txt", None, ("channel", "R"), ("fs", 44100))]


def test_what_lies_beside_the_output_is_named_after_it(flamo_cli, reading, tmp_path):
    (tmp_path / "new").mkdir()
    command = ("convert", "tilt.csv", "new/room.wav", "--to", "fir_minimum", "--fs", "44100")
    assert flamo_cli(*command)[:2] == (0, "written to new/room.wav\nwritten to new/room.json\n")
    assert soundfile.info(tmp_path / "new/room.wav").samplerate == 44100
    assert json.loads((tmp_path / "new/room.json").read_text())["sample_rate"] == 44100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("eq.txt", "out.txt"), "several formats have this suffix; say --to one of equalizer_apo, rew, graphic_eq, "),
        (("eq.txt", "out.wav"), "several formats have this suffix; say --to one of fir_minimum, "),
        (("eq.txt", "out.doc"), "out.doc: no format has this suffix; say --to FORMAT"),
        (("eq.txt", "out"), "out: no format has this suffix"),
        (("eq.txt", "mine.yml"), "mine.yml: exists already"),
        (("eq.txt", "out.x", "--to", "fausd"), "did you mean 'faust'?"),
        (("gone.txt", "out.yml"), "gone.txt: no such file"),
        (("tilt.csv", "out.yml"), "tilt is not a cascade of second-order sections: it is a curve of magnitudes"),
        (("tilt.csv", "out.json", "--to", "fir_linear"), "another file of this name beside it"),
        (("eq.txt",), "OUT"),
        (("eq.txt", "out.yml", "--read", "channel"), "--read channel: must be KEY=VALUE"),
        (
            ("eq.txt", "o.wav", "--to", "fir_linear", "--set", "fir_linear.length=99999999"),
            "fir_linear.length: must be from 2 to",
        ),
    ],
)
def test_a_mistake_in_a_conversion_is_one_line_and_nothing_is_written(refused, reading, tmp_path, arguments, message):
    (tmp_path / "mine.yml").write_text("mine")
    assert message in refused("convert", *arguments)


def test_help_is_light(run_python):
    code = "import sys; sys.argv = ['flamo', 'export', '--help']\nimport atexit\n"
    code += "atexit.register(lambda: print([m for m in ('torch', 'numpy', 'scipy') if m in sys.modules]))\n"
    assert run_python("-c", code + "import flamo.cli; flamo.cli.main()").stdout.endswith("[]\n")
