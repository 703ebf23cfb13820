"""Files by any reader: which one is chosen, and what is said where none can be."""

import sys
from pathlib import Path

import numpy as np
import pytest
from strangers import hook

from flamo.curves import Curve
from flamo.equalizer import Equalizer
from flamo.errors import InputError, PluginWarning, UnknownComponentError
from flamo.reading import MAX_BYTES, read_file
from flamo.testing import write_plugin

FORMATS = Path(__file__).parent / "data" / "formats"
FILES = sorted(path for path in FORMATS.iterdir() if path.stem not in ("expected", "reference_response_48000"))


def refused(path, *arguments, **options):
    with pytest.raises(InputError) as error:
        read_file(path, *arguments, **options)
    assert str(error.value).isprintable()
    return str(error.value)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore:the first of 2 channels")
def test_the_suffix_may_be_any(write, path):
    """What a file says is enough, where no format has its suffix."""
    expected = read_file(path)
    renamed = read_file(write("other.dat", path.read_bytes()))
    assert type(renamed) is type(expected)
    assert {**vars(renamed), "name": ""} == {**vars(expected), "name": ""}


def test_a_format_can_be_said_by_any_of_its_names(write):
    path = write("k.csv", "frequency,raw,target\n20,1,2\n30,1,2\n40,1,2\n")
    for name in ("curve", "readers/curve", "autoeq", "rew"):
        assert read_file(path, name, role="target") == Curve("k", (20, 30, 40), (2, 2, 2))
    with pytest.raises(UnknownComponentError, match="did you mean 'equalizer_apo'"):
        read_file(path, "equaliser_apo")


def test_the_reader_of_the_suffix_says_what_is_wrong_where_it_is_the_only_one(write):
    path = write("k.yml", "filter: [")
    assert refused(path).startswith(f"{path}, line 1: not YAML")


def test_where_no_reader_fits_the_way_on_is_said(write):
    path = write("k.txt", "hello\n")
    message = f"{path}: of no format that is known by its content; say which with --from: "
    assert refused(path) == message + "curve, graphic_eq, equalizer_apo, minidsp, sos_csv"
    assert refused(write("k.bin", b"\x89HDF\0\1")).endswith(
        "graphic_eq, equalizer_apo, camilladsp, minidsp, sos_json, sos_csv"
    )


def test_where_several_readers_fit_they_are_said(write):
    path = write("k.txt", "biquad1,\nb0=1,\nb1=0,\nb2=0,\na1=0,\na2=0\nPreamp: 1 dB\n")
    assert refused(path) == f"{path}: may be of several formats: equalizer_apo, minidsp; say which with --from"
    assert read_file(path, "equalizer_apo") == Equalizer("k", (), 1.0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("k.csv", "", ": the file is empty"),
        ("k.csv", " \n", ": the file is empty"),
        ("k.csv", b"20,1\n" * (MAX_BYTES // 5 + 1), ": larger than 20 MB"),
        ("k.zma", "20 8 0\n30 9 0\n", ": a file of impedances, not of levels in dB"),
        ("k.csv", "20,1\n30,1\n40,loud\n", ", line 3: 'loud' is not a number"),
        ("k.txt", "Filter: ON PK Fc 9 Hz Gain 1 dB\n", ", line 1: PK needs a width"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(write, name, content, message):
    path = write(name, content)
    assert refused(path).startswith(f"{path}{message}")


def test_what_is_no_file_is_refused(tmp_path):
    assert refused(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    assert refused(tmp_path / "k.csv") == f"{tmp_path / 'k.csv'}: cannot be read: No such file or directory"
    assert refused(Path("a\0b")).endswith("cannot be read: embedded null byte")


def test_options_are_those_of_the_reader(write):
    path = write("k.txt", "Preamp: 1 dB")
    assert refused(path, role="raw") == f"{path}: EqualizerAPO has no option 'role'; it has fs, channel"
    assert refused(path, fs=-1) == f"{path}: fs must be a finite positive number of Hz, got -1"
    assert refused(FORMATS / "sos.json", fs=1).endswith("SOSJSON has no option 'fs'; it has none")


READER = """
    from flamo.curves import Curve

    class Shout:
        suffixes = (".shout",)

        def recognizes(self, data):
            return data.startswith(b"LOUD")

        def read(self, data, name):
            return Curve(name, (1000.0,), (float(data[4:]),))
    """


@pytest.fixture
def install(tmp_path, monkeypatch, fresh_registry):
    """Put a distribution that offers a reader where importlib.metadata finds it."""

    def install(target, **modules):
        code = hook("shout", target).replace('"processor"', '"reader"')
        monkeypatch.syspath_prepend(str(write_plugin(tmp_path / "acme", code, **modules)))
        fresh_registry.plugins.cache_clear()

    yield install
    for name in [name for name in sys.modules if name.startswith("pkg_acme")]:
        del sys.modules[name]


def test_a_stranger_adds_a_format(install, write):
    install("pkg_acme.shout:Shout", shout=READER)
    assert read_file(write("k.shout", "LOUD12")) == Curve("k", (1000.0,), (12.0,))
    assert read_file(write("k.dat", "LOUD12"), "acme/shout").gain_db == (12.0,)


def test_a_broken_reader_is_warned_of_and_the_others_go_on(install):
    install("pkg_acme.missing:Shout")
    with pytest.warns(PluginWarning, match="reader 'acme/shout' of .* cannot be loaded"):
        assert read_file(FORMATS / "sos.json").gain_db == -6.3


def test_a_curve_is_linear_over_the_logarithm_of_frequency_and_held():
    curve = Curve("k", (100.0, 1000.0, 4000.0), (0.0, -3.0, 9.0))
    np.testing.assert_allclose(curve.at([0, 50, 100, 10**2.5, 1000, 2000, 4000, 9e9]), [0, 0, 0, -1.5, -3, 3, 9, 9])


def test_reading_stays_light(run_python):
    code = (
        "import sys\nfrom pathlib import Path\nfrom flamo.reading import read_file\nfrom flamo import targets\n"
        f"read_file(Path({str(FORMATS / 'sos.json')!r}))\n"
        "assert not {'torch', 'numpy', 'scipy', 'soundfile'} & sys.modules.keys()\n"
    )
    run_python("-c", code)
