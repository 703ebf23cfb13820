"""How sparse the feedback matrix of a network is."""

from __future__ import annotations

import difflib
from typing import Any, ClassVar

import torch
from torch import nn

PLACES = (
    "feedback_loop.feedback.mixing_matrix",
    "feedback_loop.feedback",
    "branchA.feedback_loop.feedback.mixing_matrix",
)


class sparsity_loss(nn.Module):
    r"""Sparsity of the feedback matrix: 0 where all entries have one magnitude, 1 for a permutation.

    .. math:: L = -\frac{\sum |A| - N \sqrt N}{N (\sqrt N - 1)}

    for orthogonal matrices A of N channels. A matrix of taps (L, N, N) has the mean over its taps. The predictions do
    not count.

    Args:
        of: dotted path of the feedback matrix in the model, or in its core where the model is a Shell. None takes the
            first of ``feedback_loop.feedback.mixing_matrix``, ``feedback_loop.feedback`` and
            ``branchA.feedback_loop.feedback.mixing_matrix`` that has a matrix.

    Raises:
        TypeError: a path that is no string.
        ValueError: there is nothing in that place; it has no square matrix of at least two channels.

    Shapes: A (N, N) or (L, N, N) → scalar. Source: arXiv 2409.08723.

    >>> from flamo import Matrix, parallelDelay, Recursion, Series
    >>> from collections import OrderedDict
    >>> loop = Recursion(parallelDelay((4,)), Matrix((4, 4), matrix_type="hadamard"))
    >>> abs(sparsity_loss()(None, None, Series(OrderedDict(feedback_loop=loop)))) < 1e-6
    tensor(True)
    """

    requires_model: ClassVar[bool] = True

    def __init__(self, of: str | None = None) -> None:
        super().__init__()
        if of is not None and not isinstance(of, str):
            raise TypeError(f"of must be a dotted path, got {of!r}")
        self.of = of

    def forward(self, y_pred: Any, y_target: Any, model: nn.Module) -> torch.Tensor:
        """The sparsity of the model's feedback matrix; y_pred and y_target may be anything."""
        matrix = self.matrix(model)
        n = matrix.shape[-1]
        if n < 2:
            raise ValueError("sparsity_loss: a matrix of one channel is neither sparse nor dense")
        total = matrix.abs().sum(dim=(-2, -1))
        return (-(total - n * n**0.5) / (n * (n**0.5 - 1))).mean()

    def matrix(self, model: nn.Module) -> torch.Tensor:
        """The mapped feedback matrix of a model."""
        core = getattr(model, "get_core", lambda: model)()
        if self.of is not None:
            matrix = _matrix_of(_part(model, core, self.of))
            if matrix is None:
                raise ValueError(f"sparsity_loss: {self.of!r} has no square matrix that is the same in every bin")
            return matrix
        parts = dict(core.named_modules())
        for place in PLACES:
            if place in parts and (matrix := _matrix_of(parts[place])) is not None:
                return matrix
        raise ValueError(
            f"sparsity_loss: found no feedback matrix at {', '.join(PLACES)}; say where it is, of='…', one of "
            f"{', '.join(filter(None, parts)) or 'no parts'}"
        )


def _part(model: nn.Module, core: nn.Module, path: str) -> nn.Module:
    parts = dict(core.named_modules()) | dict(model.named_modules())
    if path not in parts:
        nearest = difflib.get_close_matches(path, parts, n=1, cutoff=0.3) or sorted(parts)
        raise ValueError(f"sparsity_loss: the model has no part {path!r}; did you mean {nearest[0]!r}?")
    return parts[path]


def _matrix_of(module: Any) -> torch.Tensor | None:
    """The mapped parameter where that is a matrix, else the response where that is one in every bin."""
    if hasattr(module, "map") and hasattr(module, "param"):
        value = module.map(module.param)
        if value.ndim in (2, 3) and value.shape[-1] == value.shape[-2]:
            return value
    if hasattr(module, "response"):
        response = module.response()
        if response.constant and response.input_channels == response.output_channels:
            return response.full()[0, 0]
    return None
