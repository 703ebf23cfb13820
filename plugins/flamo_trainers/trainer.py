"""The classic trainer: epochs of Adam."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader


class Trainer:
    """Gradient descent in epochs over a training and a validation set.

    Adam on the weighted sum of the registered criteria; the learning rate is multiplied by ``step_factor`` every
    ``step_size`` epochs. Training ends early after ``patience`` epochs in a row whose validation loss is not below
    (1 - patience_delta) times the best so far; a loss that is not finite counts as no improvement.

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
        self.net = net.to(device)
        self.max_epochs, self.lr, self.patience, self.patience_delta = max_epochs, lr, patience, patience_delta
        self.log, self.train_dir, self.device = log, train_dir, device
        self.optimizer = torch.optim.Adam(net.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size, step_factor)
        self.criterion: list[nn.Module] = []
        self.alpha: list[float] = []
        self.requires_model: list[bool] = []
        self.names: list[str] = []
        self.train_loss: list[float] = []
        self.valid_loss: list[float] = []
        self.train_loss_log: dict[str, list[float]] = {}
        self.valid_loss_log: dict[str, list[float]] = {}
        self.best = float("inf")
        self.counter = 0

    def register_criterion(self, criterion: nn.Module, alpha: float = 1, requires_model: bool = False) -> None:
        """Add ``alpha`` times a criterion of (prediction, target), or (prediction, target, net), to the loss.

        Each has a log of its own, under the name of its class; further ones of a class are numbered.
        """
        kind = type(criterion).__name__
        count = sum(type(other).__name__ == kind for other in self.criterion)
        name = kind if count == 0 else f"{kind}_{count + 1}"
        self.criterion.append(criterion.to(self.device) if isinstance(criterion, nn.Module) else criterion)
        self.alpha.append(alpha)
        self.requires_model.append(requires_model)
        self.names.append(name)
        self.train_loss_log[name], self.valid_loss_log[name] = [], []

    def train(self, train_dataset: DataLoader | Sequence, valid_dataset: DataLoader | Sequence = ()) -> None:
        """Train on loaders of (input, target); fills ``train_loss`` and ``valid_loss``, one value an epoch.

        Without validation data the training loss decides when to stop.
        """
        if not self.criterion:
            raise ValueError("nothing to train for: register a criterion first")
        if len(train_dataset) == 0:
            raise ValueError("the training set is empty")
        self.best, self.counter = float("inf"), 0
        for epoch in range(self.max_epochs):
            start = time.perf_counter()
            self.train_loss.append(_mean(self.train_step(pair) for pair in train_dataset))
            if len(valid_dataset):
                self.valid_loss.append(_mean(self.valid_step(pair) for pair in valid_dataset))
            self.scheduler.step()
            self.print_results(epoch, time.perf_counter() - start)
            if self.log and self.train_dir is not None:
                self.save_model(epoch)
            if self.early_stop((self.valid_loss if len(valid_dataset) else self.train_loss)[-1]):
                break

    def train_step(self, data: Sequence[torch.Tensor]) -> float:
        """One step of the optimiser; returns the loss before it."""
        self.net.train()
        self.optimizer.zero_grad()
        loss = self._loss(data, self.train_loss_log)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def valid_step(self, data: Sequence[torch.Tensor]) -> float:
        """The loss of one batch."""
        self.net.eval()
        return self._loss(data, self.valid_loss_log).item()

    def _loss(self, data: Sequence[torch.Tensor], log: dict[str, list[float]]) -> torch.Tensor:
        inputs, targets = self.move_to_device(data)
        estimations = self.net(inputs)
        total = torch.zeros((), device=estimations.device)
        criteria = zip(self.names, self.alpha, self.criterion, self.requires_model, strict=True)
        for name, alpha, criterion, requires_model in criteria:
            arguments = (estimations, targets, self.net) if requires_model else (estimations, targets)
            value = alpha * criterion(*arguments)
            log[name].append(value.item())
            total = total + value
        return total

    def move_to_device(self, data: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [item.to(self.device) for item in data]

    def early_stop(self, loss: float | None = None) -> bool:
        """Take the loss of an epoch, by default the last; whether ``patience`` of them in a row brought nothing."""
        loss = (self.valid_loss or self.train_loss)[-1] if loss is None else loss
        needed = self.best - self.patience_delta * abs(self.best) if math.isfinite(self.best) else self.best
        self.best, self.counter = (loss, 0) if loss < needed else (self.best, self.counter + 1)
        return self.counter >= self.patience

    def print_results(self, e: int, e_time: float) -> None:
        """Print one line on an epoch."""
        print(get_str_results(epoch=e, train_loss=self.train_loss, valid_loss=self.valid_loss, time=e_time))

    def get_train_dir(self) -> Path:
        """The folder of this training, created when it is missing."""
        if self.train_dir is None:
            raise ValueError("this Trainer was made without a train_dir")
        folder = Path(self.train_dir)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def save_model(self, e: int) -> None:
        """Save the state dict of epoch e; a file that exists is replaced at once, never half-written."""
        folder = self.get_train_dir() / "checkpoints"
        folder.mkdir(exist_ok=True)
        partial = folder / f".model_e{e}.pt.partial"
        torch.save(self.net.state_dict(), partial)
        partial.replace(folder / f"model_e{e}.pt")


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
