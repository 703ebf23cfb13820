"""The grammar of Equalizer APO, against formulas of the Audio EQ Cookbook and analog prototypes."""

import math

import numpy as np
import pytest
import truth
from scipy import signal

from flamo.equalizer import Band, Section
from flamo.errors import InputError, InputWarning
from flamo_readers.equalizer_apo import EqualizerAPO
from flamo_readers.graphic_eq import GraphicEQ

FS = 48000.0


def read(text, **options):
    return EqualizerAPO(**options).read(text.encode(), "k")


def one(line, **options):
    [part] = read(line, **options).parts
    return part


def shelf_of_slope(type, frequency, gain_db, slope):
    """Coefficients with α of the slope S, as the Cookbook writes them."""
    a, w = 10 ** (gain_db / 40), 2 * math.pi * frequency / FS
    alpha = math.sin(w) / 2 * math.sqrt((a + 1 / a) * (1 / slope - 1) + 2)
    return getattr(truth, type)(w, gain_db, math.sin(w) / (2 * alpha))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Filter: ON PK Fc 50 Hz Gain -3.0 dB Q 10.00", Band("peaking", 50, -3, 10)),
        ("Filter 12:ON PEQ Q 2 Gain 3dB Fc 50Hz", Band("peaking", 50, 3, 2)),
        ("  Filter  1: ON  Modal    Fc   45,80 Hz  Gain   3,00 dB  Q  1,000", Band("peaking", 45.8, 3, 1)),
        ("Filter: ON LSC Fc 105 Hz Gain 6.5 dB Q 0.7", Band("lowshelf", 105, 6.5, 0.7)),
        ("Filter: ON HSC Fc 10000 Hz Gain -3.1 dB Q 0.7", Band("highshelf", 10000, -3.1, 0.7)),
        ("Filter: ON HP Fc 30 Hz", Band("highpass", 30, 0, math.sqrt(0.5))),
        ("Filter: ON LPQ Fc 10000 Hz Q 0.4", Band("lowpass", 10000, 0, 0.4)),
        ("Filter: ON BP Fc 100 Hz", Band("bandpass", 100, 0, math.sqrt(0.5))),
        ("Filter: ON NO Fc 60 Hz", Band("notch", 60, 0, 30)),
        ("Filter: ON AP Fc 60 Hz Q 3", Band("allpass", 60, 0, 3)),
        ("Filter: ON PK Fc 1.000 Hz Gain 1 dB Q 1", Band("peaking", 1000, 1, 1)),
        ("Filter: ON PK Fc 105.000 Hz Gain 1 dB Q 1", Band("peaking", 105000, 1, 1)),
        ("Filter: ON PK Fc 1\u00a0050 Hz Gain 1 dB Q 1", Band("peaking", 1050, 1, 1)),
        ("Filter: ON PK Fc .125 Hz Gain 1 dB Q 1", Band("peaking", 0.125, 1, 1)),
        ("Filter: ON IIR Order 1 Coefficients 1 -0.5 2 0.25", Section(0.5, -0.25, 0, 0.125, 0, FS)),
        ("Filter: ON IIR Order 2 Coefficients 2 -1 1 2 0 0.5", Section(1, -0.5, 0.5, 0, 0.25, FS)),
    ],
)
def test_a_line_is_a_filter(line, expected):
    assert one(line) == expected


@pytest.mark.parametrize(("type", "corner", "centre"), [("lowshelf", "LS", "LSC"), ("highshelf", "HS", "HSC")])
@pytest.mark.parametrize("gain_db", [-12.0, 5.0])
@pytest.mark.parametrize(("given", "slope"), [("", 0.9), (" 6 dB", 0.5), (" 12 dB", 1.0)])
def test_a_shelf_is_the_one_of_its_slope(type, corner, centre, gain_db, given, slope):
    """One with a corner and a slope is that with a centre, moved; without a slope it is not moved."""
    up = 10 ** (abs(gain_db) / 80 / slope * (1 if type == "lowshelf" else -1)) if given else 1.0
    for word, frequency in ((corner, 300 * up), (centre, 300)):
        band = one(f"Filter: ON {word}{given} Fc 300 Hz Gain {gain_db} dB")
        found = truth.EQ[type](2 * math.pi * band.frequency / FS, gain_db, band.q)
        np.testing.assert_allclose(found, shelf_of_slope(type, frequency, gain_db, slope), rtol=1e-9)


