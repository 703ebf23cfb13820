"""The classic trainer for one pair of input and target."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim import LBFGS

from flamo.core.checks import whole
from flamo.core.stopping import EarlyStop
from flamo_trainers.criteria import Criteria, part
from flamo_trainers.optimizers import make


class EagerTrainer(Criteria):
    """Gradient descent on a single pair of input and target, step by step.

    The learning rate is multiplied by ``step_factor`` every ``step_size`` steps (``lbfgs`` keeps it: its line search
    chooses the step). Training ends early after ``patience`` steps in a row whose loss is not below (1 - tol) times
    the lowest so far.

    Args:
        net: the system, moved to ``device``.
        max_steps: number of steps at most.
        lr: learning rate.
        optimizer: ``adam``, ``lbfgs``, ``adamw`` or ``sgd``.
        step_size: steps between two changes of the learning rate.
        step_factor: what the learning rate is multiplied by.
        tol: the relative improvement that counts as one.
        patience: steps without improvement before training stops.
        log: whether to show the progress.
        train_dir: where states are saved; created when it is missing.
        save_checkpoints: whether to save the state dict after every step, ``checkpoints/model_e{n}.pt`` in train_dir.
        device: where to train.

    Raises:
        ValueError: max_steps or patience below 1, an unknown optimiser, a value it refuses; ``save_checkpoints``
            without a train_dir; ``optimize`` without a criterion.
        NotFiniteError: from ``optimize``, where a loss or a gradient is not finite; the system is in its last good
            state.

    >>> from flamo import dsp
    >>> net = dsp.Gain((1, 1), nfft=8, requires_grad=True)
    >>> trainer = EagerTrainer(net, max_steps=100, lr=0.1, log=False)
    >>> trainer.register_criterion(nn.MSELoss())
    >>> history = trainer.optimize(torch.ones(1, 5, 1), torch.zeros(1, 5, 1))
    >>> history["total"][-1] < history["total"][0], list(history)
    (True, ['total', 'MSELoss'])
    """

    scheduler = part("engine", "schedule")
    patience = part("stopping", "patience")
    tol = part("stopping", "delta")

    def __init__(
        self,
        net: nn.Module,
        max_steps: int = 1000,
        lr: float = 1e-3,
        optimizer: str = "adam",
        step_size: int = 2000,
        step_factor: float = 0.1,
        tol: float = 1e-6,
        patience: int = 10,
        log: bool = True,
        train_dir: str | os.PathLike[str] | None = None,
        save_checkpoints: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        self.max_steps, self.lr = whole("max_steps", max_steps), lr
        self.stopping = EarlyStop(patience, tol)
        if save_checkpoints and train_dir is None:
            raise ValueError("save_checkpoints needs a train_dir")
        name = self.optimizer_name = optimizer.lower()
        groups = [{"params": list(net.to(device).parameters())}]  # frozen ones too: they may thaw
        schedule = None if name == "lbfgs" else "step"
        made = make(name, groups, {"lr": lr}, schedule, {"step_size": step_size, "gamma": step_factor})
        super().__init__(net, made[0], train_dir, device)
        self.scheduler = made[1]
        self.log, self.save_checkpoints = log, save_checkpoints
        self.loss_history: dict[str, list[float]] = {}

    def optimize(self, input: torch.Tensor, target: torch.Tensor) -> dict[str, list[float]]:
        """Train until the losses stay or ``max_steps`` are made.

        Returns:
            The history, one value a step: ``total``, and each criterion by its name, without its weight. They belong
            to the parameters before the step; with ``lbfgs`` to those after it.
        """
        if not self.criterion:
            raise ValueError("nothing to train for: register a criterion first")
        self.loss_history = {"total": [], **{name: [] for name in self.names}}
        self.stopping.best = self.engine.best_loss = math.inf
        self.stopping.counter = 0
        start = time.perf_counter()
        with self._progress() as advance:
            for step in range(self.max_steps):
                loss = self._step((input, target))
                advance(loss)
                if self.save_checkpoints:
                    self.save_model(step)
                if self._settled(loss):
                    break
        if self.log:
            print(f"Optimization time: {time.perf_counter() - start:.3f}s")
        return self.loss_history

    def _step(self, data: tuple[torch.Tensor, torch.Tensor]) -> float:
        loss = self.engine.step(data).loss
        if isinstance(self.optimizer, LBFGS):
            reached = self.engine.measure(data)
            self.engine.offer(loss := reached.loss, reached.number)
        self.loss_history["total"].append(loss)
        for name, value in self._last.items():
            self.loss_history[name].append(float(value))
        return loss

    def _settled(self, loss: float) -> bool:
        done = self.stopping(loss)
        self.stopping.best = min(self.stopping.best, loss)  # slow progress that adds up does not count, as it never has
        if done and self.log:
            print(f"Plateau reached at step {len(self.loss_history['total']) - 1}.")
        return done

    def _values(self, data: Sequence[torch.Tensor]) -> dict[str, Any]:
        values = super()._values(data)
        self._last = {name: torch.as_tensor(value).detach() for name, value in values.items()}
        return values

    @contextmanager
    def _progress(self) -> Iterator[Callable[[float], None]]:
        """A bar on stderr; what it gives takes the loss of each step."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        loss = TextColumn("loss: {task.fields[loss]:.6f}")
        columns = (TextColumn("Optimizing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), loss)
        with Progress(*columns, console=Console(stderr=True), disable=not self.log) as bar:
            task = bar.add_task("", total=self.max_steps, loss=math.nan)
            yield lambda value: bar.update(task, advance=1, loss=value)

    def save_model(self, step: int) -> None:
        """Save the state dict after a step; a file that exists is replaced at once, never half-written."""
        self._save(step)
