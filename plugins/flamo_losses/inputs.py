"""What losses take: checked, and laid out so that each channel is on its own."""

from __future__ import annotations

import torch


def channels_of(name: str, y_pred: torch.Tensor, y_true: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two signals (B, T, N, …) as (N, B, T) in at least float32.

    Raises:
        ValueError: they are complex, have other shapes than each other or fewer than three dimensions.

    >>> channels_of("mss_loss", torch.ones(1, 8, 2), torch.ones(1, 8, 1))
    Traceback (most recent call last):
    ...
    ValueError: mss_loss: prediction and target must be signals of one shape (B, T, N), got (1, 8, 2) and (1, 8, 1)
    """
    _check_shapes(name, "signals", "(B, T, N)", y_pred, y_true)
    if y_pred.is_complex() or y_true.is_complex():
        raise ValueError(f"{name}: prediction and target must be real signals in time, got a complex one")
    first, second = (y.flatten(2).movedim(2, 0).to(_at_least_float32(y)) for y in (y_pred, y_true))
    return first, second


def spectra_of(name: str, y_pred: torch.Tensor, y_true: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two spectra (B, F, N, …), real or complex, in at least float32.

    Raises:
        ValueError: they have other shapes than each other, fewer than three dimensions or fewer than two bins.
    """
    _check_shapes(name, "spectra", "(B, F, N)", y_pred, y_true)
    if y_pred.shape[1] < 2:
        raise ValueError(f"{name}: a spectrum must have at least 2 bins, got shape {tuple(y_pred.shape)}")
    return y_pred.to(_at_least_float32(y_pred)), y_true.to(_at_least_float32(y_true))


def unit_energy(x: torch.Tensor) -> torch.Tensor:
    """Signals (N, B, T), each channel divided by the root of its energy over all items; silence stays silent."""
    return x / nonzero(torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True))


def nonzero(x: torch.Tensor) -> torch.Tensor:
    """x, with ones where it is zero: what can be divided by."""
    return torch.where(x == 0, 1.0, x)


def _check_shapes(name: str, what: str, shape: str, y_pred: torch.Tensor, y_true: torch.Tensor) -> None:
    if y_pred.shape != y_true.shape or y_pred.ndim < 3 or not y_pred.numel():
        raise ValueError(
            f"{name}: prediction and target must be {what} of one shape {shape}, "
            f"got {tuple(y_pred.shape)} and {tuple(y_true.shape)}"
        )


def _at_least_float32(x: torch.Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)
