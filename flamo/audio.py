"""Impulse responses as audio files: measured ones in, rendered ones out."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flamo.curves import MAX_DB
from flamo.errors import InputError, InputWarning
from flamo.files import write_file

if TYPE_CHECKING:
    from soundfile import SoundFile

MIN_RATE, MAX_RATE = 1000, 384_000  # Hz
MAX_SAMPLES = 10 * 60 * 48_000
ONSET_DB = 20.0  # below the peak
INAUDIBLE_DB = -60.0  # of the energy: what may be cut off without a warning

_BLOCK = 2**20  # numbers read at a time
_STREAMED = 0x7FFFF000  # bytes; programs that write into a pipe claim this or more, as they do not know the length
_SHORTER_THAN_CLAIMED = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.M)


@dataclass(frozen=True, eq=False)
class Impulse:
    """An impulse response. ``notes`` say what was done to it since it was in the file."""

    samples: np.ndarray
    fs: int
    source: str
    channel: int
    notes: tuple[str, ...]


def read_impulse(
    path: Path, fs: int | None = None, channel: int | None = None, align: bool = True, length: int | None = None
) -> Impulse:
    """One channel of an audio file, of any format that libsndfile reads, as the impulse response of a filter.

    Levels are those of the file (full scale of integers is 1), with one exception: at another rate the samples are
    multiplied by (rate of the file) / ``fs``, so that the transfer function Σ h[n] z⁻ⁿ keeps its magnitude in dB.

    Args:
        path: the file.
        fs: sampling frequency in Hz to resample to; None is that of the file.
        channel: counted from 0; may be left out where there is only one.
        align: move the onset to sample 0. It is the first sample within 20 dB of the largest one (ISO 3382-1).
        length: samples to cut or zero-pad to; None keeps all.

    Raises:
        InputError: the file cannot be read or used; says which and what to do.
        ValueError: a length below 2.

    Warns:
        InputWarning: resampled; or more than -60 dB of the energy cut off.

    >>> path = getfixture("tmp_path") / "room.wav"
    >>> write_wav(path, np.array([0.0, 0.0, 0.5, -0.25]), 48000)
    >>> room = read_impulse(path)
    >>> room.samples, room.notes
    (array([ 0.5 , -0.25]), ('onset at sample 2 (0.04 ms) moved to 0',))
    """
    if length is not None and length < 2:
        raise ValueError(f"length must be at least 2 samples, got {length}")
    with _opened(path) as file:
        rate, channels = file.samplerate, file.channels
        channel = _choice(channel, channels, path)
        samples = _samples(file, channel, path)
    notes = [f"channel {channel} (of 0 to {channels - 1})"] if channels > 1 else []
    _check_values(samples, path)
    if fs is not None and fs != rate:
        samples = _resampled(samples, rate, fs, path)
        notes.append(f"resampled from {rate} Hz to {fs} Hz, scaled by {rate / fs:.4g} to keep its magnitude in dB")
        warnings.warn(f"{path}: {notes[-1]}", InputWarning, stacklevel=2)
    if align and (onset := _onset(samples)):
        samples = samples[onset:]
        notes.append(f"onset at sample {onset} ({1000 * onset / (fs or rate):.2f} ms) moved to 0")
    if len(samples) < 2:
        raise InputError(f"{path}: one sample from the onset on is no impulse response; give a longer recording")
    if length is not None and length != len(samples):
        samples = _cut(samples, length, fs or rate, path, notes)
    return Impulse(samples, fs or rate, str(path), channel, tuple(notes))


def write_wav(path: Path, samples: np.ndarray, fs: int) -> None:
    """Write a WAV file of 32-bit floats. The same samples give the same bytes.

    Args:
        path: in a folder that exists; a file there is replaced, at once or not at all.
        samples: (T,), or (T, N) for N channels. Values are kept, also beyond ±1.
        fs: sampling frequency in Hz.

    Raises:
        ValueError: another shape, or samples that are not finite.
        OSError: the file cannot be written.
    """
    write_file(path, wav_bytes(samples, fs))


def wav_bytes(samples: np.ndarray, fs: int) -> bytes:
    """A WAV file of 32-bit floats; arguments and errors as :func:`write_wav`.

    >>> len(wav_bytes(np.zeros(100), 48000)) > 400
    True
    """
    from scipy.io import wavfile  # libsndfile would put the time of day into a file of floats

    if samples.ndim not in (1, 2) or 0 in samples.shape:
        raise ValueError(f"samples must be (T,) or (T, N), got shape {samples.shape}")
    with np.errstate(over="ignore"):
        samples = samples.astype(np.float32)
    if not np.isfinite(samples).all():
        raise ValueError(f"samples must be finite; sample {_first(~np.isfinite(samples))} is not")
    data = io.BytesIO()
    wavfile.write(data, fs, samples)
    return data.getvalue()


@contextmanager
def _opened(path: Path) -> Iterator[SoundFile]:
    """The file; whatever goes wrong while it is open becomes an InputError."""
    import soundfile

    try:
        if not path.is_file():
            raise InputError(f"{path}: {'not a file' if path.exists() else 'no such file'}; give an audio file")
        if not path.stat().st_size:
            raise InputError(f"{path}: the file is empty; give an audio file")
        # by descriptor, since a name that ends in .raw would be taken for a format
        with path.open("rb") as raw, soundfile.SoundFile(raw.fileno(), closefd=False) as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except soundfile.LibsndfileError as error:
        reason = " ".join(error.error_string.split()).rstrip(".")
        raise InputError(f"{path}: not audio that can be read ({reason}); save it as WAV or FLAC") from error


def _choice(channel: int | None, channels: int, path: Path) -> int:
    choices = f"0 to {channels - 1}" if channels > 1 else "0"
    if channel is None and channels > 1:
        raise InputError(f"{path}: {channels} channels; choose one with channel: {choices}")
    if channel is not None and not 0 <= channel < channels:
        raise InputError(f"{path}: no channel {channel}; choose {choices}")
    return channel or 0


def _samples(file: SoundFile, channel: int, path: Path) -> np.ndarray:
    """Read to the end in small blocks: what a header claims costs no memory."""
    _check_rate(file.samplerate, path)
    if claim := _SHORTER_THAN_CLAIMED.search(file.extra_info):
        claimed, there = map(int, claim.groups())
        if there < claimed < _STREAMED:
            raise InputError(f"{path}: truncated: {claimed} bytes of sound announced, {there} there; copy it again")
    blocks: list[np.ndarray] = []
    count = 0
    while len(block := file.read(max(1, _BLOCK // file.channels), always_2d=True)):
        blocks.append(block[:, channel].copy())
        count += len(block)
        if count > MAX_SAMPLES:
            raise InputError(f"{path}: more than {MAX_SAMPLES} samples; cut it to the impulse response")
    if not count:
        raise InputError(f"{path}: no samples in it; give a recording")
    if count < file.frames:
        raise InputError(f"{path}: truncated: {file.frames} samples announced, {count} there; copy it again")
    return np.concatenate(blocks)


def _check_rate(rate: int, path: Path) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(f"{path}: a sampling frequency of {rate} Hz is out of range ({MIN_RATE} to {MAX_RATE} Hz)")


def _check_values(samples: np.ndarray, path: Path) -> None:
    if (bad := ~np.isfinite(samples)).any():
        number = _first(bad)
        raise InputError(f"{path}: sample {number} is {samples[number]}, no finite number; export the file again")
    peak = np.abs(samples).max()
    if peak > 10 ** (MAX_DB / 20):
        raise InputError(f"{path}: values up to {peak:.3g} are out of range (±1 is usual); export the file again")
    if peak < 10 ** (-MAX_DB / 20):
        raise InputError(f"{path}: silent (largest value {peak:.3g}); give a recording with a signal in it")


def _first(mask: np.ndarray) -> int:
    """The first row of a mask with something in it."""
    return int(np.argmax(mask.reshape(len(mask), -1).any(axis=1)))


def _resampled(samples: np.ndarray, rate: int, fs: int, path: Path) -> np.ndarray:
    from scipy.signal import resample_poly

    _check_rate(fs, path)
    if len(samples) * fs > MAX_SAMPLES * rate:
        raise InputError(f"{path}: more than {MAX_SAMPLES} samples at {fs} Hz; cut it to the impulse response")
    common = gcd(rate, fs)
    return resample_poly(samples, fs // common, rate // common) * (rate / fs)


def _onset(samples: np.ndarray) -> int:
    level = np.abs(samples)
    return int(np.argmax(level >= level.max() * 10 ** (-ONSET_DB / 20)))


def _cut(samples: np.ndarray, length: int, fs: int, path: Path, notes: list[str]) -> np.ndarray:
    """Cut or zero-pad, say so in the notes, and warn of energy that is lost."""
    done = "cut" if length < len(samples) else "padded with zeros"
    notes.append(f"{done} from {len(samples)} to {length} samples ({length / fs:.3g} s)")
    if (lost := _energy_db(samples[length:], samples)) > INAUDIBLE_DB:
        notes[-1] += f"; {lost:.1f} dB of its energy is lost"
        warnings.warn(f"{path}: {notes[-1]}; more samples keep it", InputWarning, stacklevel=3)
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _energy_db(part: np.ndarray, whole: np.ndarray) -> float:
    """Energy of a part of an impulse response over that of all of it, in dB."""
    energy = np.sum(part**2) / np.sum(whole**2)
    return 10 * float(np.log10(energy)) if energy else float("-inf")
