"""Many equalisers at once: one least-squares problem for all, a folder of results for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from flamo import registry
from flamo.config.model import RunConfig, one_key
from flamo.core.stopping import EarlyStop
from flamo.environment import environment
from flamo.errors import FlamoError
from flamo.experiment import Experiment, make_experiment
from flamo.fit import Outcome, Progress, conclude, fit
from flamo.run_folder import METRICS, Metrics

AT_ONCE = 64  # targets in one batch


@dataclass
class Item:
    """One target in a batch: its system and its problem."""

    job: Any
    experiment: Experiment
    problem: Any

    @property
    def config(self) -> RunConfig:
        return self.experiment.config

    @property
    def alike(self) -> str:
        """The same for targets that make one batch."""
        config = self.config
        return json.dumps(
            [config.fs, config.system, config.optimizer, config.stop.model_dump(), config.seed, config.losses]
        )


def fit_all(
    jobs: Sequence[Any], overwrite: bool, command: str, progress: Progress, stopped: Callable[[], bool]
) -> Iterator[tuple[Any, str | None]]:
    """Carry out jobs, those that can be in batches; yields each with None or what went wrong.

    Args:
        jobs: each with a ``file``, a ConfigFile, and a ``folder``, a RunFolder.
        overwrite: whether earlier runs may be overwritten.
        command: what the reports say they were made by.
        progress: told of the steps of what cannot be in a batch.
        stopped: asked after every step whether to end; everything is written then, too.
    """
    items = []
    for job in jobs:
        try:
            job.folder.check_new(overwrite)
            config = job.file.checked()
            with job.file.located():
                experiment = make_experiment(config)
        except FlamoError as error:
            yield job, str(error)
            continue
        problem = experiment.least_squares() if one_key(config.optimizer)[0] == "lm" else None
        if problem is None:
            yield job, _told(lambda j=job, c=config: _alone(j, c, command, progress, stopped))  # type: ignore[misc]
        else:
            items.append(Item(job, experiment, problem))
    for batch in batches(items):
        yield from _batch(batch, command, stopped)


def batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Items that can be solved as one, so many at once."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.alike, []).append(item)
    for group in groups.values():
        yield from (group[first : first + AT_ONCE] for first in range(0, len(group), AT_ONCE))


def _told(action: Callable[[], Any]) -> str | None:
    try:
        action()
    except FlamoError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or 'its folder'}: cannot be written: {error.strerror or error}"
    return None


def _alone(job: Any, config: RunConfig, command: str, progress: Progress, stopped: Callable[[], bool]) -> None:
    with job.file.located(), job.folder.locked():
        fit(config, job.folder, progress, stopped, command=command)


def _batch(items: list[Item], command: str, stopped: Callable[[], bool]) -> Iterator[tuple[Any, str | None]]:
    """Solve what is alike, then write it."""
    before = [deepcopy(item.experiment.model) for item in items]
    outcome, rows = solve(items, stopped)
    for item, system, history in zip(items, before, rows, strict=True):
        yield item.job, _told(lambda i=item, s=system, h=history: _write(i, s, h, outcome, command))  # type: ignore[misc]


def solve(items: list[Item], stopped: Callable[[], bool]) -> tuple[Outcome, list[list[float]]]:
    """Put every system into its best state; how it ended, and the losses of each. A system stops as it does alone."""
    config = items[0].config
    problem = type(items[0].problem).stacked([item.problem for item in items])
    torch.manual_seed(config.seed)
    solver = registry.get("trainer", "lm").solver_of(problem, **one_key(config.optimizer)[1])
    patience = [EarlyStop(config.stop.patience or config.stop.steps + 1, config.stop.improvement) for _ in items]
    rows: list[list[float]] = [[] for _ in items]
    status, going = "finished", set(range(len(items)))
    while going and status == "finished" and solver.steps < config.stop.steps:
        losses = solver.best()[0].tolist()
        solver.step()
        status = "interrupted" if stopped() else "finished"
        x = solver.best()[1]
        for n in list(going):
            rows[n].append(losses[n])
            items[n].problem.assign(x[n])
            if patience[n](losses[n]):
                going.remove(n)
    return Outcome(status, solver.steps, solver.steps), rows


def _write(item: Item, before: Any, history: list[float], outcome: Outcome, command: str) -> None:
    folder = item.job.folder
    with folder.locked():
        folder.begin(item.config.resolved(), environment(command, item.experiment))
        metrics = Metrics(folder / METRICS, 0)
        name = next(iter(item.experiment.terms))
        for number, loss in enumerate(history):
            metrics.add({"step": number, "loss": loss, "losses": {name: loss}, "lr": 0.0})
        metrics.flush()
        metrics.close()
        conclude(item.experiment, before, folder, outcome)
