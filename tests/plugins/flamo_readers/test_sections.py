"""Sections in the texts of miniDSP and in JSON and CSV; configurations of CamillaDSP."""

import json
import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import signal

from flamo.equalizer import Band, Section
from flamo.errors import InputError, InputWarning
from flamo_readers.camilladsp import CamillaDSP
from flamo_readers.minidsp import MiniDSP
from flamo_readers.sos import SOSCSV, SOSJSON

FS = 48000.0
SOS = signal.butter(4, [200, 5000], "bandpass", fs=FS, output="sos")
AT = np.array([50.0, 1000.0, 9000.0])


def camilla(parameters, pipeline="[{type: Filter, channels: [0, 1], names: [it]}]", kind="Biquad", more=""):
    return f"{more}filters:\n  it:\n    type: {kind}\n    parameters: {parameters}\npipeline: {pipeline}\n"


def as_minidsp(sos, decimal="."):
    rows = [zip(("b0", "b1", "b2", "a1", "a2"), (*row[:3], *-row[4:]), strict=True) for row in sos]
    lines = [f"biquad{n},\n" + ",\n".join(f"{k}={v!r}" for k, v in row) for n, row in enumerate(rows, 1)]
    return ",\n".join(lines).replace("np.float64(", "").replace(")", "").replace(".", decimal)


def as_json(**changes):
    said = {"format": "flamo-sos", "version": 1, "sample_rate": FS, "gain_db": 0, "sos": SOS.tolist()} | changes
    return json.dumps({key: value for key, value in said.items() if value is not None}, indent=1)


def as_csv(sos):
    return "b0,b1,b2,a0,a1,a2\n" + "\n".join(",".join(map(repr, row)) for row in sos.tolist())


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (MiniDSP(), as_minidsp(SOS)),
        (MiniDSP(), as_minidsp(SOS, decimal=",")),
        (SOSJSON(), as_json()),
        (SOSJSON(), as_json(sos=(3 * SOS).tolist(), gain_db=None)),
        (SOSCSV(), as_csv(SOS)),
        (SOSCSV(), as_csv(-2 * SOS).replace(",", ";").replace(".", ",")),
        (SOSCSV(), "a1,a2,a0,b2,b1,b0\n" + as_csv(SOS[:, [4, 5, 3, 2, 1, 0]]).partition("\n")[2]),
    ],
)
def test_sections_are_those_of_scipy(reader, text):
    assert reader.recognizes(text.encode())
    response = reader.read(text.encode(), "k").response(AT, FS)
    np.testing.assert_allclose(response, signal.freqz_sos(SOS, AT, fs=FS)[1], rtol=1e-9)


