"""All the checks of an installed plugin, one result each: what ``flamo check-plugin`` prints."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from flamo import registry
from flamo.discovery import SLOW, Plugin
from flamo.errors import ComponentLoadError
from flamo.registry import Offer
from flamo.testing.case import Case
from flamo.testing.check import CheckError
from flamo.testing.imports import heavy_imports
from flamo.testing.kit import CALLED, checks


@dataclass(frozen=True)
class Result:
    """What came of one check.

    Args:
        subject: the plugin, or the qualified name of a component after its kind.
        check: its name.
        status: ``ok``, ``failed`` or ``skipped``.
        message: where it is not ok, what is wrong and what to do.
    """

    subject: str
    check: str
    status: str
    message: str = ""


def check_plugin(plugin: Plugin) -> Iterator[Result]:
    """Ask a plugin and each of its components everything, one result at a time."""
    name = f"plugin {plugin.name}"
    if plugin.status != "ok":
        problem = plugin.error or "it is disabled by FLAMO_DISABLE_PLUGINS; call this without it"
        yield Result(name, "is_found", "failed", problem)
        return
    yield Result(name, "is_found", "ok")
    yield _light(plugin, name)
    yield _quick(plugin, name)
    for component in plugin.components:
        yield from _component(Offer(plugin, component))


def _light(plugin: Plugin, name: str) -> Result:
    found = heavy_imports(f"import {plugin.module}")
    if not found:
        return Result(name, "is_light", "ok")
    by = ", ".join(f"{module} (by {importer})" for module, importer in found.items())
    advice = "import only flamo.plugin there, and name classes by their target"
    return Result(name, "is_light", "failed", f"listing its components imports {by}; {advice}")


def _quick(plugin: Plugin, name: str) -> Result:
    if plugin.seconds < SLOW:
        return Result(name, "is_quick", "ok")
    message = f"its components are known after {plugin.seconds:.2f} s; do in plugin.py nothing but yield them"
    return Result(name, "is_quick", "failed", message)


def _component(offer: Offer) -> Iterator[Result]:
    name = f"{offer.component.kind} {offer.qualified_name}"
    try:
        target = registry.load(offer)
    except ComponentLoadError as error:
        yield Result(name, "loads", "failed", f"{error}; mend the target in plugin.py, or the import")
        return
    if not inspect.isclass(target) and offer.component.kind != "command":
        yield Result(name, "loads", "failed", f"{offer.component.target} is no class; name one in plugin.py")
        return
    yield Result(name, "loads", "ok")
    case = Case(target, offer.component.kind, offer=offer)
    for check in checks(case):
        try:
            check(case)
        except CheckError as error:
            yield Result(name, check.name, "failed", str(error))
        else:
            yield Result(name, check.name, "ok")
    if reason := _untried(case):
        yield Result(name, "all_others", "skipped", reason)


def _untried(case: Case) -> str:
    """Why a component was not put to work, if it was not."""
    if case.needs and case.kind not in CALLED:
        given = ", ".join(f"{name}=…" for name in case.needs)
        name = case.target.__name__
        return f"its constructor needs {', '.join(case.needs)}: test it with Case(partial({name}, {given}))"
    return ""
