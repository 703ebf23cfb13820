"""Configuration files: YAML 1.2 or JSON in, plain data and the line of every key out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flamo.errors import InputError

SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 1_000_000
MAX_DEPTH = 100

Path = tuple[str | int, ...]
"""Where something stands in a file: keys, and positions in lists."""


@dataclass(frozen=True)
class Document:
    """What a file says, and where it says it."""

    name: str
    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int | None:
        """The line of a key, or of the nearest one above it; None where nothing is known."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)


def read_document(file: File) -> Document:
    """Read a configuration, JSON where the suffix is ``.json``, else YAML 1.2 (``no`` is a string, ``1e-3`` a number).

    Raises:
        InputError: the file cannot be read, is too large, or is no YAML or JSON; says the line.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"{file}: larger than {MAX_BYTES // 1_000_000} MB; this is no configuration")
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not a text file in UTF-8") from error
    return parse(text, str(file), is_json=file.suffix.lower() == ".json")


def parse(text: str, name: str, is_json: bool = False) -> Document:
    """The document in a text.

    Raises:
        InputError: as :func:`read_document`.

    >>> document = parse("optimizer:\\n  adam: {lr: 1e-3}\\n", "fit.yaml")
    >>> document.data, document.line(("optimizer", "adam", "lr"))
    ({'optimizer': {'adam': {'lr': 0.001}}}, 2)
    """
    if is_json:
        _check_json(text, name)
        text = text.replace("\t", " ")  # the one thing in JSON that YAML has not
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise InputError(f"{where}: not YAML: {error.problem or error.context}") from error
    except RecursionError as error:
        raise InputError(f"{name}: nested more than {MAX_DEPTH} deep") from error
    except (YAMLError, ValueError, AssertionError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name}: not YAML: {' '.join(str(error).split())[:200]}") from error
    reader = _Reader(name)
    data = None if root is None else reader.value(root, ())
    return Document(name, json.loads(text) if is_json else data, reader.lines)


def _check_json(text: str, name: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}, line {error.lineno}: not JSON: {error.msg}") from error
    except ValueError as error:  # whole numbers of thousands of digits
        raise InputError(f"{name}: not JSON: {str(error).partition(';')[0]}") from error
    except RecursionError as error:
        raise InputError(f"{name}: nested more than {MAX_DEPTH} deep") from error


class _Reader:
    """Plain data out of the nodes of a YAML document. No tag makes anything but plain data."""

    def __init__(self, name: str) -> None:
        self.name, self.lines, self.seen = name, dict[Path, int](), set[int]()

    def value(self, node: Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.seen:
            raise self.wrong(node, "an alias repeats this value; write it out where it is needed")
        self.seen.add(id(node))
        if len(path) > MAX_DEPTH:
            raise self.wrong(node, f"nested more than {MAX_DEPTH} deep")
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if isinstance(node, SequenceNode) and str(node.tag) == _TAG + "seq":
            return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
        if isinstance(node, MappingNode) and str(node.tag) == _TAG + "map":
            return self.mapping(node, path)
        raise self.wrong(node, f"tag {node.tag} is not known here")

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.value(key_node, path) if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str):
                raise self.wrong(key_node, f"a key must be text, got {key!r}")
            if key in found:
                raise self.wrong(key_node, f"{key!r} stands here a second time")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, (*path, key))
        return found

    def scalar(self, node: ScalarNode) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), node.value
        try:
            if kind in _SCALARS:
                return _SCALARS[kind](text)
        except (ValueError, OverflowError):
            raise self.wrong(node, f"{text[:40]!r} is no {kind}") from None
        raise self.wrong(node, f"tag {node.tag} is not known here")

    def wrong(self, node: Node, message: str) -> InputError:
        return InputError(f"{self.name}, line {node.start_mark.line + 1}: {message}")


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, Callable[[str], Any]] = {
    "str": str,
    **dict.fromkeys(("timestamp", "value", "merge"), str),  # a date, '=' and '<<' mean nothing else here
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": lambda text: int(text, 0 if text.lstrip("+-").startswith(("0x", "0o")) else 10),
    "float": _float,
}
