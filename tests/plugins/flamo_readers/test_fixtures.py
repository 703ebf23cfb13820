"""One equaliser and one curve in the dialect of every program, against numbers that scipy and hand made."""

import json
from pathlib import Path

import numpy as np
import pytest

from flamo.curves import Curve
from flamo.equalizer import Equalizer
from flamo.errors import InputWarning
from flamo.reading import read_file

FORMATS = Path(__file__).parents[2] / "data" / "formats"
EXPECTED = json.loads((FORMATS / "expected.json").read_text())
CURVES = sorted(path.name for path in FORMATS.glob("in_*") if path.name != "in_eqapo_dialects.txt")


def reference():
    """Frequencies, and the response of the filters at 48 kHz without the preamplification."""
    frequency, gain_db, degrees = np.loadtxt(FORMATS / "reference_response_48000.csv", delimiter=",", skiprows=1).T
    return frequency, 10 ** (gain_db / 20) * np.exp(1j * np.radians(degrees))


@pytest.mark.parametrize(
    ("file", "gain_db"),
    [
        ("eqapo_parametric.txt", -6.3),
        ("eqapo_iir.txt", -6.3),
        ("rew_filters.txt", 0.0),
        ("camilladsp.yml", -6.3),
        ("camilladsp_free_48000.yml", -6.3),
        ("minidsp_biquads_48000.txt", 0.0),
        ("sos.csv", 0.0),
        ("sos.json", -6.3),
    ],
)
def test_an_equaliser_is_the_same_in_every_dialect(file, gain_db):
    frequency, expected = reference()
    read = read_file(FORMATS / file)
    assert isinstance(read, Equalizer)
    assert (read.gain_db, len(read.parts), read.name) == (gain_db, 10, file.rsplit(".", 1)[0])
    np.testing.assert_allclose(read.response(frequency, 48000) / 10 ** (gain_db / 20), expected, rtol=1e-6)


def test_the_published_equaliser_is_itself_at_another_rate():
    """What AutoEq publishes, at its own 44.1 kHz: parametric files hold at any rate, coefficients do not."""
    frequency = np.array([20.0, 1000.0, 10000.0, 19000.0])
    apo, camilla = (read_file(FORMATS / name) for name in ("eqapo_parametric.txt", "camilladsp.yml"))
    np.testing.assert_allclose(apo.response(frequency, 44100), camilla.response(frequency, 44100), rtol=1e-12)
    with pytest.raises(ValueError, match="at 48000 Hz only"):
        read_file(FORMATS / "eqapo_iir.txt").response(frequency, 44100)


def test_the_graphic_equaliser_is_the_response_within_its_rounding():
    curve = read_file(FORMATS / "eqapo_graphiceq.txt")
    assert isinstance(curve, Curve)
    exact = 20 * np.log10(abs(read_file(FORMATS / "eqapo_parametric.txt").response(curve.frequency, 48000)))
    assert np.ptp(curve.gain_db - exact) < 0.101  # one decimal; a constant is free


@pytest.mark.filterwarnings("ignore:the first of 2 channels")
@pytest.mark.parametrize("file", CURVES)
def test_a_curve_is_the_same_in_every_dialect(file):
    curve = read_file(FORMATS / file)
    assert list(map(list, zip(curve.frequency, curve.gain_db, strict=True))) == EXPECTED["points"]


@pytest.mark.parametrize("file", CURVES)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\r\n", "\n").replace("\n", "\r\n").encode(),
        lambda text: text.replace("\r\n", "\n").replace("\n", "\r").encode(),
        lambda text: ("* Müller\n" + text).encode("cp1252"),
        lambda text: text.replace("\n", "\n\n").rstrip("\n").encode(),
        lambda text: "".join(text.splitlines(keepends=True)[:-5] + text.splitlines(keepends=True)[:-6:-1]).encode(),
    ],
    ids=["BOM", "CRLF", "CR", "cp1252", "blank lines", "backwards"],
)
@pytest.mark.filterwarnings("ignore:the first of 2 channels")
def test_a_curve_is_the_same_in_every_encoding_and_order(tmp_path, file, change):
    path = tmp_path / file
    path.write_bytes(change((FORMATS / file).read_bytes().decode()))
    curve = read_file(path)
    assert list(map(list, zip(curve.frequency, curve.gain_db, strict=True))) == EXPECTED["points"]


def test_either_channel_can_be_read_and_the_first_is_with_a_warning():
    file = FORMATS / "in_asr_multi_header.csv"
    assert read_file(file, channel=1).gain_db == (-4.1, -0.75, -1.0, 3.75, -13.5)
    assert read_file(file, channel=0).gain_db == (-3.1, 0.25, 0.0, 4.75, -12.5)
    with pytest.warns(InputWarning, match="the first of 2 channels is read"):
        read_file(file)
    with pytest.raises(ValueError, match="channel 2: there are 2, counted from 0"):
        read_file(file, channel=2)


def test_the_preamplification_of_a_channel_is_that_of_all_and_its_own():
    file, said = FORMATS / "in_eqapo_dialects.txt", EXPECTED["eqapo_dialects"]
    assert read_file(file, channel="R").gain_db == said["preamp_db_all"]
    assert read_file(file).gain_db == said["preamp_db_left_total"]
