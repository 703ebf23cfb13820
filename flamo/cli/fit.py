"""``flamo fit``: a configuration or a target in, a folder of results out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flamo.cli.equaliser import fit_target
from flamo.cli.options import Quiet, Set, Verbose
from flamo.cli.progress import Style, emit, progress
from flamo.cli.signals import stopped_by_signals
from flamo.errors import InputError

if TYPE_CHECKING:
    from flamo.config.model import RunConfig
    from flamo.run_folder import RunFolder

CONFIG_SUFFIXES = (".yaml", ".yml", ".json")


def fit(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONFIG | TARGET]",
            help="A configuration (.yaml, .yml, .json), or what an equaliser is to become: a CSV of frequency in Hz and "
            "a target in dB, or the example 'headphone'.",
            show_default=False,
        ),
    ] = None,
    sets: Set = [],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for the results; runs/NAME by default.", show_default=False),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="DIR", help="Go on with the run in DIR.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over an earlier run.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Of every random number.", show_default=False)
    ] = None,
    bands: Annotated[
        int | None, typer.Option(min=1, max=64, help="Of an equaliser: its filters; 10.", show_default=False)
    ] = None,
    fs: Annotated[
        int | None,
        typer.Option(min=1000, max=10_000_000, help="Of an equaliser: sampling frequency; 48000.", show_default=False),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Of an equaliser: steps; 800.", show_default=False)
    ] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print the configuration; do nothing.")] = False,
    style: Annotated[Style, typer.Option("--progress", help="Progress as a bar or lines, or as JSON.")] = Style.auto,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a system as a configuration says, or fit an equaliser to a target curve; write a folder of results.

    Ctrl-C ends the run after its step and writes everything; a second one leaves at once.
    """
    equaliser = {name: value for name, value in (("bands", bands), ("fs", fs), ("steps", steps)) if value is not None}
    if resume is not None:
        if target is not None or sets or output or overwrite or seed is not None or equaliser or print_config:
            raise InputError("--resume DIR goes alone: the folder knows its configuration")
        _resume(resume, style, quiet)
    elif target is None:
        raise InputError("what is to be fitted? Give a configuration or a target; 'flamo fit --help' shows how")
    elif Path(target).suffix.lower() in CONFIG_SUFFIXES:
        if equaliser:
            option = next(iter(equaliser))
            raise InputError(f"--{option} is for targets of an equaliser; use --set KEY=VALUE with a configuration")
        from flamo.config.loading import load_config

        config = load_config(Path(target), sets, seed)
        if print_config:
            _print(config)
        else:
            _start(config, output or Path("runs") / Path(target).stem, overwrite, style, quiet)
    else:
        if sets:
            raise InputError("--set is for configurations; --print-config makes one of this target")
        equaliser |= {"seed": seed} if seed is not None else {}
        fit_target(target, equaliser, output, overwrite, print_config, style, quiet)


def _print(config: RunConfig) -> None:
    from flamo.run_folder import as_yaml

    typer.echo(as_yaml(config.resolved()), nl=False)


def _start(config: RunConfig, path: Path, overwrite: bool, style: Style, quiet: bool) -> None:
    from flamo.run_folder import RunFolder

    folder = RunFolder(path)
    folder.check_new(overwrite)
    _run(config, folder, False, style, quiet)


def _resume(path: Path, style: Style, quiet: bool) -> None:
    """Go on with an unfinished run, with its threads and unchanged inputs."""
    from flamo.config.loading import load_config
    from flamo.run_folder import CONFIG, RunFolder

    folder = RunFolder(path)
    record = folder.check_unfinished()
    if record["status"] == "finished":
        typer.echo(f"{path}: this run is finished; nothing is left to do", err=True)
        return
    config = load_config(folder / CONFIG)
    import torch

    torch.set_num_threads(int(record.get("threads", torch.get_num_threads())))
    _run(config, folder, True, style, quiet)


def _run(config: RunConfig, folder: RunFolder, resume: bool, style: Style, quiet: bool) -> None:
    from flamo.fit import fit

    command = shlex.join(["flamo", *sys.argv[1:]])
    with folder.locked(), stopped_by_signals() as stop:
        with progress(style, quiet) as bar:
            status = fit(config, folder, bar, stop, resume, command)
        record = folder.record
    if style is Style.json:
        emit("end", status=status, folder=str(folder.path), figures=record["figures"])
    elif not quiet:
        _summary(record)
        typer.echo(f"written to {_shown(folder.path)}")
    if status == "interrupted":
        typer.echo(f"flamo: interrupted after {record['steps']} steps; go on with: {resume_command(folder.path)}", err=True)
        raise typer.Exit(stop.exit_code)


def _summary(record: dict[str, Any]) -> None:
    """The figures of a run, one a line."""
    for name, figure in record["figures"].items():
        before, after = (f"{figure[when]:.4g}" if figure[when] is not None else "-" for when in ("before", "after"))
        typer.echo(f"{name}: {before} → {after} {figure['unit']}".rstrip())
    for note in record["notes"]:
        typer.echo(f"note: {note}")


def _shown(path: Path) -> str:
    """A path that any terminal can print."""
    return str(path).encode("utf-8", "replace").decode()
