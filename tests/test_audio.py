"""Audio files as targets: every format, every mistake."""

import io
import struct
import time

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal

from flamo.audio import MAX_SAMPLES, read_impulse, write_wav
from flamo.errors import InputError, InputWarning
from flamo.targets import read_target

RNG = np.random.default_rng(0)
DECAY = 0.2 * RNG.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
DECAY[0] = 0.9


def written(folder, samples, fs=48000, subtype="FLOAT", name="room.wav", **options):
    path = folder / name
    soundfile.write(path, samples, fs, subtype, **options)
    return path


@pytest.mark.parametrize(
    ("subtype", "step"), [("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 2**-31), ("FLOAT", 2**-24), ("DOUBLE", 0)]
)
def test_every_subtype_keeps_its_level(tmp_path, subtype, step):
    impulse = read_impulse(written(tmp_path, DECAY, subtype=subtype))
    np.testing.assert_allclose(impulse.samples, DECAY, atol=step)
    assert (impulse.fs, impulse.channel, impulse.notes) == (48000, 0, ())


@pytest.mark.parametrize(("name", "subtype"), [("x.flac", "PCM_24"), ("x.aiff", "PCM_24"), ("x.w64", "PCM_24")])
def test_other_formats_are_read(tmp_path, name, subtype):
    np.testing.assert_allclose(
        read_impulse(written(tmp_path, DECAY, subtype=subtype, name=name)).samples, DECAY, atol=2e-7
    )


def test_a_file_is_never_normalised(tmp_path):
    for level in (1e-4, 1.0, 30.0):
        assert read_impulse(written(tmp_path, level * DECAY)).samples[0] == pytest.approx(0.9 * level, rel=1e-6)


def test_one_of_several_channels_must_be_chosen(tmp_path):
    path = written(tmp_path, np.column_stack([DECAY, -DECAY]))
    with pytest.raises(InputError, match=r"room.wav: 2 channels; choose one with channel: 0 to 1"):
        read_impulse(path)
    with pytest.raises(InputError, match="no channel 2; choose 0 to 1"):
        read_impulse(path, channel=2)
    assert read_impulse(path, channel=1).samples[0] == pytest.approx(-0.9)


def test_another_rate_is_resampled_with_a_warning_and_the_same_magnitude(tmp_path):
    sos = signal.butter(2, [200, 2000], "bandpass", fs=44100, output="sos")
    h = signal.sosfilt(sos, np.r_[1.0, np.zeros(8191)])
    path = written(tmp_path, h, 44100, "DOUBLE")
    with pytest.warns(InputWarning, match="resampled from 44100 Hz to 48000 Hz"):
        impulse = read_impulse(path, fs=48000, align=False)
    frequency = np.geomspace(100, 5000, 50)
    wanted = np.abs(signal.sosfreqz(sos, frequency, fs=44100)[1])
    reached = np.abs(signal.freqz(impulse.samples, 1, frequency, fs=48000)[1])
    np.testing.assert_allclose(20 * np.log10(reached / wanted), 0, atol=0.04)  # the ripple of the resampler


def test_the_onset_is_moved_to_the_first_sample_and_said(tmp_path):
    path = written(tmp_path, np.r_[1e-3 * RNG.standard_normal(480), DECAY])
    moved, kept = read_impulse(path), read_impulse(path, align=False)
    np.testing.assert_allclose(moved.samples, DECAY, atol=1e-6)
    assert moved.notes == ("onset at sample 480 (10.00 ms) moved to 0",)
    assert len(kept.samples) == 2480


def test_cutting_what_can_be_heard_warns(tmp_path):
    path = written(tmp_path, DECAY)
    with pytest.warns(InputWarning, match=r"cut from 2000 to 300 samples .* -\d+.\d dB of its energy is lost"):
        assert len(read_impulse(path, length=300).samples) == 300
    padded = read_impulse(path, length=4000)
    assert (len(padded.samples), padded.samples[2000:].any()) == (4000, False)
    assert padded.notes == ("padded with zeros from 2000 to 4000 samples (0.0833 s)",)


def with_header(rate=48000, frames=4, claimed=None, data=None):
    """A WAV file of 16 bits, by hand."""
    body = struct.pack(f"<{frames}h", *([16000] * frames)) if data is None else data
    size = 2 * frames if claimed is None else claimed
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    chunks = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def as_wav(samples, fs=48000):
    file = io.BytesIO()
    soundfile.write(file, samples, fs, "FLOAT", format="WAV")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; give an audio file"),
        (b"frequency,target\n20,3\n", r"not audio that can be read \(.*\); save it as WAV or FLAC"),
        (b"RIFF", "not audio that can be read"),
        (as_wav(DECAY)[:3000], "truncated: 8000 bytes of sound announced, "),
        (with_header(frames=100, claimed=2000), "truncated: 2000 bytes of sound announced, 200 there"),
        (with_header(frames=0), "no samples in it; give a recording"),
        (with_header(frames=1), "one sample from the onset on is no impulse response"),
        (as_wav(np.zeros(100)), r"silent \(largest value 0\)"),
        (as_wav(np.r_[1.0, np.nan, 0.5]), "sample 1 is nan, no finite number; export the file again"),
        (as_wav(np.r_[1.0, 0.5, np.inf]), "sample 2 is inf, no finite number"),
        (as_wav(np.r_[1e20, 0.5, 1]), r"values up to 1e\+20 are out of range"),
        (with_header(rate=8), "a sampling frequency of 8 Hz is out of range"),
        (
            with_header(rate=2_000_000_000),
            "sampling frequency of 2000000000 Hz is out of range|not audio that can be read",
        ),
    ],
    ids=range(13),  # the bytes hold the time
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "room.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as refused:
        read_impulse(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_impulse(tmp_path / "none.wav")
    with pytest.raises(InputError, match="not a file"):
        read_impulse(tmp_path)


def test_a_long_recording_is_refused_before_all_of_it_is_read(tmp_path):
    path = written(tmp_path, np.ones(MAX_SAMPLES + 2**21, dtype=np.float32), subtype="PCM_16")
    with pytest.raises(InputError, match="cut it to the impulse response"):
        read_impulse(path)


def test_what_is_written_is_read_back_and_has_no_time_in_it(tmp_path):
    samples = RNG.standard_normal((100, 2)) * 3
    write_wav(tmp_path / "a.wav", samples, 44100)
    time.sleep(1.1)
    write_wav(tmp_path / "b.wav", samples, 44100)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    read, fs = soundfile.read(tmp_path / "a.wav")
    np.testing.assert_allclose(read, samples, rtol=1e-6)
    assert (fs, soundfile.info(tmp_path / "a.wav").subtype) == (44100, "FLOAT")


@pytest.mark.parametrize(
    ("samples", "message"), [(np.zeros((1, 1, 1)), "must be"), (np.array([1, np.nan]), "sample 1 is not")]
)
def test_what_cannot_be_written_leaves_no_file(tmp_path, samples, message):
    with pytest.raises(ValueError, match=message):
        write_wav(tmp_path / "a.wav", samples, 48000)
    assert not list(tmp_path.iterdir())


def real_files():
    for format, subtype in (
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("FLAC", "PCM_16"),
        ("AIFF", "PCM_24"),
        ("OGG", "VORBIS"),
    ):
        file = io.BytesIO()
        soundfile.write(file, 0.5 * DECAY[:600], 48000, subtype, format=format)
        yield file.getvalue()


REAL = list(real_files())
EDITS = st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)), max_size=4)
QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=5000)


