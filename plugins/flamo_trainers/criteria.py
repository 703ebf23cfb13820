"""What the trainers have in common: weighted criteria of a prediction and a target, and saved states."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from flamo_trainers.engine import Engine


def part(owner: str, name: str) -> property:
    """An attribute that lives in a part, under a name of its own."""
    return property(
        lambda self: getattr(getattr(self, owner), name),
        lambda self, value: setattr(getattr(self, owner), name, value),
    )


class Criteria:
    """The weighted criteria of a training, and the engine that makes them small.

    Args:
        net: the system, moved to ``device``.
        optimizer: of torch; may be replaced at any time.
        train_dir: where states are saved.
        device: where to train.
    """

    optimizer = part("engine", "optimizer")

    def __init__(
        self,
        net: nn.Module,
        optimizer: Optimizer,
        train_dir: str | os.PathLike[str] | None,
        device: torch.device | str,
    ) -> None:
        self.net, self.train_dir, self.device = net.to(device), train_dir, device
        self.engine = Engine(net, self._terms, optimizer=optimizer)
        self.criterion: list[Any] = []
        self.alpha: list[float] = []
        self.requires_model: list[bool] = []
        self.names: list[str] = []

    def register_criterion(self, criterion: nn.Module, alpha: float = 1, requires_model: bool = False) -> None:
        """Add ``alpha`` times a criterion of (prediction, target), or (prediction, target, net), to the loss.

        A criterion whose attribute ``requires_model`` is true gets the net in any case. Each has a log of its own,
        under the name of its class; further ones of a class are numbered.
        """
        kind = type(criterion).__name__
        count = sum(type(other).__name__ == kind for other in self.criterion)
        self.names.append(kind if count == 0 else f"{kind}_{count + 1}")
        self.criterion.append(criterion.to(self.device) if isinstance(criterion, nn.Module) else criterion)
        self.alpha.append(alpha)
        self.requires_model.append(requires_model or getattr(criterion, "requires_model", False))

    def _values(self, data: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Every criterion, without its weight."""
        inputs, targets = self.move_to_device(data)
        pair = (self.net(inputs), targets)
        each = zip(self.names, self.criterion, self.requires_model, strict=True)
        return {name: criterion(*pair, self.net) if whole else criterion(*pair) for name, criterion, whole in each}

    def _terms(self, data: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        each = zip(self.alpha, self._values(data).items(), strict=True)
        return {name: v if alpha == 1 else alpha * v for alpha, (name, v) in each}

    def move_to_device(self, data: Any) -> Any:
        """A tensor, or each of several."""
        return data.to(self.device) if isinstance(data, torch.Tensor) else [item.to(self.device) for item in data]

    def get_train_dir(self) -> Path:
        """The folder of this training, created when it is missing."""
        if self.train_dir is None:
            raise ValueError(f"this {type(self).__name__} was made without a train_dir")
        folder = Path(self.train_dir)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _save(self, number: int) -> None:
        """Save the state dict; a file that exists is replaced at once, never half-written."""
        folder = self.get_train_dir() / "checkpoints"
        folder.mkdir(exist_ok=True)
        partial = folder / f".model_e{number}.pt.partial"
        torch.save(self.net.state_dict(), partial)
        partial.replace(folder / f"model_e{number}.pt")
