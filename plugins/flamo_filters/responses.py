"""Frequency responses of sections from their coefficients."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from flamo.core.grid import FrequencyGrid
from flamo.kernels.sections import cascade


def stable_cascade_response(
    B: torch.Tensor, A: torch.Tensor, dim: int, out_dtype: torch.dtype | None = None
) -> torch.Tensor:
    r"""The response of cascaded sections from the responses of their polynomials, :math:`\prod_k B_k / A_k`.

    Multiplied section by section in double precision, so that no product of numerators or denominators alone runs out
    of range.

    Args:
        B, A: responses of numerators and denominators, complex, of one shape.
        dim: the axis of the sections.
        out_dtype: complex type of the result; None is that of B.

    >>> B = torch.full((1, 20), 1e-3 + 0j)
    >>> stable_cascade_response(B, B, dim=1)                                  # where B.prod() is 0 in float32
    tensor([1.+0.j])
    """
    return (B.to(torch.complex128) / A.to(torch.complex128)).prod(dim).to(out_dtype or B.dtype)


def biquad2tf(b: torch.Tensor, a: torch.Tensor, nfft: int) -> torch.Tensor:
    """The response of cascaded sections on the grid of a real FFT.

    Args:
        b, a: coefficients, (3, K, …), or (3,) of one section; a need not be normalised.
        nfft: number of FFT points.

    Returns:
        (nfft // 2 + 1, …), complex.

    Raises:
        ValueError: coefficients of other shapes.

    >>> b, a = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([1.0, -0.5, 0.0])
    >>> biquad2tf(b, a, nfft=2).real
    tensor([2.0000, 0.6667])
    """
    if b.shape != a.shape or b.shape[:1] != (3,):
        raise ValueError(f"b and a must both be (3, K, …) or (3,), got {tuple(b.shape)} and {tuple(a.shape)}")
    return _response(b if b.ndim > 1 else b[:, None], a if a.ndim > 1 else a[:, None], FrequencyGrid(nfft).points())


def sosfreqz(sos: torch.Tensor, nfft: int = 512) -> torch.Tensor:
    """The response of cascaded sections in scipy's order, on the grid of a real FFT.

    Args:
        sos: (K, 6), rows b0, b1, b2, a0, a1, a2.
        nfft: number of FFT points.

    Returns:
        (nfft // 2 + 1,), complex.

    Raises:
        ValueError: sos of another shape.

    >>> sosfreqz(torch.tensor([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]]), nfft=2).real
    tensor([2.0000, 0.6667])
    """
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError(f"sos must be (K, 6), got {tuple(sos.shape)}")
    b, a = sos.T.split(3)
    return biquad2tf(b, a, nfft)


def probe_sos(
    sos: torch.Tensor,
    control_freqs: Sequence[float] | torch.Tensor,
    nfft: int,
    fs: int,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Magnitudes of single sections at chosen frequencies, evaluated there, and their responses on the grid.

    Args:
        sos: (6, bands), one section a column.
        control_freqs: frequencies in Hz, (P,).
        nfft: number of FFT points of the grid.
        fs: sampling frequency in Hz.
        device: of the result; None follows sos.
        dtype: of the result.

    Returns:
        Magnitudes in dB, (P, bands); responses, (nfft // 2 + 1, bands), complex; angular frequencies of the grid in
        radians per sample, (nfft // 2 + 1, bands).

    Raises:
        ValueError: sos of another shape.

    >>> gain_db, _, _ = probe_sos(torch.tensor([[10.0], [0.0], [0.0], [1.0], [0.0], [0.0]]), [100.0], 8, 48000)
    >>> gain_db
    tensor([[20.]])
    """
    if sos.ndim != 2 or sos.shape[0] != 6:
        raise ValueError(f"sos must be (6, bands), got {tuple(sos.shape)}")
    b, a = sos.to(device or sos.device, torch.float64)[:, None].split(3)  # each (3, 1, bands)
    omega = 2 * math.pi * torch.as_tensor(control_freqs, dtype=torch.float64, device=b.device) / fs
    at_points = _response(b, a, torch.polar(torch.ones_like(omega), -omega))
    on_grid = _response(b, a, FrequencyGrid(nfft).points())
    grid_omega = 2 * math.pi / nfft * torch.arange(len(on_grid), dtype=torch.float64, device=b.device)
    gain_db = 20 * torch.log10(at_points.abs())
    return gain_db.to(dtype), on_grid.to(dtype.to_complex()), grid_omega[:, None].expand(on_grid.shape).to(dtype)


def _response(b: torch.Tensor, a: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """(3, K, …) → (F, …), in the precision of the coefficients."""
    wide = (c.to(torch.float64).flatten(2) if c.ndim > 2 else c.to(torch.float64)[..., None] for c in (b, a))
    return cascade(*wide, w.to(b.device), b.dtype.to_complex()).reshape(len(w), *b.shape[2:])