@pytest.mark.parametrize("reader", [MiniDSP, SOSCSV])
def test_the_rate_of_coefficients_is_said_by_an_option(reader):
    text = as_minidsp(SOS) if reader is MiniDSP else as_csv(SOS)
    assert {part.fs for part in reader(fs=96000).read(text.encode(), "k").parts} == {96000}
    with pytest.raises(ValueError, match="fs must be a finite positive number"):
        reader(fs=float("nan"))


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (MiniDSP(), "", "no line 'biquad1,'"),
        (MiniDSP(), "b0=1,\n", "line 1: 'b0=1' is neither biquadN nor one of b0, b1, b2, a1, a2 in it"),
        (MiniDSP(), "biquad1,\nb0=1,\nb1=1", "line 1: the section that begins here lacks b2, a1, a2"),
        (MiniDSP(), "biquad1,\nb0=1,\nb0=1", "line 3: b0 stands here a second time"),
        (MiniDSP(), "biquad1,\na0=1,\n", "line 2: 'a0=1' is neither"),
        (MiniDSP(), "biquad1,\nb0=one,\n", "line 2: 'one' is not a number"),
        (SOSCSV(), as_csv(SOS) + "\n1,0,0,1,0", "line 6: 5 columns; the header has 6"),
        (SOSCSV(), as_csv(SOS) + "\n1,0,0,0,0,0", "line 6: a0 is 0"),
        (SOSCSV(), as_csv(SOS) + "\n1,0,0,1,0,nan", "line 6: nan is not a finite number"),
        (SOSCSV(), "b0,b1,b2,a1,a2\n1,0,0,0,0", "columns a0 are missing"),
        (SOSCSV(), "b0,b1,b2,a0,a1,a2\n", "no sections"),
        (SOSJSON(), "{", "line 1: not JSON"),
        (SOSJSON(), "[]", "line 1: must be a mapping with 'format'"),
        (SOSJSON(), as_json(version=2), "line 3: version: must be 1, got '2'"),
        (SOSJSON(), as_json(order="b0,b1,b2,a1,a2"), "line 40: order: must be 'b0,b1,b2,a0,a1,a2'"),
        (SOSJSON(), as_json(sample_rate=None), "line 1: 'sample_rate' is missing"),
        (SOSJSON(), as_json(sample_rate=0), "line 4: sample_rate: must be positive"),
        (SOSJSON(), as_json(gain_db="loud"), "line 5: gain_db: must be a finite number, got 'loud'"),
        (SOSJSON(), as_json(gain_db=1e9), "line 5: 1e+09 dB is out of range"),
        (SOSJSON(), as_json(sos=3), "line 6: sos: must be a list"),
        (SOSJSON(), as_json(sos=[[1, 0, 0]]), "line 7: sos.0: 3 coefficients"),
        (SOSJSON(), as_json(sos=[[1, 0, 0, 1, 0, True]]), "line 13: sos.0.5: must be a finite number, got 'True'"),
        (SOSJSON(), '{"format": ' + "9" * 5000 + "}", "not JSON: Exceeds the limit"),
        (SOSJSON(), " " * 1_000_001, "larger than 1 MB"),
    ],
)
def test_sections_that_are_not_whole_are_refused(reader, text, message):
    with pytest.raises(InputError) as error:
        reader.read(text.encode(), "k")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("{type: Peaking, freq: 50, gain: -3, q: 2}", Band("peaking", 50, -3, 2)),
        ("{type: Lowshelf, freq: 105, gain: 6.5, q: 0.7}", Band("lowshelf", 105, 6.5, 0.7)),
        ("{type: Highshelf, freq: 105, gain: -6.5, slope: 12}", Band("highshelf", 105, -6.5, 1 / math.sqrt(2))),
        ("{type: Lowpass, freq: 1e3, q: 0.5}", Band("lowpass", 1000, 0, 0.5)),
        ("{type: Highpass, freq: 1000, q: 0.5}", Band("highpass", 1000, 0, 0.5)),
        ("{type: Bandpass, freq: 1000, q: 5}", Band("bandpass", 1000, 0, 5)),
        ("{type: Notch, freq: 1000, q: 5}", Band("notch", 1000, 0, 5)),
        ("{type: Allpass, freq: 1000, q: 5}", Band("allpass", 1000, 0, 5)),
        ("{type: Free, b0: 1, b1: 2, b2: 3, a1: 0.4, a2: 0.5}", Section(1, 2, 3, 0.4, 0.5, FS)),
    ],
)
def test_a_biquad_of_camilladsp_is_a_filter(parameters, expected):
    [part] = CamillaDSP().read(camilla(parameters).encode(), "k").parts
    assert type(part) is type(expected)
    assert astuple(part) == pytest.approx(astuple(expected))


@pytest.mark.parametrize(("type", "level"), [("Peaking", 4.0), ("Bandpass", -3.0103), ("Notch", -3.0103)])
def test_a_bandwidth_of_camilladsp_is_between_edges(type, level):
    text = camilla(f"{{type: {type}, freq: 100, gain: 8, bandwidth: 1}}")
    edges = CamillaDSP().read(text.encode(), "k").response([100 / math.sqrt(2), 100 * math.sqrt(2)], FS)
    np.testing.assert_allclose(20 * np.log10(abs(edges)), level, atol=0.01)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("{gain: -6}", 10 ** (-6 / 20)),
        ("{gain: -6, scale: dB, inverted: true}", -(10 ** (-6 / 20))),
        ("{gain: -2, scale: linear}", -2),
        ("{gain: -2, scale: linear, inverted: true, mute: false}", 2),
    ],
)
def test_a_gain_of_camilladsp_keeps_its_sign(parameters, expected):
    response = CamillaDSP().read(camilla(parameters, kind="Gain").encode(), "k").response(AT, FS)
    np.testing.assert_allclose(response, expected, rtol=1e-12)


THREE = """filters:
  a: {type: Gain, parameters: {gain: 1}}
  b: {type: Gain, parameters: {gain: 2}}
  c: {type: Gain, parameters: {gain: 4}}
  unused: {type: Conv, parameters: {type: Wav}}
pipeline:
  - {type: Filter, names: [a, a]}
  - {type: Filter, channels: [1], names: [b]}
  - {type: Filter, channels: [0, 1], bypassed: true, names: [c]}
"""


