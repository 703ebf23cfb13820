"""The folder of a run: what it is told by, and how it is written. Nothing in it is ever half-written."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from flamo.config.loading import TARGET_FILES
from flamo.errors import InputError
from flamo.files import PREFIX, write_file
from flamo.origins import check_origins

CONFIG, RUN, METRICS, MODEL, REPORT = "config.yaml", "run.json", "metrics.jsonl", "model.safetensors", "report.html"
CHECKPOINTS, PLOTS, AUDIO, EXPORTED, LOCK = "checkpoints", "plots", "audio", "exports", ".lock"
RESPONSE, FILTERS_JSON, FILTERS_TEXT = "response.csv", "filters.json", "filters.txt"
NAMES = (
    CONFIG,
    RUN,
    METRICS,
    MODEL,
    REPORT,
    RESPONSE,
    FILTERS_JSON,
    FILTERS_TEXT,
    CHECKPOINTS,
    PLOTS,
    AUDIO,
    EXPORTED,
    LOCK,
)


class RunFolder:
    """A folder that one run writes at a time.

    Args:
        path: where it is; made when the run starts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def record(self) -> dict[str, Any]:
        """What run.json says; empty where there is none."""
        try:
            record = json.loads((self / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def check_new(self, overwrite: bool) -> None:
        """Whether a new run may be written here: into a new or empty folder, or over a run with ``overwrite``.

        Raises:
            InputError: something else is there, or it cannot be written to; says what to do.
        """
        status = self.record.get("status")
        try:
            if self.path.exists() and not self.path.is_dir():
                raise InputError(f"{self.path}: is a file; choose another folder with -o")
            if status == "finished" and not overwrite:
                raise InputError(f"{self.path}: holds a finished run; choose another with -o, or say --overwrite")
            if status and not overwrite:
                raise InputError(
                    f"{self.path}: holds a run that is {status}; go on with 'flamo fit --resume {self.path}', or say "
                    "--overwrite"
                )
            if not status and self.path.is_dir() and any(p.name != LOCK for p in self.path.iterdir()):
                raise InputError(f"{self.path}: holds files that are not a run of flamo; choose another with -o")
            tempfile.TemporaryDirectory(prefix=PREFIX, dir=_nearest(self.path)).cleanup()  # the proof
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written to: {error.strerror}; choose another with -o") from error

    def check_unfinished(self) -> dict[str, Any]:
        """The record of a run that may be gone on with, or that is finished.

        Raises:
            InputError: there is none, one of its inputs has changed since, or one of its plugins is gone; says which.
        """
        record = self.record
        if not record.get("status") or not (self / CONFIG).is_file():
            raise InputError(f"{self.path}: holds no run that could be resumed")
        if record["status"] != "finished":
            try:
                check_origins(record.get("plugins", {}))
            except InputError as error:
                raise InputError(f"{self.path}: this run {error}") from error
            for file, digest in record.get("inputs", {}).items():
                if sums([Path(file)])[file] != digest:
                    raise InputError(f"{file}: has changed since the run in {self.path} began; begin anew")
        return record

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep other runs out of it; the lock goes with the process.

        Raises:
            InputError: another process is at it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(f"{self.path}: another run is writing there; wait for it, or choose another") from error
        try:
            for left in self.path.rglob(f"{PREFIX}*"):  # by a process that was killed
                shutil.rmtree(left)
            yield
        finally:
            lock.release()
            with suppress(OSError):
                (self / LOCK).unlink()

    def clear(self) -> None:
        """Remove what an earlier run left; other files stay."""
        for name in NAMES:
            path = self / name
            if path.is_dir():
                shutil.rmtree(path)
            elif name != LOCK:
                path.unlink(missing_ok=True)

    def begin(self, config: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """Write what a run is made of, before its first step; an earlier run is removed.

        Args:
            config: for config.yaml.
            record: for run.json.
        """
        self.clear()
        text = as_yaml(config)
        inputs = sums(named_files(config))
        resume = shlex.join(["flamo", "fit", "--resume", str(self.path)])
        summary = {"resume": resume, "config_sha256": hashlib.sha256(text.encode()).hexdigest(), "inputs": inputs}
        self.write(CONFIG, text)
        self.write(RUN, as_json({**record, "seed": config["seed"], **summary}))

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file at once: it has the old content or the new one, whatever happens."""
        path = self / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content.encode() if isinstance(content, str) else content)
        return path

    def update(self, **values: Any) -> None:
        """Change entries of run.json."""
        self.write(RUN, as_json({**self.record, **values}))


class Metrics:
    """One line of JSON a step, in metrics.jsonl.

    Args:
        path: the file; what it holds beyond ``steps`` lines is cut off.
        steps: how many steps are behind.
    """

    def __init__(self, path: Path, steps: int) -> None:
        kept = path.read_bytes().splitlines(keepends=True)[:steps] if path.exists() else []
        write_file(path, b"".join(kept))
        self._file = path.open("ab")

    def add(self, row: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")

    def flush(self) -> None:
        """Everything added so far is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def as_json(value: Any) -> str:
    """JSON as people read it; NaN and infinity are refused."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def sums(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files, by their names.

    Raises:
        InputError: one cannot be read.
    """
    try:
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error


def named_files(config: Mapping[str, Any]) -> list[Path]:
    """The files that a resolved configuration reads."""
    sections = [section for section in (config["input"], config["target"]) if isinstance(section, dict)]
    return [Path(section[kind]) for section in sections for kind in TARGET_FILES if section.get(kind)]


def as_yaml(value: Any) -> str:
    """YAML 1.2, with what fits on a line on one."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style, yaml.width = None, 120
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()


class _Representer(SafeRepresenter):
    """Every text but plain words in quotes: what YAML's emitter leaves bare is not always read back."""

    def represent_str(self, data: str) -> Any:
        plain = re.fullmatch(r"[A-Za-z_/][\w./-]*", data, re.ASCII)
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else '"')


_Representer.add_representer(str, _Representer.represent_str)
