"""Nested data in YAML or JSON, whose mistakes are told with their lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flamo.config.reading import MAX_BYTES, Document, Path, parse
from flamo.errors import InputError
from flamo_readers.text import decoded, wrong


@dataclass(frozen=True)
class Tree:
    """A place in a document."""

    document: Document
    path: Path
    value: Any

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.document.line(self.path) or 1

    def wrong(self, message: str) -> InputError:
        """What is wrong here."""
        where = ".".join(map(str, self.path))
        return wrong(self.line, f"{where if where.isprintable() else repr(where)}: {message}" if where else message)

    def has(self, key: str) -> bool:
        """Whether a key is there, with a value."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def __getitem__(self, key: str) -> Tree:
        """What a key stands for. Raises InputError: this is no mapping, or lacks it."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"must be a mapping with {key!r}")
        if not self.has(key):
            raise self.wrong(f"{key!r} is missing")
        return Tree(self.document, (*self.path, key), self.value[key])

    def items(self) -> Iterator[Tree]:
        """What a list holds. Raises InputError: it is none."""
        if not isinstance(self.value, list):
            raise self.wrong("must be a list")
        return (Tree(self.document, (*self.path, n), value) for n, value in enumerate(self.value))

    def text(self) -> str:
        """A string. Raises InputError: it is none."""
        if not isinstance(self.value, str):
            raise self.wrong(f"must be text, got {str(self.value)[:40]!r}")
        return self.value

    def number(self) -> float:
        """A finite number. Raises InputError: it is none."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            raise self.wrong(f"must be a finite number, got {str(value)[:40]!r}")
        return float(value)

    def truth(self, key: str) -> bool:
        """Whether a key is there and true. Raises InputError: it is neither true nor false."""
        if not self.has(key):
            return False
        if not isinstance(self[key].value, bool):
            raise self[key].wrong("must be true or false")
        return bool(self[key].value)


def tree(data: bytes, is_json: bool = False) -> Tree:
    """The document in a file.

    Raises:
        InputError: it is too large, or no YAML or JSON.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 1_000_000} MB")
    try:
        document = parse(decoded(data), "", is_json)
    except InputError as error:
        raise InputError(str(error).lstrip(",: ")) from error
    return Tree(document, (), document.data)
