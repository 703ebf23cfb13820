"""Checkpoints as safetensors files: nothing in them runs code, and damage shows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from flamo.core.checks import whole
from flamo.errors import InputError
from flamo.files import write_file

VERSION = "1"
_NAME = re.compile(r"step_(\d+)\.safetensors")


@dataclass(frozen=True)
class Loaded:
    """A whole checkpoint.

    Args:
        path: its file.
        step: its step.
        tensors: by name.
        data: what was JSON.
        damaged: newer ones that cannot be used, and why, one a string.
    """

    path: Path
    step: int
    tensors: dict[str, torch.Tensor]
    data: Any
    damaged: tuple[str, ...] = ()


class Checkpoints:
    """The checkpoints of one training, ``step_00000100.safetensors`` in a folder.

    A file holds the tensors, the rest as JSON, and a SHA-256 of both. It gets its name once it is whole and on the
    disk, so that a crash leaves the one before.

    Args:
        folder: where they are; made when it is missing.
        keep: how many are kept.

    Raises:
        TypeError, ValueError: keep is no whole number of at least 1.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoints = Checkpoints(Path(folder))
    ...     checkpoints.save(100, {"param": torch.ones(2)}, {"lr": 0.1}).name, checkpoints.latest().data
    ('step_00000100.safetensors', {'lr': 0.1})
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self.keep = Path(folder), whole("keep", keep)

    def save(self, step: int, tensors: Mapping[str, torch.Tensor], data: Any) -> Path:
        """Write a checkpoint, and remove those before it beyond ``keep``.

        Args:
            step: the number of the step.
            tensors: by name; contiguous, on the CPU.
            data: what JSON can hold; no NaN or infinity.

        Raises:
            OSError: the file cannot be written; the ones before are untouched.
            TypeError, ValueError: data that JSON cannot hold.
        """
        text = json.dumps(data, allow_nan=False)
        path = self.folder / f"step_{step:08d}.safetensors"
        metadata = {"version": VERSION, "step": str(step), "data": text, "sha256": _digest(step, tensors, text)}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_file(path, save(dict(tensors), metadata))
        for old in self._files(below=step)[self.keep - 1 :]:
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> Loaded | None:
        """The newest checkpoint that is whole; None where there is none at all.

        Raises:
            InputError: there are some, all of them damaged. Names them.
        """
        damaged: list[str] = []
        for path in self._files():
            try:
                return _read(path, tuple(damaged))
            except Exception as error:  # damaged bytes may end in any error of the libraries
                damaged.append(f"{path.name} ({error})")
        if damaged:
            raise InputError(f"{self.folder}: no checkpoint is whole: {', '.join(damaged)}")
        return None

    def _files(self, below: float = float("inf")) -> list[Path]:
        """Newest first."""
        found = [(int(m[1]), path) for path in self.folder.glob("*") if (m := _NAME.fullmatch(path.name))]
        return [path for step, path in sorted(found, reverse=True) if step < below]


def _read(path: Path, damaged: tuple[str, ...]) -> Loaded:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if (version := metadata.get("version", "unknown")) != VERSION:
        raise InputError(f"version {version}, this flamo reads {VERSION}")
    step, text = int(metadata.get("step", -1)), metadata.get("data", "")
    if metadata.get("sha256") != _digest(step, tensors, text):
        raise InputError("the checksum does not fit")
    copies = {name: tensor.clone() for name, tensor in tensors.items()}  # off the file, which may go
    return Loaded(path, step, copies, json.loads(text), damaged)


def _digest(step: int, tensors: Mapping[str, torch.Tensor], text: str) -> str:
    """SHA-256 of all that a checkpoint holds."""
    digest = hashlib.sha256(json.dumps([VERSION, step, text]).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
