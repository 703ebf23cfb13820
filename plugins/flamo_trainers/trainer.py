"""The classic trainer: epochs of Adam."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.utils.data import DataLoader

from flamo.core.stopping import EarlyStop
from flamo_trainers.criteria import Criteria, part
from flamo_trainers.engine import Step
from flamo_trainers.optimizers import advance, make


class Trainer(Criteria):
    """Gradient descent in epochs over a training and a validation set.

    Adam on the weighted sum of the registered criteria; the learning rate is multiplied by ``step_factor`` every
    ``step_size`` epochs. Training ends early after ``patience`` epochs in a row whose validation loss is not below
    (1 - patience_delta) times the best so far. The state at the lowest loss is kept: ``engine.load_best()`` goes back
    to it. A subclass may override each step, and replace ``optimizer`` and ``scheduler``.

    Args:
        net: the system, moved to ``device``.
        max_epochs: number of epochs at most.
        lr: learning rate.
        patience: epochs without improvement before training stops.
        patience_delta: the relative improvement that counts as one.
        step_size: epochs between two changes of the learning rate.
        step_factor: what the learning rate is multiplied by.
        log: whether to save the state dict of every epoch, ``checkpoints/model_e{n}.pt`` in train_dir.
        train_dir: where to; created when it is missing. None saves nothing.
        device: where to train.

    Raises:
        ValueError: max_epochs or patience below 1, a learning rate that is not positive; ``train`` without a criterion
            or without training data.
        NotFiniteError: from ``train``, where a loss or a gradient is not finite; the system is in its last good state.

    >>> from flamo import dsp
    >>> net = dsp.Gain((1, 1), nfft=8, requires_grad=True)
    >>> trainer = Trainer(net, max_epochs=3, lr=0.1)
    >>> trainer.register_criterion(nn.MSELoss())
    >>> pair = [(torch.ones(1, 5, 1), torch.zeros(1, 5, 1))]
    >>> trainer.train(pair, pair)                               # doctest: +ELLIPSIS
    epoch:   0 - train_loss: ...
    >>> len(trainer.train_loss)
    3
    """

    patience = part("stopping", "patience")
    patience_delta = part("stopping", "delta")
    best = part("stopping", "best")
    counter = part("stopping", "counter")

    def __init__(
        self,
        net: nn.Module,
        max_epochs: int = 10,
        lr: float = 1e-3,
        patience: int = 5,
        patience_delta: float = 0.01,
        step_size: int = 50,
        step_factor: float = 0.1,
        log: bool = True,
        train_dir: str | os.PathLike[str] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if max_epochs < 1 or patience < 1 or not lr > 0:
            raise ValueError(
                f"max_epochs and patience must be at least 1 and lr positive, got {max_epochs}, {patience}, {lr}"
            )
        groups = [{"params": list(net.to(device).parameters())}]  # frozen ones too: they may thaw
        schedule = {"step_size": step_size, "gamma": step_factor}
        optimizer, self.scheduler = make("adam", groups, {"lr": lr}, "step", schedule)
        super().__init__(net, optimizer, train_dir, device)
        self.stopping = EarlyStop(patience, patience_delta)
        self.max_epochs, self.lr, self.log = max_epochs, lr, log
        self._validates = True
        self.train_loss: list[float] = []
        self.valid_loss: list[float] = []
        self.train_loss_log: dict[str, list[float]] = {}
        self.valid_loss_log: dict[str, list[float]] = {}

    def register_criterion(self, criterion: nn.Module, alpha: float = 1, requires_model: bool = False) -> None:
        super().register_criterion(criterion, alpha, requires_model)
        self.train_loss_log[self.names[-1]], self.valid_loss_log[self.names[-1]] = [], []

    def train(self, train_dataset: DataLoader | Sequence, valid_dataset: DataLoader | Sequence = ()) -> None:
        """Train on loaders of (input, target); fills ``train_loss`` and ``valid_loss``, one value an epoch.

        Without validation data the training loss decides when to stop.
        """
        if not self.criterion:
            raise ValueError("nothing to train for: register a criterion first")
        if len(train_dataset) == 0:
            raise ValueError("the training set is empty")
        self.best, self.counter, self.engine.best_loss = math.inf, 0, math.inf
        self._validates = len(valid_dataset) > 0
        for epoch in range(self.max_epochs):
            start = time.perf_counter()
            self.train_loss.append(_mean(self.train_step(pair) for pair in train_dataset))
            if self._validates:
                self.valid_loss.append(_mean(self.valid_step(pair) for pair in valid_dataset))
            advance(self.scheduler, self._latest())
            self.print_results(epoch, time.perf_counter() - start)
            if self.log and self.train_dir is not None:
                self.save_model(epoch)
            self.engine.offer(self._latest(), epoch)
            if self.early_stop():
                break

    def train_step(self, data: Sequence[torch.Tensor]) -> float:
        """One step of the optimiser; returns the loss before it."""
        self.net.train()
        return self._logged(self.engine.descend(data), self.train_loss_log)

    def valid_step(self, data: Sequence[torch.Tensor]) -> float:
        """The loss of one batch."""
        self.net.eval()
        return self._logged(self.engine.measure(data), self.valid_loss_log)

    def _logged(self, step: Step, log: dict[str, list[float]]) -> float:
        for name, value in step.losses.items():
            log[name].append(value)
        return step.loss

    def early_stop(self, loss: float | None = None) -> bool:
        """Take the loss of an epoch, by default the last; whether ``patience`` of them in a row brought nothing."""
        return self.stopping(self._latest() if loss is None else loss)

    def _latest(self) -> float:
        """The loss that decides."""
        return (self.valid_loss if self._validates and self.valid_loss else self.train_loss)[-1]

    def print_results(self, e: int, e_time: float) -> None:
        """Print one line on an epoch."""
        print(get_str_results(epoch=e, train_loss=self.train_loss, valid_loss=self.valid_loss, time=e_time))

    def save_model(self, e: int) -> None:
        """Save the state dict of epoch e; a file that exists is replaced at once, never half-written."""
        self._save(e)


def get_str_results(
    epoch: int | None = None,
    train_loss: Sequence[float] | None = None,
    valid_loss: Sequence[float] | None = None,
    time: float | None = None,
) -> str:
    """The last results as one line; what is not given is left out.

    >>> get_str_results(epoch=1, train_loss=[0.5], time=2.0)
    'epoch:   1 - train_loss: 0.5000 - time: 2.0000 s'
    """
    parts = [f"epoch: {epoch:3d}"] if epoch is not None else []
    parts += [f"train_loss: {train_loss[-1]:6.4f}"] if train_loss else []
    parts += [f"test_loss: {valid_loss[-1]:6.4f}"] if valid_loss else []
    parts += [f"time: {time:6.4f} s"] if time is not None else []
    return " - ".join(parts)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