def edited(content, edits, end):
    content = bytearray(content)
    for place, new in edits:
        place %= len(content)
        content[place : place + len(new)] = new
    return bytes(content[:end])


@QUIET
@pytest.mark.filterwarnings("ignore::flamo.errors.InputWarning")
@given(st.sampled_from(REAL), EDITS, st.none() | st.integers(0, 3000))
def test_a_damaged_file_is_read_or_refused(tmp_path, content, edits, end):
    path = tmp_path / "room.wav"
    path.write_bytes(edited(content, edits, end))
    try:
        impulse = read_impulse(path, fs=48000, channel=0, length=1000)
    except InputError as refused:
        assert "\n" not in str(refused)  # noqa: PT017
    else:
        assert impulse.samples.shape == (1000,)
        assert np.isfinite(impulse.samples).all()


CURVES = [
    b"20,1\n200,0\n2000,1\n",
    b"frequency;raw;target\r\n20;1;2\r\n30;1;2\r\n40;1;3\r\n",
    b"\xef\xbb\xbfHz\tdB\n1\t2\n2\t3\n3\t4\n",
]


@QUIET
@given(st.sampled_from(CURVES) | st.binary(max_size=80), EDITS, st.none() | st.integers(0, 100))
def test_a_damaged_curve_is_read_or_refused(tmp_path, content, edits, end):
    path = tmp_path / "curve.csv"
    path.write_bytes(edited(content, edits if content else [], end))
    try:
        target = read_target(path)
    except InputError as refused:
        assert str(refused).isprintable()  # noqa: PT017
    else:
        assert len(target.frequency) >= 3
        assert list(target.frequency) == sorted(set(target.frequency))
