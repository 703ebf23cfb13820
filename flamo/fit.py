"""One training run: from a configuration to a folder of results, from the beginning or from where it was left."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from flamo import registry
from flamo.checkpoints import Checkpoints
from flamo.config.model import RunConfig, one_key
from flamo.config.names import stepper
from flamo.core.shell import Shell
from flamo.core.stopping import EarlyStop
from flamo.environment import environment, now
from flamo.errors import ConfigError, FlamoError, InputError, InputWarning, NotFiniteError, Problem
from flamo.experiment import Experiment, make_experiment
from flamo.report import write_report
from flamo.results import write_results
from flamo.run_folder import CHECKPOINTS, METRICS, RUN, Metrics, RunFolder, as_json

Status = Literal["finished", "interrupted"]


class Progress(Protocol):
    """What shows how far a run is."""

    def start(self, step: int, steps: int) -> None:
        """``step`` steps of ``steps`` are behind."""

    def update(self, row: Mapping[str, Any], best: float) -> None:
        """A step is done; ``row`` is its line in metrics.jsonl."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended: after how many steps, the best of which, with what error, in what time."""

    status: str
    steps: int
    best_step: int
    error: str | None = None
    seconds: float = 0.0


class Run:
    """A run under way.

    Args:
        experiment: what is trained; its system as built is kept for the comparison in the end.
        folder: where everything goes.
        progress: told of every step.
        stopped: asked after every step whether to end.
    """

    def __init__(
        self, experiment: Experiment, folder: RunFolder, progress: Progress, stopped: Callable[[], bool]
    ) -> None:
        self.experiment, self.folder, self.progress, self.stopped = experiment, folder, progress, stopped
        self.config = experiment.config
        self.before = deepcopy(experiment.model)
        stop = self.config.stop
        patience = stop.patience or stop.steps + 1
        drawn = any(getattr(term.criterion, "random", False) for term in experiment.terms.values())
        self.patience = EarlyStop(patience, stop.improvement, window=patience if drawn else 1)
        self.engine = make_engine(experiment, {"patience": self.patience})
        self.checkpoints = Checkpoints(folder / CHECKPOINTS, self.config.checkpoints.keep)

    def restore(self) -> None:
        """Go back to the newest checkpoint that is whole; without one, stay at the beginning."""
        loaded = self.checkpoints.latest()
        if loaded is not None:
            for damaged in loaded.damaged:
                warnings.warn(f"{damaged} is damaged; going on from {loaded.path.name}", InputWarning, stacklevel=2)
            self.engine.restore(loaded.tensors, loaded.data)

    def go(self) -> Status:
        """Train until the last step, until there is no more improvement, or until told to stop."""
        metrics = Metrics(self.folder / METRICS, self.engine.step_number)
        self.progress.start(self.engine.step_number, self.config.stop.steps)
        try:
            return self._steps(metrics)
        finally:
            with suppress(OSError):  # what could not be written has been told already
                metrics.close()

    def _steps(self, metrics: Metrics) -> Status:
        while self.engine.step_number < self.config.stop.steps and self.patience.counter < self.patience.patience:
            step = self.engine.step()
            row = {"step": step.number, "loss": step.loss, "losses": step.losses, "lr": step.lr}
            metrics.add(row)
            self.patience(step.loss)
            self.progress.update(row, self.engine.best_loss)
            stopped = self.stopped()
            if stopped or self.engine.step_number % self.config.checkpoints.every == 0:
                self._keep(metrics)
            if stopped:
                return "interrupted"
        self._keep(metrics)
        return "finished"

    def _keep(self, metrics: Metrics) -> None:
        """Write a checkpoint, after the metrics that lead to it."""
        metrics.flush()
        self.checkpoints.save(self.engine.step_number, *self.engine.state())


def make_engine(experiment: Experiment, stateful: Mapping[str, Any] = {}) -> Any:
    """The engine that a configuration asks for.

    Args:
        experiment: what is trained.
        stateful: what belongs to a checkpoint beside the losses.

    Raises:
        ConfigError: an option that it does not take.
    """
    config = experiment.config
    optimizer, options = one_key(config.optimizer)
    held = {**experiment.stateful, **stateful}
    if (own := stepper(optimizer)) is not None:
        try:
            return own(experiment.model, experiment, stateful=held, **options)
        except (ValueError, TypeError) as error:
            raise ConfigError([Problem(("optimizer",), str(error))]) from error
    schedule, schedule_options = one_key(config.schedule) if config.schedule else (None, {})
    try:
        return registry.get("trainer", "descent")(
            experiment.model,
            experiment,
            optimizer=optimizer,
            options=options,
            groups=config.groups,
            schedule=schedule,
            schedule_options=schedule_options,
            clip=config.clip,
            stateful=held,
        )
    except (ValueError, TypeError) as error:
        key = "groups" if config.groups else "optimizer"  # whose options alone were tried before
        raise ConfigError([Problem((key,), str(error))]) from error


def fit(
    config: RunConfig,
    folder: RunFolder,
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
    resume: bool = False,
    command: str = "",
) -> Status:
    """Train what a configuration says, and write the folder.

    Args:
        config: as resolved.
        folder: where to; checked before.
        progress: told of every step.
        stopped: asked after every step whether to end; everything is written then, too.
        resume: whether to go on from the newest checkpoint.
        command: what the report says it was made by.

    Raises:
        InputError: something named by the configuration cannot be used.
        NotFiniteError: a loss or gradient was not finite; the folder holds the best state before.
        FlamoError: the folder cannot be written; what was written before is whole.
    """
    run = Run(make_experiment(config), folder, progress, stopped)
    if resume:
        run.restore()
        folder.update(status="running", error=None)
    else:
        folder.begin(config.resolved(), environment(command, run.experiment))
    start = time.monotonic()
    try:
        return _to_the_end(run, start)
    except (OSError, InputError) as error:  # the latter from saving the model
        reason = getattr(error, "strerror", None) or error
        message = f"{folder.path}: cannot be written: {reason}; what was written before is whole"
        with suppress(OSError):
            folder.update(status="failed", error=message)
        raise FlamoError(f"{message}; go on with: {folder.record.get('resume')}") from error


def _to_the_end(run: Run, start: float) -> Status:
    try:
        status = run.go()
    except NotFiniteError as error:
        _end(run, start, "failed", str(error))
        raise
    _end(run, start, status)
    return status


def _end(run: Run, start: float, status: str, error: str | None = None) -> None:
    """Write the results of the best state."""
    if run.engine.best_step >= 0:
        run.engine.load_best()
    outcome = Outcome(status, run.engine.step_number, run.engine.best_step, error, time.monotonic() - start)
    conclude(run.experiment, run.before, run.folder, outcome)


def conclude(experiment: Experiment, before: Shell, folder: RunFolder, outcome: Outcome) -> None:
    """Write the results of a trained system, and last of all what became of its run.

    Args:
        experiment: with the system in its best state.
        before: the system as it was built.
        folder: begun before.
        outcome: how it ended.
    """
    record = {**folder.record, "status": outcome.status, "error": outcome.error, "ended": now()}
    record["seconds"] = round(record.get("seconds", 0.0) + outcome.seconds, 3)
    record |= {"steps": outcome.steps, "best_step": outcome.best_step}
    record |= {"notes": list(experiment.wanted.notes), "figures": {}}
    if outcome.best_step >= 0:
        record["figures"], notes = write_results(experiment, before, folder)
        record["notes"] += notes
    write_report(folder.path, record)
    folder.write(RUN, as_json(record))