def test_the_pipeline_decides_which_filters_a_channel_has():
    assert [CamillaDSP(channel=n).read(THREE.encode(), "k").gain_db for n in (0, 1)] == [2, 4]
    with pytest.warns(InputWarning, match="filters of other channels are left out"):
        assert CamillaDSP().read(THREE.encode(), "k").gain_db == 2


def test_coefficients_are_right_at_the_rate_of_the_devices_or_of_the_option():
    text = camilla("{type: Free, b0: 1, b1: 0, b2: 0, a1: 0, a2: 0}", more="devices: {samplerate: 44100}\n").encode()
    assert CamillaDSP().read(text, "k").parts[0].fs == 44100
    assert CamillaDSP(fs=96000).read(text, "k").parts[0].fs == 96000


STEP = "[{type: Filter, names: [it]}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filters: [", "line 1: not YAML"),
        ("3", "line 1: must be a mapping with 'pipeline'"),
        ("filters: {}", "line 1: 'pipeline' is missing"),
        ("filters: {}\npipeline:\n", "line 1: 'pipeline' is missing"),
        ("filters: {}\npipeline: 3\n", "line 2: pipeline: must be a list"),
        ("pipeline: [{type: Filter, names: [a]}]", "line 1: 'filters' is missing"),
        (f"filters: {{}}\npipeline: {STEP}", "line 2: pipeline.0.names.0: no filter is named 'it'"),
        (camilla("{gain: 1}", "[{type: Mixer, name: m}]"), "line 5: pipeline.0.type: 'Mixer' is not read"),
        (camilla("{gain: 1}", "[{type: Filter, channel: 0, names: [it]}]"), "line 5: pipeline.0.channel: CamillaDSP"),
        (camilla("{}", kind="Conv"), "line 3: filters.it.type: 'Conv' is not read; only Biquad and Gain are"),
        (camilla("{type: HighpassFO, freq: 9}"), "line 4: filters.it.parameters.type: 'HighpassFO' is not read; known"),
        (camilla("{type: Peaking, freq: 9, gain: 1}"), "line 4: filters.it.parameters: 'q' is missing"),
        (camilla("{type: Peaking, freq: 9, q: 1}"), "line 4: filters.it.parameters: 'gain' is missing"),
        (camilla("{type: Peaking, freq: $f$, gain: 1, q: 1}"), "line 4: filters.it.parameters.freq: must be a finite"),
        (camilla("{type: Peaking, freq: -9, gain: 1, q: 1}"), "line 4: frequency -9 Hz is not positive"),
        (camilla("{type: Peaking, freq: 9, gain: 1, q: -1}"), "line 4: Q of -1 is out of range"),
        (camilla("{type: Lowshelf, freq: 9, gain: 9, slope: 0}"), "line 4: filters.it.parameters.slope: must be pos"),
        (camilla("{type: Lowshelf, freq: 9, gain: 9, slope: 120}"), "line 4: a slope of 120 dB is too steep"),
        (camilla("{type: Notch, freq: 30000, bandwidth: 1}"), "line 4: a bandwidth at 30000 Hz needs more"),
        (camilla("{type: Free, b0: 1, b1: 0, b2: 0, a1: 0}"), "line 4: filters.it.parameters: 'a2' is missing"),
        (camilla("{gain: 0, scale: linear}", kind="Gain"), "line 4: filters.it.parameters.gain: a gain of 0 mutes"),
        (camilla("{gain: 0, mute: true}", kind="Gain"), "line 4: filters.it.parameters.mute: a gain that mutes"),
        (camilla("{gain: 0, mute: 1}", kind="Gain"), "line 4: filters.it.parameters.mute: must be true or false"),
        (camilla("{gain: 0, scale: amp}", kind="Gain"), "line 4: filters.it.parameters.scale: must be dB or linear"),
        (camilla("{gain: 300}", kind="Gain"), "line 4: 300 dB is out of range"),
        (camilla("{}", more="devices: {samplerate: 0}\n"), "line 1: devices.samplerate: must be positive"),
        (camilla("!!python/object:os.system {}"), "line 4: tag"),
    ],
)
def test_a_configuration_of_camilladsp_that_is_not_whole_is_refused(text, message):
    with pytest.raises(InputError) as error:
        CamillaDSP().read(text.encode(), "k")
    assert str(error.value).startswith(message)


def test_options_of_camilladsp_are_checked():
    with pytest.raises(ValueError, match="channel must be 0 or more, got -1"):
        CamillaDSP(channel=-1)
    with pytest.raises(ValueError, match="fs must be a finite positive number"):
        CamillaDSP(fs=-1)
