import pytest

from flamo.curves import Curve
from flamo.errors import InputError
from flamo.scaffold import package_files
from flamo.targets import find_target, read_target, reader_of
from flamo.testing import make_plugin

POINTS = [(20.0, -1.0), (1000.0, 0.5), (20000.0, 3.0)]


def write(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(delimiter=",", ending="\n"):
    return ending.join(f"{f}{delimiter}{g}" for f, g in POINTS) + ending


@pytest.mark.parametrize(
    "content",
    [
        rows(),
        rows(";"),
        rows("\t"),
        rows(ending="\r\n"),
        rows(ending="\r"),
        rows().rstrip("\n"),
        "\n\n" + rows().replace("\n", "\n\n"),
        "frequency,target\n" + rows(),
        "Frequency (Hz); dB\n" + rows(";"),
        "frequency,raw\n" + rows(),
        "﻿frequency,target\n" + rows(),
        "target,frequency\n" + "".join(f"{g},{f}\n" for f, g in POINTS),
        "frequency,raw,target,equalization\n" + "".join(f"{f},9,9,{g}\n" for f, g in POINTS),
        "frequency,target,published\n" + "".join(f"{f},{g},9\n" for f, g in POINTS),
        "".join(f'"{f}","{g}"\n' for f, g in reversed(POINTS)),
    ],
)
def test_every_dialect_is_the_same_curve(tmp_path, content):
    target = read_target(write(tmp_path, content))
    assert list(zip(target.frequency, target.gain_db, strict=True)) == POINTS
    assert target.name == "t"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("20\n30\n40\n", "one column; two are needed"),
        ("2O,1.0\n" + rows(), "line 1: '2O' is not a number"),
        ("20,\n" + rows(), "line 1: column 2 is missing"),
        (rows() + "1_000,1\n", "line 4: '1_000' is not a number"),
        (rows() + "1e-300,1\n", "line 4: frequency 1e-300 Hz is out of range (0.001 to 1e+07 Hz)"),
        (rows() + "abc,1\n", "line 4: 'abc' is not a number"),
        (rows() + "30,1 dB\n", "line 4: '1 dB' is not a number"),
        (rows() + "30\n", "line 4: column 2 is missing"),
        (rows() + "30,\n", "line 4: column 2 is missing"),
        ("f,dB\n" + rows() + "30,nan\n", "line 5: nan is not a finite number"),
        (rows() + "30,-inf\n", "line 4: -inf is not a finite number"),
        (rows() + "-30,1\n", "line 4: frequency -30 Hz is not positive"),
        (rows() + "0,1\n", "line 4: frequency 0 Hz is not positive"),
        (rows() + "1000,1\n", "line 4: frequency 1000 Hz is in line 2 already"),
        (rows() + "30,1e300\n", "line 4: 1e+300 dB is out of range"),
        ("frequency (kHz),target\n0.1,1\n1,2\n10,3\n", "frequencies must be in Hz; multiply them by 1000"),
        ("20,1\n30,2\n", "2 points; at least 3 are needed"),
        ("frequency,target\n", "0 points; at least 3"),
        ("frequency,raw,target\n20,1,1\n", "which column is the equalization? Found 'raw', 'target'"),
        ("20,1,1,1\n30,1,1,1\n40,1,1,1\n", "4 columns without names"),
        (b"\xff\xfe\x00\x01", "not a text file in UTF-8"),
        ("20,1\n30," + "1" * 200000 + "\n", "not a row of a table"),
    ],
)
def test_a_bad_file_is_refused_with_file_and_line(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(InputError) as error:
        read_target(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


LINES = "100: 3.0\n1000: -1.5\n5000: 2\n"


def test_a_target_may_be_of_a_format_that_a_stranger_reads(tmp_path):
    """Tables are read as ever: nobody else is asked."""
    files = package_files("pkg_acme", "reader")
    source = files["pkg_acme/lines.py"]
    path, table = write(tmp_path, LINES, "t.txt"), write(tmp_path, rows())
    with make_plugin(files["pkg_acme/plugin.py"], lines=source):
        assert reader_of(path).qualified_name == "acme/lines"
        assert read_target(path) == Curve("t", (100.0, 1000.0, 5000.0), (3.0, -1.5, 2.0))
    broken = source.replace("first = next(", "first = 1 / 0, next(").replace(".txt", ".csv")
    with make_plugin(files["pkg_acme/plugin.py"], lines=broken):
        assert reader_of(table).qualified_name == "readers/curve"
    with pytest.raises(InputError, match=r"line 1: .*not"):
        read_target(path)


def test_a_graphic_equaliser_is_a_curve(tmp_path):
    path = write(tmp_path, "GraphicEQ: 20 -1.5; 200 0; 2000 3\n", "t.txt")
    assert read_target(path).gain_db == (-1.5, 0.0, 3.0)


def test_an_equaliser_is_no_target(tmp_path):
    path = write(tmp_path, "Filter 1: ON PK Fc 100 Hz Gain 3 dB Q 1\n", "t.txt")
    with pytest.raises(InputError, match=r"t\.txt: an equaliser \(equalizer_apo\); a target is a curve of levels"):
        read_target(path)


def test_a_folder_is_no_target(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_target(tmp_path)


def test_an_unknown_name_gets_the_nearest_example():
    with pytest.raises(InputError, match=r"headphoen: no such file, and no example .* did you mean 'headphone'\?"):
        find_target("headphoen")
    with pytest.raises(InputError, match="built-in examples: headphone"):
        find_target("missing.csv")


def test_the_example_is_the_measured_headphone():
    _, file = find_target("headphone")
    target = read_target(file)
    assert file.name == "akg_k371.csv"
    assert (len(target.frequency), target.frequency[0], target.gain_db[0]) == (127, 20.0, -2.59)
