"""What a command has to keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flamo.cli.commands import command_of
from flamo.testing.case import Case
from flamo.testing.check import require
from flamo.testing.imports import heavy_imports


def follows_the_protocol(case: Case) -> None:
    """Typer makes a command of it.

    Name a typer.Typer, or a function whose parameters are annotated as typer's are."""
    _command(case)


def arguments_have_a_help(case: Case) -> None:
    """Every argument and every option says what it is.

    Annotate it: Annotated[int, typer.Option(help='How many.')], or typer.Argument."""
    missing = [
        f"{p.name} of {name}"
        for name, c in _all(_command(case), "it")
        for p in c.params
        if not getattr(p, "help", None)
    ]
    require(not missing, f"--help says nothing of {', '.join(missing)}")


def summary_is_the_first_line(case: Case) -> None:
    """The summary in plugin.py is the first line of the docstring, or of the help of a typer.Typer.

    Copy one over the other: 'flamo --help' shows the summary, the command's own --help the docstring."""
    first = (_command(case).help or "").partition("\n")[0]
    summary = case.offer.component.summary if case.offer else first
    require(bool(first), "it has no docstring, and as a typer.Typer no help")
    require(first == summary, f"the docstring begins with {first!r}, the summary is {summary!r}")


def helps_at_once(case: Case) -> None:
    """Its --help imports nothing that takes long.

    Import torch, numpy, scipy, soundfile and matplotlib in the bodies of functions."""
    module = case.offer.component.target.partition(":")[0] if case.offer else case.target.__module__
    found = heavy_imports(f"import {module}")
    by = ", ".join(f"{name} (by {importer})" for name, importer in found.items())
    require(not found, f"{module} imports {by}")


def checks(case: Case) -> Iterator[Any]:
    """Every check that a command is asked."""
    yield from (follows_the_protocol, arguments_have_a_help, summary_is_the_first_line, helps_at_once)


def _command(case: Case) -> Any:
    try:
        return command_of(case.make, "name")
    except Exception as error:
        require(False, f"typer makes no command of it: {type(error).__name__}: {error}")


def _all(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """A command and those below it, by what messages call them."""
    yield name, command
    for below, one in getattr(command, "commands", {}).items():
        yield from _all(one, below)
