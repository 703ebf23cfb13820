"""Exports: systems, equalisers, curves and finished runs as files of other programs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flamo.config.build import build_component
from flamo.config.reading import read_document
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError, InputWarning
from flamo.files import write_file
from flamo.run_folder import CONFIG, FILTERS_JSON, MODEL, RunFolder
from flamo.saving import load
from flamo.sources import Source, designs_of


def export(
    source: Source,
    formats: Iterable[str | Mapping[str, Any]],
    fs: float | None = None,
    name: str | None = None,
    fitted: float | None = None,
) -> dict[str, bytes]:
    """Files by name, the main one of each format first.

    Args:
        source: a system, an equaliser or a curve.
        formats: names of exporters, or mappings of one name to its options.
        fs: sampling frequency in Hz; None is the source's own, or 48 kHz for bands and curves.
        name: for files and titles; None is that of the equaliser or curve. A system of several channels that do not
            mix makes NAME_1, NAME_2 and so on.
        fitted: the sampling frequency at which the bands of an equaliser were found, or that of a system whose parts
            do not say it.

    Raises:
        InputError: an unknown format or option, or one that cannot hold the source; says what is lacking.

    Warns:
        InputWarning: bands are exported for another sampling frequency than the one that they were fitted at.

    >>> from flamo.equalizer import Band
    >>> eq = Equalizer("bass", (Band("lowshelf", 105.0, 6.0, 0.7),), gain_db=-6.0)
    >>> print(export(eq, ["equalizer_apo"])["bass.txt"].decode(), end="")
    Preamp: -6 dB
    Filter 1: ON LSC Fc 105 Hz Gain 6 dB Q 0.7
    """
    exporters = [(_name(node), build_component("exporter", node, {})) for node in formats]
    files: dict[str, bytes] = {}
    for design in designs_of(source, fs, name, fitted):
        for format, exporter in exporters:
            for file, data in exporter.export(design).items():
                if file in files:
                    raise InputError(f"{format}: another format has written {file} already; export one at a time")
                files[file] = data
    return files


def _name(node: str | Mapping[str, Any]) -> str:
    return node if isinstance(node, str) else str(next(iter(node), ""))


class Result(NamedTuple):
    """What a run has reached, its name, and the sampling frequency in Hz, where it says one."""

    source: Source
    name: str
    fs: float | None


def read_result(path: Path) -> Result:
    """The system of a finished run, or its rounded filters where it has some; or the system of a file.

    Args:
        path: the folder of a run, or a .safetensors file.

    Raises:
        InputError: neither, or damaged, or the run is not finished.
    """
    if path.suffix == ".safetensors":
        return Result(load(path), path.stem, None)
    folder = RunFolder(path)
    if not path.is_dir():
        what = "a file that is no .safetensors" if path.exists() else "no such folder"
        raise InputError(f"{path}: {what}; give the folder of a run, or a .safetensors file")
    status = folder.record.get("status")
    if not status:
        raise InputError(f"{path}: holds no run of flamo; give the folder of a run, or a .safetensors file")
    fitted = (folder / FILTERS_JSON).exists()
    if status == "interrupted" and fitted:
        message = f"{path}: this run was interrupted: its filters are those of step {folder.record['steps']}"
        warnings.warn(message, InputWarning, stacklevel=2)
    elif status != "finished":
        raise InputError(f"{path}: this run is {status}; go on with 'flamo fit --resume {path}' first")
    if fitted:
        return _filters(folder)
    return Result(load(folder / MODEL), folder.path.name, _field(folder / CONFIG, "fs"))


def _filters(folder: RunFolder) -> Result:
    file = folder / FILTERS_JSON
    data = read_document(file).data
    try:
        bands = tuple(Band(**band) for band in data["filters"])
        eq = Equalizer(folder.path.name, bands, float(data.get("gain_db", 0.0)))
        return Result(eq, eq.name, float(data["fs"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file}: damaged: {type(error).__name__}: {error}") from error


def _field(file: Path, name: str) -> Any:
    data = read_document(file).data
    return data.get(name) if isinstance(data, dict) else None


def write_files(folder: Path, files: Mapping[str, bytes], overwrite: bool) -> list[Path]:
    """Write files by name into a folder, which is made, each at once; returns where they are.

    Raises:
        InputError: one is there already with another content, without ``overwrite`` (then none is written), or cannot
            be written.
    """
    paths = [folder / name for name in files]
    try:
        for path, data in zip(paths, files.values(), strict=True):
            if not overwrite and path.exists() and path.read_bytes() != data:
                raise InputError(f"{path}: exists already; choose another place, or say --overwrite")
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in zip(paths, files.values(), strict=True):
            write_file(path, data)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return paths
