"""``flamo fit``: a configuration or a target in, a folder of results out."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flamo.cli.options import Quiet, Set, Verbose
from flamo.cli.progress import Style, emit, progress
from flamo.cli.signals import stopped_by_signals
from flamo.errors import InputError

if TYPE_CHECKING:
    from flamo.config.loading import ConfigFile
    from flamo.run_folder import RunFolder

CONFIG_SUFFIXES = (".yaml", ".yml", ".json")


def fit(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONFIG | TARGET]",
            help="A configuration (.yaml, .yml, .json), or what an equaliser is to become: a CSV of frequency in Hz "
            "and a target in dB, or the example 'headphone'.",
            show_default=False,
        ),
    ] = None,
    sets: Set = None,
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
    of_equaliser = {n: v for n, v in (("bands", bands), ("fs", fs), ("steps", steps)) if v is not None}
    if resume is not None:
        if target is not None or sets or output or overwrite or seed is not None or of_equaliser or print_config:
            raise InputError("--resume DIR goes alone: the folder knows its configuration")
        _resume(resume, style, quiet)
        return
    if target is None:
        raise InputError("what is to be fitted? Give a configuration or a target; 'flamo fit --help' shows how")
    if Path(target).suffix.lower() not in CONFIG_SUFFIXES:
        file, name = _recipe(target, of_equaliser, sets or (), seed)
    elif of_equaliser:
        raise InputError(f"--{next(iter(of_equaliser))} is for targets of an equaliser; use --set with a configuration")
    else:
        from flamo.config.loading import load_config

        file, name = load_config(Path(target), sets or (), seed), Path(target).stem
    from flamo.run_folder import RunFolder, as_yaml

    folder = RunFolder(output or Path("runs") / name)
    if print_config:
        typer.echo(as_yaml(file.checked().resolved()), nl=False)
    else:
        folder.check_new(overwrite)
        _run(file, folder, False, style, quiet)


def _recipe(target: str, options: dict[str, int], sets: Sequence[str], seed: int | None) -> tuple[ConfigFile, str]:
    """The configuration that a target stands for, and the name of its folder."""
    from flamo.targets import find_target

    curve, file = find_target(target)
    from flamo.config.loading import changed
    from flamo.config.reading import Document
    from flamo.recipe import equaliser

    return changed(Document(target, equaliser(curve, str(file), **options)), sets, seed, Path()), curve.name


def _resume(path: Path, style: Style, quiet: bool) -> None:
    """Go on with an unfinished run, with its threads and unchanged inputs."""
    from flamo.config.loading import load_config
    from flamo.run_folder import CONFIG, RunFolder

    folder = RunFolder(path)
    record = folder.check_unfinished()
    if record["status"] == "finished":
        typer.echo(f"{path}: this run is finished; nothing is left to do", err=True)
        return
    import torch

    torch.set_num_threads(int(record.get("threads", torch.get_num_threads())))
    _run(load_config(folder / CONFIG), folder, True, style, quiet)


def _run(file: ConfigFile, folder: RunFolder, resume: bool, style: Style, quiet: bool) -> None:
    config = file.checked()
    from flamo.fit import fit

    command = shlex.join(["flamo", *sys.argv[1:]])
    with file.located(), folder.locked(), stopped_by_signals() as stop:
        with progress(style, quiet) as bar:
            status = fit(config, folder, bar, stop, resume, command)
        record = folder.record
    if style is Style.json:
        emit("end", status=status, folder=str(folder.path), figures=record["figures"])
    elif not quiet:
        _summary(record, folder)
    if status == "interrupted":
        typer.echo(f"flamo: interrupted after {record['steps']} steps; go on with: {record['resume']}", err=True)
        raise typer.Exit(stop.exit_code)


def _summary(record: dict[str, Any], folder: RunFolder) -> None:
    """The filters of an equaliser, the figures of a run one a line, and where everything is."""
    from flamo.run_folder import FILTERS_TEXT

    if (folder / FILTERS_TEXT).exists():
        typer.echo((folder / FILTERS_TEXT).read_text(encoding="utf-8"), nl=False)
    for name, figure in record["figures"].items():
        values = [f"{value:.4g}" for when in ("before", "after") if (value := figure.get(when)) is not None]
        typer.echo(f"{name}: {' → '.join(values)} {figure['unit']}".rstrip())
    for note in record["notes"]:
        typer.echo(f"note: {note}")
    typer.echo(f"written to {str(folder.path).encode('utf-8', 'replace').decode()}")
