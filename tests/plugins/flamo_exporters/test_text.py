"""Text and YAML formats, read by parsers that are not flamo's."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from designs import FREQUENCY, FS, coefficients, decibels, equalizer, far, player, rbj, read_lines, truth
from ruamel.yaml import YAML
from scipy.signal import freqz_sos

from flamo.curves import Curve
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError, InputWarning
from flamo.exporting import export

SEEDS = range(12)


def only(source, node, **arguments):
    [data] = export(source, [node], FS, **arguments).values()
    return data.decode()


def apo(source, **options):
    return only(source, {"equalizer_apo": {"headroom": False, **options}})


@pytest.mark.parametrize("seed", SEEDS)
def test_equalizer_apo_hears_a_rounded_equaliser_exactly(seed):
    eq = player(seed)
    assert far(truth(read_lines(apo(eq))), truth(eq)) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_equalizer_apo_hears_any_equaliser_within_two_hundredths_of_a_decibel(seed):
    eq = equalizer(seed, ("lowshelf", "peaking", "highshelf"))
    assert abs(decibels(truth(read_lines(apo(eq)))) - decibels(truth(eq))).max() < 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_equalizer_apo_hears_every_type_of_band(seed):
    eq = equalizer(seed, digits=(2, 2, 3))
    assert far(truth(read_lines(apo(eq))), truth(eq)) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_coefficients_for_equalizer_apo_keep_all_digits(seed):
    for text in (apo(coefficients(seed)), apo(equalizer(seed), coefficients=True)):
        assert "IIR Order 2" in text
        assert far(truth(read_lines(text)), truth(equalizer(seed))) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_with_headroom_nothing_clips_and_nothing_is_given_away(seed):
    eq = player(seed)
    heard = read_lines(only(eq, "equalizer_apo"))
    fine = np.unique(np.append(np.geomspace(1, 23999, 20000), [band.frequency for band in eq.parts]))
    loudest = decibels(truth(eq, fine)).max()
    assert decibels(truth(heard, fine)).max() <= 1e-6
    assert heard.gain_db == pytest.approx(eq.gain_db - max(0, loudest), abs=0.011)


@pytest.mark.parametrize("frequency", [20.005, 105.0, 105.126, 999.999, 1000.0, 12345.678])
def test_frequencies_are_never_read_as_thousands(frequency):
    eq = Equalizer("eq", (Band("peaking", frequency, 1.0, 1.0),))
    for text in (apo(eq), only(eq, "rew")):
        assert read_lines(text).parts[0].frequency == pytest.approx(frequency, abs=0.0051)


def test_a_decimal_comma_is_nowhere():
    assert "," not in apo(player(1)) + only(player(1), "graphic_eq")


@pytest.mark.parametrize("seed", SEEDS)
def test_rew_hears_a_rounded_equaliser_exactly(seed):
    eq = equalizer(seed, digits=(2, 2, 3), gain_db=0.0)
    assert far(truth(read_lines(only(eq, "rew"))), truth(eq)) < 1e-6


def test_rew_is_told_of_the_gain_that_it_cannot_take():
    with pytest.warns(InputWarning, match=r"set -3.00 dB beside"):
        only(equalizer(0, gain_db=-3.0), "rew")


@pytest.mark.parametrize("source", [player(2), Curve("tilt", (20.0, 20000.0), (5.0, -5.0))])
def test_graphic_eq_is_the_magnitude_with_two_tenths_of_headroom(source):
    [line] = only(source, "wavelet").splitlines()
    pairs = [pair.split(" ") for pair in line.removeprefix("GraphicEQ: ").split("; ")]
    frequency, gain = np.array(pairs, dtype=float).T
    assert (len(gain), gain.max(), frequency[0], frequency[-1]) == (127, -0.2, 20, 19871)
    wanted = np.interp(np.log(frequency), np.log((20, 20000)), (5, -5)) if isinstance(source, Curve) else None
    wanted = decibels(truth(source, frequency)) if wanted is None else wanted
    assert abs(gain - wanted - (gain - wanted).mean()).max() < 0.11
    assert [g.partition(".")[2] for _, g in pairs] == [re.fullmatch(r"-?\d+\.(\d)", g)[1] for _, g in pairs]


def test_graphic_eq_without_normalisation_is_the_magnitude():
    line = only(player(3), {"graphic_eq": {"normalize": False}})
    frequency, gain = np.array([p.split() for p in line.removeprefix("GraphicEQ: ").split("; ")], dtype=float).T
    assert abs(gain - decibels(truth(player(3), frequency))).max() < 0.0501


def test_graphic_eq_has_no_points_above_half_the_sampling_frequency():
    [data] = export(Equalizer("eq", (Band("peaking", 100.0, 3.0),)), ["graphic_eq"], 8000).values()
    assert float(data.decode().split("; ")[-1].split()[0]) < 4000


def heard_by_camilladsp(text):
    """The response, and the configuration: gains and biquads in the order of the pipeline."""
    config = YAML(typ="safe", pure=True).load(text)
    total = np.ones(len(FREQUENCY), dtype=complex)
    [step] = config["pipeline"]
    for name in step["names"]:
        kind, values = config["filters"][name]["type"], config["filters"][name]["parameters"]
        if kind == "Gain":
            assert values["scale"] == "dB"
            total *= 10 ** (values["gain"] / 20)
        elif values["type"] == "Free":
            total *= freqz_sos([[values[k] if k != "a0" else 1 for k in ORDER]], FREQUENCY, fs=FS)[1]
        else:
            band = Band(values["type"].lower(), values["freq"], values.get("gain", 0.0), values["q"])
            total *= freqz_sos([rbj(band, FS)], FREQUENCY, fs=FS)[1]
    return total, config


ORDER = ("b0", "b1", "b2", "a0", "a1", "a2")


@pytest.mark.parametrize("make", [equalizer, coefficients])
@pytest.mark.parametrize("seed", SEEDS)
def test_camilladsp_hears_the_equaliser(seed, make):
    response, config = heard_by_camilladsp(only(make(seed), "camilladsp"))
    assert far(response, truth(equalizer(seed))) < 1e-6
    assert config.keys() == {"title", "filters", "pipeline"}
    assert config["pipeline"][0]["channels"] == [0, 1]


def test_camilladsp_runs_with_devices():
    _, config = heard_by_camilladsp(only(player(0), {"camilladsp": {"full": True, "channels": [3]}}))
    devices = config["devices"]
    assert (devices["samplerate"], devices["capture"]["channels"]) == (48000, 4)


@pytest.mark.parametrize("name", ["yes", "a: b", "- x", "#1", "Größe", '"', "{}", "1e3", "'", "null", "@"])
def test_any_name_is_a_title_in_yaml(name):
    text = only(equalizer(0), "camilladsp", name=name)
    assert YAML(typ="safe", pure=True).load(text)["title"] == name


@pytest.mark.parametrize("make", [equalizer, coefficients])
@pytest.mark.parametrize("seed", SEEDS)
def test_minidsp_hears_the_equaliser_with_its_own_signs(seed, make):
    text = only(make(seed), "minidsp")
    blocks = re.findall(
        r"biquad\d+,\n" + ",\n".join(rf"{k}=(-?\d+\.\d+)" for k in ("b0", "b1", "b2", "a1", "a2")), text
    )
    sos = [[*map(float, b), 1.0, -float(a1), -float(a2)] for *b, a1, a2 in blocks]
    assert len(sos) == len(make(seed).parts)
    assert far(freqz_sos(sos, FREQUENCY, fs=FS)[1], truth(equalizer(seed))) < 1e-6
    assert re.fullmatch(r"(biquad\d+,\n(?:[ab][0-2]=\S+,?\n){5})+", text)


@pytest.mark.parametrize("make", [equalizer, coefficients])
@pytest.mark.parametrize("seed", SEEDS)
def test_sections_in_json_and_csv_are_those_that_scipy_takes(seed, make):
    data = json.loads(only(make(seed), "sos_json"))
    assert (data["format"], data["version"], data["sample_rate"]) == ("flamo-sos", 1, FS)
    expected = truth(equalizer(seed))
    gain = 10 ** (data["gain_db"] / 20)
    assert far(gain * freqz_sos(data["sos"], FREQUENCY, fs=FS)[1], expected) < 1e-9
    bands = [Band(b["type"].replace("_", ""), b["freq_hz"], b["gain_db"], b["q"]) for b in data.get("bands", ())]
    assert tuple(bands) == (equalizer(seed).parts if make is equalizer else ())
    text = only(make(seed), "csv")
    assert text.splitlines()[0] == "b0,b1,b2,a0,a1,a2"
    sos = np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1, ndmin=2)
    assert far(freqz_sos(sos, FREQUENCY, fs=FS)[1], expected) < 1e-9


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("equalizer_apo", "Preamp: -20 dB\n"),
        ("camilladsp", "gain: -20.0"),
        ("sos_json", '"sos": []'),
        ("sos_csv", "\n0.1,0.0,0.0,1.0,0.0,0.0\n"),
        ("minidsp", "biquad1,\nb0=0.1000000000000000,"),
        ("cpp", "gain_ = 0.1;"),
        ("faust", "process = *(0.1);"),
    ],
)
def test_a_gain_alone_is_an_equaliser(name, written):
    assert written in only(Equalizer("gain", (), -20.0), name)


CASCADES = ["equalizer_apo", "camilladsp", "minidsp", "sos_json", "sos_csv", "cpp", "faust", "rew"]


@pytest.mark.parametrize("name", CASCADES)
def test_a_curve_is_no_equaliser(name):
    with pytest.raises(InputError, match=r"tilt is not an? .*: it is a curve of magnitudes"):
        export(Curve("tilt", (20.0, 20000.0), (5.0, -5.0)), [name])


def test_coefficients_are_no_bands_for_rew():
    with pytest.raises(InputError, match="is not an equaliser of bands: part 1 is coefficients only"):
        export(coefficients(0), ["rew"])


def test_names_become_names_of_files(tmp_path):
    for name in ("a/b\\c", "..", "x" * 500, "Größe 耳机", "line\nbreak", "", "\ud800", 'quo"te', "nul\0"):
        for file in export(equalizer(0), ["equalizer_apo", "sos_json"], FS, name=name or None):
            (tmp_path / file).write_bytes(b"")
            assert Path(file).name == file
            assert file.isprintable()


def test_the_same_design_gives_the_same_bytes():
    formats = [*CASCADES[:-1], "graphic_eq", "fir_minimum", "fir_linear", "impulse_response"]
    assert export(equalizer(4), formats) == export(equalizer(4), formats)


@pytest.mark.filterwarnings("ignore:.*give it a larger length")
def test_formats_do_not_write_over_each_other():
    everything = [*CASCADES, "graphic_eq", "fir_minimum", "fir_linear", "impulse_response"]
    assert len(export(equalizer(5, gain_db=0.0), everything)) == len(everything) + 3
    with pytest.raises(InputError, match=r"wavelet: another format has written eq 5_graphic_eq.txt already"):
        export(equalizer(5), ["graphic_eq", "wavelet"])


def test_bands_for_another_sampling_frequency_are_warned_of():
    with pytest.warns(InputWarning, match="fitted at 48000 Hz and exported for 96000 Hz"):
        files = export(player(1), ["sos_csv"], 96000, fitted=48000)
    sos = np.loadtxt(io.BytesIO(next(iter(files.values()))), delimiter=",", skiprows=1, ndmin=2)
    assert far(freqz_sos(sos, FREQUENCY, fs=96000)[1], truth(player(1), fs=96000)) < 1e-6


def test_coefficients_for_another_sampling_frequency_are_refused():
    with pytest.raises(InputError, match="right at 48000 Hz only, not at 96000 Hz"):
        export(coefficients(1), ["sos_csv"], 96000)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("equaliser_apo", "did you mean 'equalizer_apo'"),
        ({"camilladsp": {"ful": True}}, "did you mean 'full'"),
        ({"camilladsp": {"channels": []}}, "at least one"),
        ({"fir_linear": {"length": 64}}, "must be odd"),
        ({"fir_minimum": {"length": 1}}, "from 2 to"),
        ({"impulse_response": {"length": "long"}}, "length"),
        ({"cpp": {"name": "x"}}, "unknown argument"),
        ({}, "a exporter is its name"),
    ],
)
def test_unknown_formats_and_options_are_refused(node, message):
    with pytest.raises(InputError, match=message):
        export(equalizer(0), [node])


@pytest.mark.parametrize(
    "eq",
    [
        Equalizer("eq", (), 1e6),
        Equalizer("eq", (), float("nan")),
        Equalizer("eq", (), float("inf")),
        Equalizer("eq", (Band("peaking", 100.0, 1e6),)),
    ],
)
def test_gains_beyond_all_numbers_are_refused(eq):
    with pytest.raises(InputError, match="eq: a gain is out of range"):
        export(eq, ["equalizer_apo"])
