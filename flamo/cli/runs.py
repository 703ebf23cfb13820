"""Carrying out runs on the command line: one, one more time, or many."""

from __future__ import annotations

import math
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flamo.cli.progress import Silent, Style, emit, progress
from flamo.cli.signals import stopped_by_signals

if TYPE_CHECKING:
    from flamo.config.loading import ConfigFile
    from flamo.run_folder import RunFolder

SOME_FAILED = 4


@dataclass(frozen=True)
class Job:
    """A target or a configuration as it was named, what it stands for, and where its results go."""

    name: str
    file: ConfigFile
    folder: RunFolder


def command() -> str:
    """What was typed."""
    return shlex.join(["flamo", *sys.argv[1:]])


def resume_run(path: Path, style: Style, quiet: bool) -> None:
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
    run(load_config(folder / CONFIG), folder, True, style, quiet)


def run(file: ConfigFile, folder: RunFolder, resume: bool, style: Style, quiet: bool) -> None:
    """One run, and its summary."""
    config = file.checked()
    from flamo.fit import fit

    with file.located(), folder.locked(), stopped_by_signals() as stop:
        with progress(style, quiet) as bar:
            status = fit(config, folder, bar, stop, resume, command())
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
    typer.echo(f"written to {_shown(folder.path)}")


def run_all(jobs: list[Job], failed: dict[str, str], overwrite: bool, style: Style, quiet: bool) -> None:
    """Many equalisers in one batch; a table of all, and in the end what failed.

    Raises:
        typer.Exit: 4, some have failed; 130 or 143, stopped by a signal.
    """
    from flamo.batch import fit_all

    outcomes = dict(failed)
    with stopped_by_signals() as stop:
        for job, problem in fit_all(jobs, overwrite, command(), Silent(), stop):
            if problem:
                outcomes[job.name] = problem
            elif style is Style.json:
                emit("end", folder=str(job.folder.path), figures=job.folder.record["figures"])
    done = [job for job in jobs if job.name not in outcomes]
    if not quiet and style is not Style.json:
        _table(done)
    if stop():
        typer.echo("flamo: interrupted: the filters are those of the step that was under way", err=True)
    tell_failed(outcomes, len(done), stop.exit_code if stop() else SOME_FAILED)
    if stop():
        raise typer.Exit(stop.exit_code)


def tell_failed(outcomes: dict[str, str], done: int, exit_code: int = SOME_FAILED) -> None:
    """Name the targets that have failed, with the reasons.

    Raises:
        typer.Exit: there are some.
    """
    for name, problem in outcomes.items():
        typer.echo(f"flamo: {problem if problem.startswith(name) else f'{name}: {problem}'}", err=True)
    if outcomes:
        typer.echo(f"flamo: {len(outcomes)} of {done + len(outcomes)} targets failed", err=True)
        raise typer.Exit(exit_code)


def _table(jobs: list[Job]) -> None:
    """Errors of the filters (of the points where no filters are written), one target a line, and their means."""
    rows: list[tuple[str, ...]] = [("target", "rms/dB", "max/dB", "folder")]
    errors = [_errors(job.folder.record["figures"]) for job in jobs]
    rows += [
        (job.folder.path.name, *map(_three, e), _shown(job.folder.path)) for job, e in zip(jobs, errors, strict=True)
    ]
    if len(jobs) > 1:
        rows.append(("mean", *(_three(sum(values) / len(jobs)) for values in zip(*errors, strict=True)), ""))
    width = max(len(row[0]) for row in rows)
    for name, rms, largest, folder in rows:
        typer.echo(f"{name:<{width}}  {rms:>6}  {largest:>6}  {folder}".rstrip())


def _errors(figures: dict[str, Any]) -> tuple[float, float]:
    """RMS and maximum in dB; NaN for what was not measured."""
    known = {name: figure["after"] for name, figure in figures.items()}
    rms = known.get("error of the filters, rms", known.get("error at the points, rms", math.nan))
    return rms, known.get("error of the filters, maximum", math.nan)


def _three(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _shown(path: Path) -> str:
    return str(path).encode("utf-8", "replace").decode()
