"""The exceptions of flamo. All of them say what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace


class FlamoError(Exception):
    """Base of the exceptions that are flamo's own."""


class InputError(FlamoError, ValueError):
    """Something that came from outside (a file, an option, a name) cannot be used."""


class UnknownComponentError(InputError):
    """No plugin offers a component of that kind and name."""


class AmbiguousComponentError(InputError):
    """Several plugins offer a component of that kind and name."""


class ComponentLoadError(FlamoError):
    """A component is offered, but its target cannot be imported."""


class PluginError(FlamoError):
    """A plugin cannot be used; raised where FLAMO_STRICT=1, data everywhere else."""


class PluginWarning(UserWarning):
    """A plugin cannot be used, and everything else goes on without it."""


class NotFiniteError(FlamoError, ArithmeticError):
    """A loss or a gradient of a training is not finite; the system is back in its last good state."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a description: where in its tree, and what; and in which line of which file."""

    path: tuple[str | int, ...]
    message: str
    place: str = field(default="", repr=False)

    def __str__(self) -> str:
        where = [self.place] if self.place else []
        where += [".".join(map(str, self.path))] if self.path else []
        return ": ".join([*where, self.message])


class ConfigError(InputError):
    """A description cannot be used; ``problems`` are all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@contextmanager
def under(*path: str | int) -> Iterator[None]:
    """Problems of a part, raised as seen from the whole: with ``path`` before theirs."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(replace(p, path=(*path, *p.path)) for p in error.problems) from error


class InputWarning(UserWarning):
    """Something that came from outside was changed before it was used."""
