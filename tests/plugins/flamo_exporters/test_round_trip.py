"""What an exporter writes, the reader of that format reads."""

import numpy as np
import pytest

from flamo.equalizer import Band, Equalizer
from flamo.exporting import export
from flamo.reading import read_file

FREQUENCY = np.geomspace(20, 20000, 200)
EQ = Equalizer(
    "headphone",
    (
        Band("lowshelf", 105.0, 6.5, 0.7),
        Band("peaking", 1298.25, -4.12, 2.345),
        Band("peaking", 62.07, 0.5, 6.0),
        Band("highshelf", 9000.0, -3.1, 0.7),
    ),
    -6.5,
)


@pytest.mark.parametrize(
    ("format", "reader", "options", "tolerance"),
    [
        ("equalizer_apo", "equalizer_apo", {"headroom": False}, 1e-6),
        ("camilladsp", "camilladsp", {}, 1e-6),
        ("minidsp", "minidsp", {}, 1e-6),
        ("sos_json", "sos_json", {}, 1e-9),
        ("sos_csv", "sos_csv", {}, 1e-9),
    ],
)
def test_an_equaliser_comes_back(tmp_path, format, reader, options, tolerance):
    [(name, data)] = export(EQ, [{format: options}], 48000).items()
    (tmp_path / name).write_bytes(data)
    for asked in (None, reader):
        back = read_file(tmp_path / name, asked)
        np.testing.assert_allclose(back.response(FREQUENCY, 48000), EQ.response(FREQUENCY, 48000), rtol=tolerance)


def test_rew_keeps_the_filters_and_not_the_gain(tmp_path):
    with pytest.warns(match="gain"):
        [(name, data)] = export(EQ, ["rew"], 48000).items()
    (tmp_path / name).write_bytes(data)
    back = read_file(tmp_path / name)
    difference = 20 * np.log10(np.abs(back.response(FREQUENCY, 48000) / EQ.response(FREQUENCY, 48000)))
    np.testing.assert_allclose(difference - 6.5, 0.0, atol=0.02)


def test_a_graphic_line_keeps_the_shape(tmp_path):
    [(name, data)] = export(EQ, ["graphic_eq"], 48000).items()
    (tmp_path / name).write_bytes(data)
    curve = read_file(tmp_path / name)
    level = 20 * np.log10(np.abs(EQ.response(FREQUENCY, 48000)))
    difference = curve.at(FREQUENCY) - level
    assert np.ptp(difference) < 0.25  # one decimal at each of 127 frequencies, and lines between them
