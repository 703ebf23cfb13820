"""The command line. Light: commands import what they need when they run."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from typing import Annotated, Any

import typer

from flamo.cli import check, export, fit, listing, plugin
from flamo.cli.commands import Commands
from flamo.errors import InputError

app = typer.Typer(
    name="flamo",
    cls=Commands,
    help="Fit and inspect differentiable audio systems.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(listing.list_components)
app.command("show")(listing.show)
app.command("plugins")(listing.list_plugins)
app.command("fit")(fit.fit)
app.command("check")(check.check)
app.command("schema")(check.schema)
app.command("export")(export.export)
app.command("convert")(export.convert)
app.command("new-plugin")(plugin.new_plugin)
app.command("check-plugin")(plugin.check_plugin)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if show_version:
        from importlib.metadata import version

        typer.echo(f"flamo {version('flamo')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 called with something that cannot be used, 130 Ctrl-C."""
    warnings.showwarning = _show_warning
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of folders of its own that it cannot write
    try:
        code = app(standalone_mode=False, prog_name="flamo") or 0
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except typer.TyperException as error:
        code = _fail(" ".join(error.format_message().split()), error.exit_code)
    except InputError as error:
        code = _fail(str(error), 2)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nothing is left to say
        code = 1
    except Exception as error:
        code = _fail(f"{error}" if str(error) else type(error).__name__, 1)
    sys.exit(code)


def _fail(message: str, code: int) -> int:
    """Say what went wrong, a line for each thing, and with -v how."""
    if {"-v", "--verbose"} & set(sys.argv[1:]):
        traceback.print_exc()
    for line in message.splitlines():
        print(f"flamo: error: {' '.join(line.split())}", file=sys.stderr)
    return code


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"flamo: warning: {' '.join(str(message).split())}", file=sys.stderr)
