"""Decibels, magnitudes and eigenvalues, hertz and radians."""

from __future__ import annotations

import math

import torch


def db2mag(dB: torch.Tensor | float) -> torch.Tensor | float:
    r"""Decibels as magnitude: :math:`10^{dB/20}`.

    >>> round(db2mag(6.0), 4)
    1.9953
    """
    return 10 ** (dB / 20)


def mag2db(mag: torch.Tensor) -> torch.Tensor:
    r"""Magnitude, real or complex, in decibels: :math:`20 \log_{10}|mag|`.

    >>> mag2db(torch.tensor([1.0, -10.0]))
    tensor([ 0., 20.])
    """
    return 20 * torch.log10(torch.abs(mag))


def hertz2rad(hertz: torch.Tensor, fs: int) -> torch.Tensor:
    r"""Frequency in Hz as radians per sample: :math:`2\pi f / f_s`.

    >>> hertz2rad(torch.tensor(12000.0), 48000) / torch.pi
    tensor(0.5000)
    """
    return 2 * math.pi * hertz / fs


def rad2hertz(rad: torch.Tensor, fs: int) -> torch.Tensor:
    """Radians per sample as frequency in Hz; inverse of :func:`hertz2rad`.

    >>> rad2hertz(hertz2rad(torch.tensor(1000.0), 48000), 48000)
    tensor(1000.)
    """
    return rad * fs / (2 * math.pi)


def get_magnitude(x: torch.Tensor) -> torch.Tensor:
    """Magnitude.

    >>> get_magnitude(torch.tensor([3.0 + 4.0j]))
    tensor([5.])
    """
    return torch.abs(x)


def get_eigenvalues(x: torch.Tensor) -> torch.Tensor:
    """Eigenvalues of square matrices (…, N, N): (…, N), complex.

    >>> get_eigenvalues(torch.diag(torch.tensor([3.0, 2.0]))).real
    tensor([3., 2.])
    """
    return torch.linalg.eigvals(x)


def get_frequency_samples(
    num: int, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    r"""``num`` points :math:`z = e^{j\omega}` evenly from ω = 0 to π, complex.

    >>> get_frequency_samples(3).real.round()
    tensor([ 1., 0., -1.])
    """
    angle = torch.linspace(0.0, math.pi, num, dtype=torch.float64, device=device)
    return torch.polar(torch.ones_like(angle), angle).to(dtype.to_complex())