@pytest.mark.parametrize("slope", [6, 12])
def test_a_corner_with_a_q_is_where_it_is_with_the_slope_of_that_q(slope):
    by_slope = one(f"Filter: ON HS {slope} dB Fc 300 Hz Gain -7 dB")
    by_q = one(f"Filter: ON HS Fc 300 Hz Gain -7 dB Q {by_slope.q!r}")
    assert by_q.frequency == pytest.approx(by_slope.frequency, rel=1e-12)
    assert by_q.q == by_slope.q


@pytest.mark.parametrize("octaves", [0.167, 1.0, 2.0])
def test_a_peak_has_half_of_its_gain_at_the_edges_of_its_bandwidth(octaves):
    equalizer = read(f"Filter: ON PK Fc 100 Hz Gain 8 dB BW Oct {octaves}")
    edges = equalizer.response([100 * 2 ** (-octaves / 2), 100 * 2 ** (octaves / 2)], FS)
    np.testing.assert_allclose(20 * np.log10(abs(edges)), 4.0, atol=0.002)


def test_a_notch_is_3_db_down_at_the_edges_of_its_bandwidth():
    edges = read("Filter: ON NO Fc 100 Hz BW Oct 1").response([100 / math.sqrt(2), 100 * math.sqrt(2)], FS)
    np.testing.assert_allclose(abs(edges) ** 2, 0.5, atol=0.001)


def test_bandwidths_and_coefficients_are_meant_at_the_rate_that_is_said():
    line = "Filter: ON PK Fc 10000 Hz Gain 8 dB BW Oct 1"
    assert one(line, fs=44100).q < one(line).q
    assert one("Filter: ON IIR Order 1 Coefficients 1 0 1 0", fs=96000).fs == 96000


def test_filters_in_a_file_are_those_of_scipy_in_cascade():
    text = "Preamp: -3 dB\nPreamp: -0.5dB\nFilter: ON HP Fc 100 Hz\nFilter: OFF PK Fc 9 Hz\nFilter: ON None\n"
    equalizer = read(text)
    frequency = np.array([20.0, 100.0, 5000.0])
    b, a = signal.butter(2, 100, "highpass", fs=FS)
    expected = signal.freqz(b, a, worN=frequency, fs=FS)[1] * 10 ** (-3.5 / 20)
    np.testing.assert_allclose(equalizer.response(frequency, FS), expected, rtol=1e-9)


TWO_SIDES = (
    "Preamp: -1 dB\nChannel: L\nPreamp: -2 dB\nChannel: 2\nPreamp: -4 dB\nChannel: l R\nPreamp: -8 dB\nChannel: all\n"
)


def test_a_channel_has_its_own_lines_and_those_of_all():
    text = TWO_SIDES + "Preamp: -16 dB"
    assert [read(text, channel=channel).gain_db for channel in ("L", "r", "SUB")] == [-27, -29, -17]
    with pytest.warns(InputWarning, match=r"lines of other channels \(line 5\) are left out"):
        assert read(text).gain_db == -27


