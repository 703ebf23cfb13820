"""Curves and equalisers from files of any format that a plugin reads. Imports nothing heavy."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from flamo import registry
from flamo.curves import Curve
from flamo.equalizer import Equalizer
from flamo.errors import ComponentLoadError, InputError, PluginWarning
from flamo.registry import Offer

MAX_BYTES = 20_000_000
_OTHERS = {".zma": "a file of impedances, not of levels in dB"}


def read_file(path: Path, format: str | None = None, **options: Any) -> Curve | Equalizer:
    """Read a curve or an equaliser.

    Args:
        path: the file.
        format: name of a component of kind ``reader``; None is the one that recognises the file.
        options: of that reader's constructor.

    Raises:
        UnknownComponentError, AmbiguousComponentError: no such format.
        InputError: the file cannot be read, or none or several readers recognise it; ``PATH: ...``, where a line is to
            blame ``PATH, line N: ...``.

    >>> from flamo import targets
    >>> read_file(Path(targets.__file__).with_name("data") / "akg_k371.csv", role="target").gain_db[:2]
    (-2.59, -2.49)
    """
    choice = None if format is None else registry.get("reader", format)
    data = read_bytes(path)
    try:
        reader = _made(choice or _recognised(data, path.suffix.lower()), options)
        return reader.read(data, path.stem.encode("utf-8", "replace").decode())
    except InputError as error:
        text = str(error)
        raise InputError(f"{path}{', ' if text.startswith('line ') else ': '}{text}") from error


def read_bytes(path: Path) -> bytes:
    """The content of a file of text.

    Raises:
        InputError: it cannot be read, is empty, or larger than ``MAX_BYTES``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r}: cannot be read: {error}") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB")
    if not data.strip():
        raise InputError(f"{path}: the file is empty")
    return data


def _recognised(data: bytes, suffix: str) -> Any:
    """The reader for the suffix; of several, or of all where there is none, the one that knows the data."""
    if suffix in _OTHERS:
        raise InputError(_OTHERS[suffix])
    fitting = _fitting(suffix)
    knowing = readers_of(data, suffix)
    candidates = knowing or list(fitting)
    if len(candidates) == 1:
        return fitting[candidates[0]]
    names = ", ".join(offer.component.name if offer.plugin.ours else offer.qualified_name for offer in candidates)
    if knowing:
        raise InputError(f"may be of several formats: {names}; say which with --from")
    raise InputError(f"of no format that is known by its content; say which with --from: {names}")


def readers_of(data: bytes, suffix: str) -> list[Offer]:
    """The readers of a suffix, or all where there is none, that know the content of a file."""
    return [offer for offer, cls in _fitting(suffix).items() if cls().recognizes(data)]


def _fitting(suffix: str) -> dict[Offer, Any]:
    readers = dict(_readers())
    return {offer: cls for offer, cls in readers.items() if suffix in cls.suffixes} or readers


def _readers() -> Iterator[tuple[Offer, Any]]:
    """The readers; one that is broken is warned of, and the others go on."""
    for offer in registry.offers("reader"):
        try:
            yield offer, registry.load(offer)
        except ComponentLoadError as error:
            warnings.warn(str(error), PluginWarning, stacklevel=4)


def _made(reader: Any, options: dict[str, Any]) -> Any:
    known = inspect.signature(reader).parameters
    for name in options:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"{reader.__name__} has no option {name!r}; {has}")
    from pydantic import TypeAdapter, ValidationError

    hints = get_type_hints(reader.__init__)
    for name, value in options.items():
        try:
            TypeAdapter(hints.get(name, Any)).validate_python(value, strict=True)
        except ValidationError as error:
            message = error.errors(include_url=False)[0]["msg"]
            raise InputError(f"{name}: {message[0].lower()}{message[1:]}, got {value!r}") from error
    try:
        return reader(**options)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
