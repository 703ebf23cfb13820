"""For authors: ``flamo new-plugin`` and ``flamo check-plugin``."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flamo import registry
from flamo.cli.options import Json, Verbose


class Kind(StrEnum):
    """What ``--kind`` takes."""

    processor = "processor"
    loss = "loss"
    trainer = "trainer"
    reader = "reader"
    exporter = "exporter"
    recipe = "recipe"
    command = "command"


def new_plugin(
    name: Annotated[str, typer.Argument(help="Of the plugin, its package and its folder.", show_default=False)],
    kind: Annotated[Kind, typer.Option(help="What its first component is.")] = Kind.processor,
    verbose: Verbose = False,
) -> None:
    """Write a package with one working component, its test and a README, to start from."""
    from flamo.scaffold import write_package

    folder = write_package(Path.cwd(), name, kind.value)
    typer.echo(f"written to {folder.name}: try it with\n  cd {folder.name}\n  pip install -e .[test]\n  pytest")
    typer.echo(f"  flamo check-plugin {name}")


def check_plugin(
    name: Annotated[str, typer.Argument(help="A plugin, or a distribution.", show_default=False)],
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Check a plugin and all its components, a line a check; exit code 1 where one fails."""
    found = registry.named_plugins(name)
    from flamo.testing.report import check_plugin

    out, results = sys.stdout, []
    with contextlib.redirect_stdout(sys.stderr):  # what a component prints is no part of our output
        for result in (result for plugin in found for result in check_plugin(plugin)):
            results.append(result)
            if not as_json:
                message = f": {result.message}" if result.message else ""
                typer.echo(f"{result.status:8}{result.subject}  {result.check}{message}", file=out)
    failed = sum(result.status == "failed" for result in results)
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        typer.echo(f"{failed} of {len(results)} checks failed" if failed else f"{len(results)} checks, none failed")
    raise typer.Exit(1 if failed else 0)