def test_what_equalizer_apo_does_not_know_means_nothing():
    text = (
        "Filter Settings file\nNotes:Filter 1: ON PK\n# Filter: ON XX Fc 1 Hz\nfilter: ON XX\nDevice: all\nPreamp: 1 dB"
    )
    assert read(text) == read("Preamp: 1 dB")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", "no line 'Filter: ON ...'"),
        ("\nFilter: ON XY Fc 100 Hz", "line 2: unknown type 'XY' of a filter; known are PK"),
        ("Filter: ON LP1 Fc 100 Hz", "line 1: unknown type 'LP1'"),
        ("Filter: PK Fc 100 Hz Gain 1 dB Q 1", "line 1: a filter is ON or OFF"),
        ("Filter: ON PK Fc 100 Hz Gain 1 dB", "line 1: PK needs a width"),
        ("Filter: ON AP Fc 100 Hz", "line 1: AP needs a width"),
        ("Filter: ON PK Fc 100 Hz Q 1", "line 1: PK needs a gain"),
        ("Filter: ON HSC Fc 100 Hz Q 1", "line 1: HSC needs a gain"),
        ("Filter: ON PK Gain 1 dB Q 1", "line 1: no frequency"),
        ("Filter: ON PK Fc 100", "line 1: no frequency"),
        ("Filter: ON PK Fc 1.2.34 Hz Gain 1 dB Q 1", "line 1: '1.2.34' is not a number"),
        ("Filter: ON PK Fc 0 Hz Gain 1 dB Q 1", "line 1: frequency 0 Hz is not positive"),
        ("Filter: ON PK Fc 1e9 Hz Gain 1 dB Q 1", "line 1: frequency 1e+09 Hz is out of range"),
        ("Filter: ON PK Fc 100 Hz Gain 1e3 dB Q 1", "line 1: 1000 dB is out of range"),
        ("Filter: ON PK Fc 100 Hz Gain 1 dB Q 0", "line 1: Q of 0 is out of range"),
        ("Filter: ON LS Fc 100 Hz Gain 1 dB Q -1", "line 1: Q of -1 is out of range"),
        ("Filter: ON LSC 120 dB Fc 100 Hz Gain 9 dB", "line 1: a slope of 120 dB is too steep for a shelf of 9 dB"),
        ("Filter: ON LSC 0 dB Fc 100 Hz Gain 9 dB", "line 1: a slope of 0 dB; it must be positive"),
        ("Filter: ON LS 0.00001 dB Fc 100 Hz Gain 9 dB", "line 1: frequency 1e+302 Hz is out of range"),
        ("Filter: ON PK Fc 24000 Hz Gain 1 dB BW Oct 1", "line 1: a bandwidth at 24000 Hz needs more than 48000 Hz"),
        ("Filter: ON PK Fc 100 Hz Gain 1 dB BW Oct 0", "line 1: a bandwidth of 0 octaves"),
        ("Filter: ON IIR Order 3 Coefficients 1 2 3 4 5 6 7 8", "line 1: IIR needs 'Order 1' or 'Order 2'"),
        ("Filter: ON IIR Order 2 Coefficients 1 2 3 4 5", "line 1: 5 coefficients; order 2 has 6"),
        ("Filter: ON IIR Order 1 Coefficients 1 2 0 4", "line 1: a0 is 0"),
        ("Filter: ON IIR Order 1 Coefficients 1 2 x 4", "line 1: 'x' is not a number"),
        ("Filter: ON IIR Order 1 Coefficients 1e300 2 1e-300 4", "line 1: coefficients must be finite"),
        ("Preamp: loud", "line 1: Preamp needs a gain"),
        ("Preamp: -6.3\n", "line 1: Preamp needs a gain"),
        ("Preamp: 1 dB\nInclude: other.txt", "line 2: Include is not a filter in numbers"),
        (
            "Preamp: 1 dB\nGraphicEQ: 20 1",
            "line 2: GraphicEQ is a curve, not a filter; the reader 'graphic_eq' takes it",
        ),
        ("Device: A\nPreamp: 1 dB\nDevice: B\n", "line 3: a second device"),
        ("Preamp: -3 dB\nFilter 10", "line 2: 'Filter 10' is cut off"),
        ("Filter 1: ON HSC Fc 100 Hz Gain 3 dB Q", "line 1: Filter 1 is cut off: no number after the last word"),
    ],
)
def test_a_line_that_is_not_whole_is_refused(text, message):
    with pytest.raises(InputError) as error:
        read(text)
    assert str(error.value).startswith(message)


def test_a_rate_must_be_positive():
    with pytest.raises(ValueError, match="fs must be a finite positive number of Hz, got 0"):
        EqualizerAPO(fs=0)


def test_a_graphic_equaliser_is_a_curve_with_its_preamplification():
    curve = GraphicEQ().read(b"Preamp: -2 dB\nGraphicEQ: 1000 -6; 20 -0,5; 20000 3;", "k")
    assert (curve.frequency, curve.gain_db) == ((20, 1000, 20000), (-2.5, -8, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("GraphicEQ:", "no points"),
        ("\nGraphicEQ: 20 1; 30", "line 2: '30' is not a frequency and a gain"),
        ("GraphicEQ: 20 1; 30 x", "line 1: 'x' is not a number"),
        ("GraphicEQ: 20 1; 20 2", "line 1: frequency 20 Hz is in line 1 already"),
        ("GraphicEQ: 0 1; 20 2", "line 1: frequency 0 Hz is not positive"),
        ("GraphicEQ: 20 1\nGraphicEQ: 20 1", "line 2: a second GraphicEQ"),
        ("GraphicEQ: 20 1\nFilter: ON NO Fc 20 Hz", "line 2: a filter beside GraphicEQ"),
    ],
)
def test_a_graphic_equaliser_that_is_not_whole_is_refused(text, message):
    with pytest.raises(InputError) as error:
        GraphicEQ().read(text.encode(), "k")
    assert str(error.value).startswith(message)
