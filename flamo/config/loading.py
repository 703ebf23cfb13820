"""From a file to a checked configuration: overrides, short forms, and every mistake at once with its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from flamo.config.reading import Document, Path, parse, read_document
from flamo.errors import ConfigError, InputError

if TYPE_CHECKING:
    from flamo.config.model import RunConfig

TARGET_FILES = ("curve", "wav", "system", "measurement")
TARGET_KINDS = {".csv": "curve", ".tsv": "curve", ".txt": "curve", ".frd": "curve", ".safetensors": "system"}


@dataclass(frozen=True)
class ConfigFile:
    """A configuration, and where everything in it stands.

    Args:
        document: the file.
        data: what it says, after all changes.
        changed: paths that were set from outside.
    """

    document: Document
    data: dict[str, Any]
    changed: tuple[Path, ...]

    def checked(self) -> RunConfig:
        """The configuration.

        Raises:
            ConfigError: everything that is wrong with it, with lines and paths.
        """
        from flamo.config.checks import check_sections  # heavy, and not needed for what cannot be read

        with self.located():
            config, problems = check_sections(self.data)
            if config is None:
                raise ConfigError(problems)
        return config

    @contextmanager
    def located(self) -> Iterator[None]:
        """Problems that come up inside are told with their lines."""
        try:
            yield
        except ConfigError as error:
            ordered = sorted(error.problems, key=lambda problem: self.document.line(problem.path) or 0)
            raise ConfigError(replace(p, place=self._place(p.path)) for p in ordered) from error

    def _place(self, path: Path) -> str:
        if any(path[: len(key)] == key for key in self.changed):
            return "--set"
        line = self.document.line(path)
        return f"{self.document.name}, line {line}" if line else self.document.name


def load_config(file: File, sets: Sequence[str] = (), seed: int | None = None) -> ConfigFile:
    """Read and change a configuration.

    Args:
        file: YAML or JSON.
        sets: changes, each ``key.key=value`` with a value in YAML.
        seed: replaces the file's.

    Raises:
        InputError: the file cannot be read or holds no mapping; a change has another form.
    """
    return changed(read_document(file), sets, seed, file.parent)


def changed(document: Document, sets: Sequence[str], seed: int | None, folder: File) -> ConfigFile:
    """A configuration with its changes; files that it names are looked for from ``folder``. As :func:`load_config`."""
    data = deepcopy(document.data)
    if not isinstance(data, dict):
        raise InputError(f"{document.name}: a configuration is keys and values, such as 'flamo: 1'")
    changes = [*sets, *([f"seed={seed}"] if seed is not None else [])]
    paths = tuple(_apply(data, change) for change in changes)
    _write_out(data, folder)
    return ConfigFile(document, data, paths)


def _apply(data: dict[str, Any], change: str) -> Path:
    """Put one ``key.key=value`` into the data; returns its path.

    >>> data = {"losses": [{"mse": {}}]}
    >>> _apply(data, "losses.0.mse.weight=2e-1"), data
    (('losses', 0, 'mse', 'weight'), {'losses': [{'mse': {'weight': 0.2}}]})
    """
    key, equals, text = change.partition("=")
    steps = key.split(".")
    if not equals or not all(steps):
        raise InputError(f"--set {change}: must be KEY=VALUE, such as optimizer.adam.lr=1e-2")
    place: Any = data
    path: Path = ()
    for step in steps:
        index = _index(place, step, f"--set {change}: {'.'.join(map(str, path))}")
        path = (*path, index)
        if len(path) < len(steps):
            if isinstance(place, dict) and place.get(step) is None:
                place[step] = {}
            place = place[index]
    place[index] = parse(text, f"--set {key}").data
    return path


def _index(place: Any, step: str, where: str) -> str | int:
    """A key of a mapping, or a position in a list."""
    if isinstance(place, dict):
        return step
    if not isinstance(place, list):
        raise InputError(f"{where} is {place!r}, with nothing inside")
    if not step.isdecimal() or int(step) >= len(place):
        raise InputError(f"{where} is a list of {len(place)}, counted from 0; {step!r} is not in it")
    return int(step)


def _write_out(data: dict[str, Any], folder: File) -> None:
    """Short forms in full, and files by their whole paths; what has another form is left for the checks."""
    target = data.get("target")
    if isinstance(target, str) and target != "flat":
        data["target"] = {TARGET_KINDS.get(File(target).suffix.lower(), "wav"): target}
    for key, kinds in (("target", TARGET_FILES), ("input", ("wav",))):
        section = data.get(key)
        for kind in kinds:
            if isinstance(section, dict) and isinstance(section.get(kind), str) and section[kind]:
                section[kind] = str((folder / File(section[kind]).expanduser()).resolve())
