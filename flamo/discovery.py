"""Find the plugins that are installed. A plugin that fails is data with its reason; nothing here stops the others."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, entry_points
from types import ModuleType
from typing import Literal

import pluggy

from flamo.errors import PluginError
from flamo.plugin import API, Component, Hooks

GROUP = "flamo"
SLOW = 0.5
"""Seconds that a plugin module may take until its components are known."""
OURS = "flamo"  # the distribution whose names are never taken away


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One entry point: where it comes from and what became of it."""

    name: str
    module: str
    distribution: str
    version: str
    status: Literal["ok", "disabled", "broken"] = "ok"
    components: tuple[Component, ...] = ()
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0

    @property
    def ours(self) -> bool:
        return self.distribution == OURS

    @cached_property
    def origin(self) -> str:
        """How messages name it."""
        return f"plugin {self.name!r} of {self.distribution} {self.version}"


def discover() -> tuple[Plugin, ...]:
    """Every plugin installed, ours first, then by distribution and name."""
    found = sorted((_described(entry) for entry in entry_points(group=GROUP)), key=_order)
    disabled = _disabled()
    active = [plugin for plugin in found if not _names(plugin) & disabled]
    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints is no part of our output
        return tuple(_loaded(p, active) if p in active else replace(p, status="disabled") for p in found)


def _order(plugin: Plugin) -> tuple[bool, str, str]:
    return (not plugin.ours, plugin.distribution, plugin.name)


def _described(entry: EntryPoint) -> Plugin:
    return Plugin(
        name=_printable(entry.name),
        module=_printable(entry.value),
        distribution=_normalized(_metadata(entry.dist, "Name")),
        version=_metadata(entry.dist, "Version"),
    )


def _metadata(distribution: Distribution | None, key: str) -> str:
    """A field of a distribution, whose metadata may be incomplete or missing."""
    try:
        return _printable(distribution.metadata[key]) if distribution else "unknown"
    except Exception:
        return "unknown"


def _printable(text: str) -> str:
    """Without the control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _normalized(distribution: str) -> str:
    """A distribution's name as the packaging standards (PEP 503) compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _disabled() -> set[str]:
    """What FLAMO_DISABLE_PLUGINS names: plugins, distributions, or * for all but ours."""
    names = [name.strip() for name in os.environ.get("FLAMO_DISABLE_PLUGINS", "").split(",") if name.strip()]
    return {*names, *map(_normalized, names)}


def _names(plugin: Plugin) -> set[str]:
    """What FLAMO_DISABLE_PLUGINS may call a plugin."""
    return {plugin.name, plugin.distribution} | (set() if plugin.ours else {"*"})


def _loaded(plugin: Plugin, active: list[Plugin]) -> Plugin:
    start = time.perf_counter()
    try:
        _check_name(plugin, active)
        components = tuple(_components(plugin))
        _check_duplicates(components)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and worse: nothing that a plugin raises stops the others
        if os.environ.get("FLAMO_STRICT") == "1":
            raise PluginError(f"{plugin.origin} is broken: {_reason(error)}") from error
        plugin = replace(plugin, status="broken", error=_reason(error), traceback=traceback.format_exc())
    else:
        plugin = replace(plugin, components=components)
    return replace(plugin, seconds=time.perf_counter() - start)


def _reason(error: BaseException) -> str:
    """An exception as one line."""
    try:
        text = _printable(" ".join(str(error).split()))
    except Exception:
        text = "(its message cannot be shown)"
    return text if isinstance(error, PluginError) else f"{type(error).__name__}: {text}"


def _check_name(plugin: Plugin, active: list[Plugin]) -> None:
    rivals = [p for p in active if p.name == plugin.name and p != plugin]
    if not re.fullmatch(r"\w[\w.-]*", plugin.name):
        raise PluginError(f"the entry point name {plugin.name!r} must be letters, digits, '_', '.' and '-'")
    if rivals and not plugin.ours:
        others = ", ".join(f"{p.distribution} {p.version}" for p in rivals)
        raise PluginError(
            f"the plugin name {plugin.name!r} is also used by {others}; uninstall one, or disable it with "
            f"FLAMO_DISABLE_PLUGINS={plugin.distribution}"
        )


def _components(plugin: Plugin) -> Iterator[Component]:
    if not re.fullmatch(r"\w+(\.\w+)*", plugin.module):
        raise PluginError(f"the entry point must name a module, got {plugin.module!r}")
    module = importlib.import_module(plugin.module)
    version = getattr(module, "FLAMO_API", API)
    if version != API:
        raise PluginError(f"it was written for plugin API {version!r}, this flamo has {API}")
    for component in _hook_results(module):
        if not isinstance(component, Component):
            raise PluginError(f"flamo_components must give Components, got {component!r}")
        yield component


def _hook_results(module: ModuleType) -> Iterable[Component]:
    manager = pluggy.PluginManager("flamo")
    manager.add_hookspecs(Hooks)
    manager.register(module)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{error}; the hook is flamo_components") from error
    if not manager.hook.flamo_components.get_hookimpls():
        raise PluginError("it has no hook; define flamo_components with the hookimpl marker")
    results = manager.hook.flamo_components()
    if not results:
        raise PluginError("flamo_components returned None; it must return or yield components")
    return results[0]


def _check_duplicates(components: tuple[Component, ...]) -> None:
    counts = Counter((component.kind, name) for component in components for name in component.names)
    for (kind, name), count in counts.items():
        if count > 1:
            raise PluginError(f"it offers {count} components of kind {kind} named {name!r}")
