"""How far a run is: one bar on a terminal, a plain line now and then in a pipe, or an event of JSON a line."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import typer

EVERY_SECONDS = 30.0


class Style(StrEnum):
    """What ``--progress`` takes."""

    auto = "auto"
    json = "json"


class Silent:
    """Nothing at all."""

    def start(self, step: int, steps: int) -> None:
        """Told when the first step is about to begin."""

    def update(self, row: Mapping[str, Any], best: float) -> None:
        """Told of every step."""


class Lines(Silent):
    """A plain line every tenth of the steps, and every half minute, on stderr."""

    def start(self, step: int, steps: int) -> None:
        self.first, self.steps = step, steps
        self.begun = self.told = time.monotonic()

    def update(self, row: Mapping[str, Any], best: float) -> None:
        done, now = row["step"] + 1, time.monotonic()
        tenth = 10 * done // self.steps > 10 * (done - 1) // self.steps
        if not tenth and now - self.told < EVERY_SECONDS:
            return
        self.told = now
        rate = (done - self.first) / max(now - self.begun, 1e-9)
        left = (self.steps - done) / rate
        text = f"step {done}/{self.steps}: loss {_short(row['loss'])}, best {_short(best)}"
        typer.echo(f"{text}, {rate:.3g} steps/s, {_duration(left)} left", err=True)


class Events(Silent):
    """One JSON object a line on stdout."""

    def start(self, step: int, steps: int) -> None:
        emit("start", step=step, steps=steps)

    def update(self, row: Mapping[str, Any], best: float) -> None:
        emit("step", **row, best=best if math.isfinite(best) else None)


def emit(event: str, **values: Any) -> None:
    """Print one event."""
    typer.echo(json.dumps({"event": event, **values}))


class Bar(Silent):
    """One line on a terminal that is drawn again."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar

    def start(self, step: int, steps: int) -> None:
        self.task = self.bar.add_task("fitting", total=steps, completed=step, loss="", best="")

    def update(self, row: Mapping[str, Any], best: float) -> None:
        self.bar.update(self.task, completed=row["step"] + 1, loss=_short(row["loss"]), best=_short(best))


@contextmanager
def progress(style: Style, quiet: bool) -> Iterator[Silent]:
    """What a run reports to, for as long as it lasts."""
    if style is Style.json:
        yield Events()
    elif quiet:
        yield Silent()
    else:
        from rich.console import Console

        console = Console(stderr=True)
        if console.is_terminal:
            with _bar(console) as bar:
                yield Bar(bar)
        else:
            yield Lines()


def _bar(console: Any) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{task.speed:.3g} steps/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}, best {task.fields[best]}"),
        Rate(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _short(value: float) -> str:
    return f"{value:.4g}"


def _duration(seconds: float) -> str:
    """As 12 s, 3 min or 2.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
