"""What is installed: ``flamo list``, ``flamo show`` and ``flamo plugins``."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from flamo import registry
from flamo.cli.options import Json, Verbose
from flamo.discovery import Plugin
from flamo.plugin import KINDS


def list_components(
    kind: Annotated[str | None, typer.Argument(help=f"Only one kind: {', '.join(KINDS)}.", show_default=False)] = None,
    plugin: Annotated[
        str | None, typer.Option(help="Only one plugin, or one distribution.", show_default=False)
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show every component with its kind, plugin, distribution, version and summary."""
    chosen = registry.plugins() if plugin is None else registry.named_plugins(plugin)
    offers = [offer for offer in registry.offers(kind) if offer.plugin in chosen]
    if as_json:
        typer.echo(json.dumps([_described(offer) for offer in offers], indent=2))
        return
    rows = [
        (
            o.component.kind,
            o.component.name,
            o.plugin.name,
            o.plugin.distribution,
            o.plugin.version,
            o.component.summary,
        )
        for o in offers
    ]
    _table(("KIND", "NAME", "PLUGIN", "DISTRIBUTION", "VERSION", "SUMMARY"), rows)


def show(
    name: Annotated[str, typer.Argument(help="A component: biquad, or filters/biquad.", show_default=False)],
    kind: Annotated[str | None, typer.Option(help="Its kind, where the name is used in several.")] = None,
    verbose: Verbose = False,
) -> None:
    """Print the signature and the documentation of a component."""
    offer = registry.find(kind, name)
    target = registry.load(offer)
    source = f"{offer.plugin.distribution} {offer.plugin.version}"
    typer.echo(f"{offer.component.kind} {offer.qualified_name}, from {source}\n{offer.component.target}\n")
    typer.echo(f"{offer.component.target.partition(':')[2]}{_signature(target)}\n")
    typer.echo(inspect.getdoc(target) or "(no documentation)")


def list_plugins(as_json: Json = False, verbose: Verbose = False) -> None:
    """Show every plugin found, whether it works, is disabled or broken, and with -v why."""
    found = registry.plugins()
    if as_json:
        typer.echo(json.dumps([asdict(plugin) for plugin in found], indent=2))
        return
    rows = [
        (p.name, p.distribution, p.version, p.status, str(len(p.components)), f"{1000 * p.seconds:.0f} ms", _note(p))
        for p in found
    ]
    _table(("PLUGIN", "DISTRIBUTION", "VERSION", "STATUS", "COMPONENTS", "TIME", "NOTE"), rows)
    if verbose:
        for plugin in found:
            typer.echo(f"\n{plugin.name}: module {plugin.module}, discovered in {1000 * plugin.seconds:.1f} ms")
            if plugin.traceback:
                typer.echo(plugin.traceback.rstrip())


def _described(offer: registry.Offer) -> dict[str, object]:
    plugin = {"plugin": offer.plugin.name, "distribution": offer.plugin.distribution, "version": offer.plugin.version}
    return {**asdict(offer.component), "qualified_name": offer.qualified_name, **plugin}


def _signature(target: Any) -> str:
    """A signature, one argument a line."""
    try:
        arguments = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return ": not callable, or without a signature"
    lines = [
        f"    {str(argument).replace(repr(argument.annotation), str(argument.annotation))},\n" for argument in arguments
    ]
    return f"(\n{''.join(lines)})" if lines else "()"


def _note(plugin: Plugin) -> str:
    return "by FLAMO_DISABLE_PLUGINS" if plugin.status == "disabled" else plugin.error


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns padded with spaces: the same on a screen and in a pipe."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
