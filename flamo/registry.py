"""Components by name: what is installed, what a name means, and how to get the code behind it."""

from __future__ import annotations

import difflib
import importlib
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from flamo.discovery import SLOW, Plugin, discover
from flamo.errors import AmbiguousComponentError, ComponentLoadError, PluginWarning, UnknownComponentError
from flamo.plugin import KINDS, Component


class Offer(NamedTuple):
    """A component and the plugin that offers it."""

    plugin: Plugin
    component: Component

    @property
    def qualified_name(self) -> str:
        """The name that means this component, whatever else is installed."""
        return f"{self.plugin.name}/{self.component.name}"


@cache
def plugins() -> tuple[Plugin, ...]:
    """Every plugin installed; one that is broken or slow is warned of once. ``plugins.cache_clear()`` looks again."""
    found = discover()
    for plugin in found:
        if plugin.status == "broken":
            message = f"{plugin.origin} is broken: {plugin.error} ('flamo plugins -v' shows more)"
            warnings.warn(message, PluginWarning, stacklevel=3)
        elif plugin.seconds > SLOW and not plugin.ours:
            message = f"{plugin.origin} took {plugin.seconds:.1f} s to say what it offers"
            message += f"; every command waits for it: 'flamo check-plugin {plugin.name}' says more"
            warnings.warn(message, PluginWarning, stacklevel=3)
    return found


def named_plugins(name: str) -> tuple[Plugin, ...]:
    """The plugin of a name, or all of a distribution.

    Raises:
        UnknownComponentError: there is none (the message suggests the nearest).
    """
    found = tuple(p for p in plugins() if name in (p.name, p.distribution))
    if not found:
        hint = difflib.get_close_matches(name, {known for p in plugins() for known in (p.name, p.distribution)}, 1)
        did = f"did you mean {hint[0]!r}?" if hint else "'flamo plugins' shows them all"
        raise UnknownComponentError(f"unknown plugin {name!r}; {did}")
    return found


def offers(kind: str | None = None) -> Iterator[Offer]:
    """Every component that can be had, ours first.

    Raises:
        UnknownComponentError: an unknown kind.
    """
    _check_kind(kind)
    for plugin in plugins():
        for component in plugin.components:
            if kind in (None, component.kind):
                yield Offer(plugin, component)


def find(kind: str | None, name: str) -> Offer:
    """What a name means: ``biquad``, or ``filters/biquad`` with the plugin's name before it.

    A bare name means ours where we have one of that name; otherwise there must be one plugin that offers it.

    Args:
        kind: its kind; None is any.
        name: the name, with or without the plugin's.

    Raises:
        UnknownComponentError: no such kind or name (the message suggests the nearest).
        AmbiguousComponentError: several plugins offer it (the message says which).
    """
    candidates = list(offers(kind))
    plugin, _, bare = name.rpartition("/")
    matches = [o for o in candidates if bare in o.component.names and plugin in ("", o.plugin.name)]
    matches = [offer for offer in matches if offer.plugin.ours] or matches
    if not matches:
        raise UnknownComponentError(_unknown(kind, name, candidates))
    if len(matches) > 1:
        origins = " and by ".join(offer.plugin.origin for offer in matches)
        choices = " or ".join(f"{offer.component.kind} {offer.qualified_name!r}" for offer in matches)
        raise AmbiguousComponentError(f"{kind or 'component'} {name!r} is offered by {origins}: say {choices}")
    return matches[0]


def get(kind: str, name: str) -> Any:
    """The class behind a name.

    Args:
        kind: one of :data:`flamo.plugin.KINDS`.
        name: as in :func:`find`.

    Raises:
        UnknownComponentError, AmbiguousComponentError: as :func:`find`.
        ComponentLoadError: the code is missing or cannot be imported; says who offers it.

    >>> get("processor", "biquad").__name__
    'Biquad'
    """
    return load(find(kind, name))


def load(offer: Offer) -> Any:
    """Import the code behind an offer; raises ComponentLoadError, with the offer's origin."""
    module, _, attribute = offer.component.target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise ComponentLoadError(
            f"{offer.component.kind} {offer.qualified_name!r} of {offer.plugin.origin} cannot be loaded from "
            f"{offer.component.target!r}: {type(error).__name__}: {error}"
        ) from error


def _check_kind(kind: str | None) -> None:
    if kind is not None and kind not in KINDS:
        hint = difflib.get_close_matches(kind, KINDS, 1)
        raise UnknownComponentError(
            f"unknown kind {kind!r}; " + (f"did you mean {hint[0]!r}?" if hint else f"one of {', '.join(KINDS)}")
        )


def _unknown(kind: str | None, name: str, candidates: list[Offer]) -> str:
    """Why a name is not found and what to try: the nearest name, another kind, a plugin that is out of order."""
    message = f"unknown {kind or 'component'} {name!r}{without_plugin(name)}"
    elsewhere = [o.component.kind for o in offers() if name in (*o.component.names, o.qualified_name)]
    if elsewhere:
        return f"{message}; there is a {elsewhere[0]} of that name"
    known = [known for o in candidates for known in (*o.component.names, o.qualified_name)]
    hint = difflib.get_close_matches(name, known, 1)
    if owner := out_of_use(name):
        return f"{message}; {owner}"
    message += f"; did you mean {hint[0]!r}?" if hint else f"; 'flamo list{f' {kind}' if kind else ''}' shows them all"
    return message + not_in_use()


def without_plugin(name: str) -> str:
    """What a message about an unknown name goes on with where there is no plugin of the name in front of it."""
    owner = name.rpartition("/")[0]
    return f", for no plugin {owner!r} is installed" if owner and owner not in {p.name for p in plugins()} else ""


def out_of_use(name: str) -> str:
    """Why the plugin in front of a name offers nothing; nothing where it does, or is not known."""
    owner = name.rpartition("/")[0]
    idle = [p for p in plugins() if p.status != "ok" and p.name == owner]
    return f"{idle[0].origin} is {idle[0].status}: see 'flamo plugins -v'" if idle else ""


def not_in_use() -> str:
    """What a message about an unknown name ends with: plugins that are out of use, and might have had it."""
    idle = [f"{p.name} ({p.status})" for p in plugins() if p.status != "ok"]
    return f" Not in use: {', '.join(idle)}; see 'flamo plugins -v'" if idle else ""
