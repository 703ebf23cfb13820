"""The exceptions of flamo. All of them say what is wrong, where, and what to do."""

from __future__ import annotations


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
