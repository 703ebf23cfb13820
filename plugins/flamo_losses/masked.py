"""Mean squared error on a part of the bins."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from flamo.core.checks import whole


class masked_mse_loss(nn.Module):
    r"""Mean squared error on a random part of the bins, another one in each call.

    .. math:: L = \frac{1}{B\,|S|\,N} \sum_{b,n} \sum_{f \in S} |\hat y_{bfn} - y_{bfn}|^2

    The sets S are ``n_sets`` random partitions of the bins into parts of ``n_samples``, drawn from torch's generator
    on the CPU; a part that would be smaller is left out. When all were used, they are drawn anew or used again. The
    sets and the place among them are in the state dict, so that training can be resumed.

    Args:
        nfft: number of FFT points.
        n_samples: bins in a part, at most nfft // 2 + 1.
        n_sets: partitions drawn at once.
        regenerate_mask: whether to draw anew when all parts were used.
        device: accepted as in earlier versions; the loss follows its arguments.

    Raises:
        TypeError, ValueError: arguments out of their range, another number of bins, shapes that do not fit.

    Shapes: prediction (B, F, N), target (B, F, N) or (B, F, 1) → scalar. Source: arXiv 2409.08723.

    >>> loss = masked_mse_loss(nfft=16, n_samples=3)
    >>> loss(torch.ones(1, 9, 2), torch.zeros(1, 9, 1))
    tensor(1.)
    >>> loss.mask_indices.shape, loss.i.item()
    (torch.Size([3, 3]), 0)
    """

    random = True  # another value in each call: one alone says little

    i: torch.Tensor
    mask_indices: torch.Tensor

    def __init__(
        self,
        nfft: int,
        n_samples: int,
        n_sets: int = 1,
        regenerate_mask: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.nfft, self.n_samples, self.n_sets = whole("nfft", nfft), n_samples, n_sets
        self.regenerate_mask, self.device = regenerate_mask, device
        self.register_buffer("mask_indices", self._drawn())
        self.register_buffer("i", torch.tensor(-1, device="cpu"))

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        bins = self.nfft // 2 + 1
        if y_pred.ndim < 3 or y_pred.shape[1] != bins or y_true.shape not in (y_pred.shape, (*y_pred.shape[:2], 1)):
            raise ValueError(
                f"masked_mse_loss: nfft={self.nfft} needs a prediction (B, {bins}, N) and a target of its shape or "
                f"(B, {bins}, 1), got {tuple(y_pred.shape)} and {tuple(y_true.shape)}"
            )
        selected = self._next().to(y_pred.device)
        return (y_pred[:, selected] - y_true[:, selected]).abs().square().mean()

    def _next(self) -> torch.Tensor:
        self.i = self.i + 1
        if self.i >= len(self.mask_indices):
            self.i = torch.zeros_like(self.i)
            if self.regenerate_mask:
                self.mask_indices = self._drawn().to(self.mask_indices.device)
        return self.mask_indices[self.i]

    def _drawn(self) -> torch.Tensor:
        return generate_partitions(torch.arange(self.nfft // 2 + 1, device="cpu"), self.n_samples, self.n_sets)


def generate_partitions(
    tensor: torch.Tensor, n_samples: int, n_sets: int, seed: int | None = None, is_verbose: bool = False
) -> torch.Tensor:
    """Random partitions of the elements of a tensor into parts of equal size.

    Args:
        tensor: (L,).
        n_samples: elements in a part; if they do not divide L, the last ones of a partition are left out.
        n_sets: number of partitions.
        seed: of a generator for this call; None draws from torch's own on the CPU.
        is_verbose: whether to warn of elements that are left out.

    Returns:
        (n_sets · ⌊L / n_samples⌋, n_samples).

    Raises:
        TypeError, ValueError: arguments out of their range, a tensor of several dimensions or shorter than a part.

    >>> generate_partitions(torch.arange(7), n_samples=3, n_sets=2, seed=0).shape
    torch.Size([4, 3])
    """
    if tensor.ndim != 1:
        raise ValueError(f"tensor must have one dimension, got shape {tuple(tensor.shape)}")
    if whole("n_samples", n_samples) > len(tensor):
        raise ValueError(f"n_samples must be at most {len(tensor)}, all there are, got {n_samples}")
    if is_verbose and (left := len(tensor) % n_samples):
        warnings.warn(f"{left} of {len(tensor)} elements are left out of each partition", stacklevel=2)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    used = len(tensor) // n_samples * n_samples
    orders = [
        torch.randperm(len(tensor), generator=generator, device="cpu")[:used] for _ in range(whole("n_sets", n_sets))
    ]
    return tensor[torch.cat(orders).to(tensor.device)].reshape(-1, n_samples)
