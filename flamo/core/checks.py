"""What constructors check their arguments with: one clear line that names the argument."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

import torch


def checked_size(size: Any) -> tuple[int, ...]:
    """A tuple of whole numbers of at least 1.

    Raises:
        TypeError, ValueError: it is none.

    >>> checked_size((2, 0))
    Traceback (most recent call last):
    ...
    ValueError: every dimension of size must be at least 1, got (2, 0)
    """
    try:
        checked = tuple(operator.index(n) for n in size)
    except TypeError:
        raise TypeError(f"size must be a tuple of whole numbers, got {size!r}") from None
    if any(n < 1 for n in checked):
        raise ValueError(f"every dimension of size must be at least 1, got {checked}")
    return checked


def checked_dtype(dtype: Any) -> torch.dtype:
    """torch.float32 or torch.float64.

    Raises:
        TypeError: another one.
    """
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
    return dtype


def checked_map(name: str, value: Any) -> Any:
    """Anything that can be called.

    Raises:
        TypeError: it cannot.
    """
    if not callable(value):
        raise TypeError(f"{name} must be callable, got {value!r}")
    return value


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``.

    Raises:
        TypeError, ValueError: it is none.

    >>> whole("n_sections", 0)
    Traceback (most recent call last):
    ...
    ValueError: n_sections must be at least 1, got 0
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def number(name: str, value: Any) -> float:
    """A finite number, from a number or a tensor of one.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(value, str):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        converted = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not math.isfinite(converted):
        raise ValueError(f"{name} must be finite, got {converted}")
    return converted


def positive(name: str, value: Any) -> Any:
    """The value itself, if it is a finite number above 0.

    Raises:
        TypeError, ValueError: it is none.

    >>> positive("fs", 0)
    Traceback (most recent call last):
    ...
    ValueError: fs must be above 0, got 0
    """
    if number(name, value) <= 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return value


def choice(name: str, value: Any, choices: Iterable[str | None]) -> Any:
    """The value itself, if it is one of the choices.

    Raises:
        ValueError: it is none of them.

    >>> choice("design", "comb", ("biquad", "svf"))
    Traceback (most recent call last):
    ...
    ValueError: design must be one of biquad, svf, got 'comb'
    """
    if value not in (allowed := tuple(choices)):
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
    return value
