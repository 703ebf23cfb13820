"""Descent by signs, as a trainer of epochs: what flamo.protocols.Trainer asks, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

Pairs = Iterable[tuple[torch.Tensor, torch.Tensor]]


class SignDescent:
    r"""Descent by the sign of the gradient.

    .. math:: P \leftarrow P - \eta\,\mathrm{sign}(\partial L / \partial P)

    Args:
        net: the system.
        max_epochs: number of epochs.
        lr: step size η.

    Raises:
        ValueError: max_epochs below 1, lr not positive; ``train`` without a criterion.

    Source: M. Riedmiller and H. Braun, RPROP, 1993, without its adaptation.

    >>> net = nn.Linear(1, 1)
    >>> trainer = SignDescent(net, max_epochs=2)
    >>> trainer.register_criterion(nn.MSELoss())
    >>> trainer.train([(torch.ones(1, 1), torch.zeros(1, 1))])
    >>> len(trainer.train_loss)
    2
    """

    def __init__(self, net: nn.Module, max_epochs: int = 10, lr: float = 1e-3) -> None:
        if max_epochs < 1 or not lr > 0:
            raise ValueError(f"max_epochs must be at least 1 and lr positive, got {max_epochs} and {lr}")
        self.net, self.max_epochs, self.lr = net, max_epochs, lr
        self.criteria: list[tuple[Callable[..., torch.Tensor], float, bool]] = []
        self.train_loss: list[float] = []
        self.valid_loss: list[float] = []

    def register_criterion(
        self, criterion: Callable[..., torch.Tensor], alpha: float = 1, requires_model: bool = False
    ) -> None:
        """Add a weighted criterion; one that requires the model gets it as its third argument."""
        self.criteria.append((criterion, alpha, requires_model))

    def train(self, train_dataset: Pairs, valid_dataset: Pairs = ()) -> None:
        """Train on pairs of input and target; the losses of each epoch go to ``train_loss`` and ``valid_loss``."""
        if not self.criteria:
            raise ValueError("nothing to train for: register a criterion first")
        for _ in range(self.max_epochs):
            self.train_loss.append(_mean(self.step(*pair) for pair in train_dataset))
            with torch.no_grad():
                self.valid_loss.append(_mean(self.loss(*pair).item() for pair in valid_dataset))

    def step(self, x: torch.Tensor, target: torch.Tensor) -> float:
        """One step; returns the loss before it."""
        learned = [p for p in self.net.parameters() if p.requires_grad]
        loss = self.loss(x, target)
        gradients = torch.autograd.grad(loss, learned, allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(learned, gradients, strict=True):
                if gradient is not None:
                    parameter -= self.lr * gradient.sign()
        return loss.item()

    def loss(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The weighted sum of the criteria."""
        y = self.net(x)
        terms = [alpha * c(y, target, *([self.net] if asks else [])) for c, alpha, asks in self.criteria]
        return torch.stack(terms).sum()


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / max(len(listed), 1)
