"""``flamo fit``: a target curve in, filters out."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from flamo.cli.options import Verbose

if TYPE_CHECKING:
    from flamo.fit import Fit

Report = Callable[[int, float], None]  # of steps done and the error in dB


def fit(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A CSV of frequency in Hz and a target in dB, or the example 'headphone'.",
            show_default=False,
        ),
    ],
    bands: Annotated[int, typer.Option(min=1, max=64, help="Filters: a low shelf, peaks, a high shelf.")] = 10,
    fs: Annotated[int, typer.Option(min=1000, max=10_000_000, help="Sampling frequency in Hz.")] = 48000,
    steps: Annotated[int, typer.Option(min=1, max=1_000_000, help="Steps of the optimiser.")] = 800,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the random starting points.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for the results; runs/TARGET by default.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write into a folder that is not a run's.")] = False,
    verbose: Verbose = False,
) -> None:
    """Fit a parametric equaliser to a target curve and write a folder of results.

    The folder holds the filters (filters.json, filters.txt), a plot (fit.png), the errors (metrics.json) and the
    parameters (model.safetensors). Ctrl-C ends the fit early and writes what was reached.
    """
    from flamo.run_folder import check_folder, filter_table, write_run
    from flamo.targets import find_target

    curve = find_target(target)
    folder = output or Path("runs") / curve.name
    check_folder(folder, overwrite)
    from flamo import plot  # noqa: F401  heavy, and loaded only now: mistakes are reported at once
    from flamo.fit import BAND, fit_eq

    with _progress(steps) as report, _stopped_by_ctrl_c(report) as report_or_stop:
        result = fit_eq(curve, bands, fs, steps, seed, report_or_stop)
        write_run(result, folder)
    left_out = len(curve.frequency) - len(result.target.frequency)
    if left_out:
        typer.echo(f"{left_out} points at or above fs/2 = {fs / 2:g} Hz left out")
    typer.echo(filter_table(result), nl=False)
    _print_errors(result, "all of the target", 0.0, float("inf"))
    _print_errors(result, f"{BAND[0]:g} Hz to {BAND[1] / 1000:g} kHz", *BAND)
    typer.echo(f"written to {str(folder).encode('utf-8', 'replace').decode()}")
    if result.interrupted:
        typer.echo("flamo: interrupted: this is what was reached", err=True)
        raise typer.Exit(130)


@contextmanager
def _stopped_by_ctrl_c(report: Report) -> Iterator[Report]:
    """Ctrl-C is obeyed when a step is reported, and only then: nothing else is ever cut in two."""
    pressed = Event()

    def report_or_stop(step: int, error: float) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        report(step, error)

    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield report_or_stop
    finally:
        signal.signal(signal.SIGINT, before)


def _print_errors(fit: Fit, where: str, low: float, high: float) -> None:
    rms, largest = fit.errors(low, high)
    if rms == rms:  # a number: the target has points there
        typer.echo(f"error, {where}: rms {rms:.3f} dB, maximum {largest:.3f} dB")


@contextmanager
def _progress(steps: int) -> Iterator[Report]:
    """A bar on a terminal, elsewhere a plain line every tenth; on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(steps)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("fitting", total=steps)
        yield lambda n, error: bar.update(task, completed=n, description=f"fitting, error {error:.3f} dB")


def _lines(steps: int) -> Report:
    start = time.perf_counter()

    def report(step: int, error: float) -> None:
        nonlocal start
        if step == 0:
            start = time.perf_counter()  # what went before was loading
        elif 10 * step // steps > 10 * (step - 1) // steps:
            left = (time.perf_counter() - start) / step * (steps - step)
            typer.echo(f"step {step}/{steps}: error {error:.3f} dB, {left:.0f} s left", err=True)

    return report
