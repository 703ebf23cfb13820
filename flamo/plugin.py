"""What a plugin needs: the hook, and the data that it returns. Imports nothing heavy.

A plugin is a module named by an entry point of the group ``flamo``::

    # pyproject.toml
    [project.entry-points.flamo]
    acme = "acme.plugin"

    # acme/plugin.py
    from flamo.plugin import Component, hookimpl

    @hookimpl
    def flamo_components():
        yield Component(kind="processor", name="allpass", target="acme.allpass:Allpass", summary="First-order allpass.")
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pluggy

API = 1
"""Version of the plugin interface. A plugin module may state the one it was written for as ``FLAMO_API``."""

KINDS = ("processor", "transform", "container", "loss", "trainer", "reader", "exporter", "recipe", "command")

hookimpl = pluggy.HookimplMarker("flamo")
hookspec = pluggy.HookspecMarker("flamo")

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class Component:
    """One thing that a plugin offers. Naming code by data keeps discovery light: nothing is imported before it is used.

    Args:
        kind: one of ``KINDS``.
        name: lower case letters, digits and underscores.
        target: where the class is, ``package.module:Name``.
        summary: one line; the first line of the target's docstring.
        aliases: other names for it.

    Raises:
        TypeError: an argument is not a string (aliases: not a tuple of strings).
        ValueError: an unknown kind, or a name, target or summary of another form.

    >>> Component(kind="loss", name="mae", target="acme.losses:MAE", summary="Mean absolute error.").name
    'mae'
    """

    kind: str
    name: str
    target: str
    summary: str
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("kind", "name", "target", "summary"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(f"component: {field} must be a string, got {getattr(self, field)!r}")
        if not isinstance(self.aliases, tuple) or not all(isinstance(alias, str) for alias in self.aliases):
            raise TypeError(f"component {self.name!r}: aliases must be a tuple of strings, got {self.aliases!r}")
        if self.kind not in KINDS:
            raise ValueError(f"component {self.name!r}: kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"component {name!r}: a name is lower case letters, digits and underscores, a letter first"
                )
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"component {self.name!r}: target must be 'package.module:Name', got {self.target!r}")
        if not self.summary.strip() or not self.summary.isprintable():
            raise ValueError(f"component {self.name!r}: summary must be one line of text")

    @property
    def names(self) -> tuple[str, ...]:
        """The name, then the aliases."""
        return (self.name, *self.aliases)


class Hooks:
    """The hooks of flamo."""

    @hookspec
    def flamo_components(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Return or yield the components that this plugin offers."""
