"""Structured matrices out of unstructured parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from flamo.core.constraints import Constraint
from flamo_gains.exponential import skew_exponential


def skew_matrix(X: torch.Tensor) -> torch.Tensor:
    """The skew-symmetric matrix of a strict upper triangle, U - Uᵀ; (…, N, N) in and out.

    >>> skew_matrix(torch.ones(2, 2))
    tensor([[ 0.,  1.],
            [-1.,  0.]])
    """
    upper = X.triu(1)
    return upper - upper.mT


def check_power_of_two(what: str, n: int) -> None:
    """Raise ValueError where n is none."""
    if n < 1 or n & (n - 1):
        raise ValueError(f"{what} needs a size that is a power of two, got {n}")


def sylvester(n: int) -> torch.Tensor:
    """The normalised Sylvester Hadamard matrix, (n, n) in float64.

    Raises:
        ValueError: n is no power of two.

    >>> sylvester(1).item()
    1.0
    """
    from scipy.linalg import hadamard  # here, since scipy takes as long to import as the rest of flamo

    check_power_of_two("a Hadamard matrix", n)
    return torch.from_numpy(hadamard(n) / math.sqrt(n))


def rotation(angles: torch.Tensor) -> torch.Tensor:
    """The Kronecker product of plane rotations: (…, P) angles in radians → (…, 2^P, 2^P).

    >>> rotation(torch.zeros(2)).equal(torch.eye(4))
    True
    """
    total = torch.ones((*angles.shape[:-1], 1, 1), dtype=angles.dtype, device=angles.device)
    for angle in angles.unbind(-1):
        cos, sin = torch.cos(angle), torch.sin(angle)
        plane = torch.stack((torch.stack((cos, sin), -1), torch.stack((-sin, cos), -1)), -2)
        total = _kronecker(total, plane)
    return total


class HadamardMatrix(nn.Module):
    """The normalised Sylvester Hadamard matrix as a map: (N, N), whatever goes in.

    Args:
        N: size, a power of two.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.

    Raises:
        ValueError: N is no power of two.

    >>> HadamardMatrix(4)(torch.zeros(4, 4))[0]
    tensor([0.5000, 0.5000, 0.5000, 0.5000])
    """

    def __init__(self, N: int, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.N = N
        matrix = sylvester(N).to(device or torch.get_default_device(), dtype)
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.matrix


class RotationMatrix(nn.Module):
    """A rotation of size N out of log2 N angles, as a map.

    Args:
        N: size, a power of two.
        min_angle, max_angle: where the angles are cut off, in radians.
        iter: accepted as in earlier versions; not used.
        device, dtype: accepted as in earlier versions; those of the angles count.

    Raises:
        ValueError: N is no power of two, or fewer angles than log2 N.

    Shapes: angles (≥ log2 N,), or (…, N, N) with the angles first in the first row → (…, N, N).

    >>> RotationMatrix(2)(torch.tensor([0.0]))
    tensor([[1., 0.],
            [-0., 1.]])
    """

    def __init__(
        self,
        N: int,
        min_angle: float = 0,
        max_angle: float = math.pi / 4,
        iter: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        check_power_of_two("a rotation", N)
        self.N, self.min_angle, self.max_angle, self.iter = N, min_angle, max_angle, iter

    def forward(self, theta: torch.Tensor) -> torch.Tensor:
        planes = self.N.bit_length() - 1
        angles = theta if theta.ndim == 1 else theta[..., 0, :]
        if angles.shape[-1] < planes:
            raise ValueError(f"a rotation of size {self.N} needs {planes} angles, got {angles.shape[-1]}")
        return rotation(angles[..., :planes].clamp(self.min_angle, self.max_angle))


@dataclass(frozen=True)
class Orthogonal(Constraint):
    r"""The matrix exponential of a skew-symmetric matrix: a rotation without reflection.

    >>> Orthogonal()(torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return skew_exponential(skew_matrix(raw))

    elementwise = False

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        """The strict upper triangle of a real logarithm of one orthogonal matrix of determinant 1.

        From the real Schur form: rotations in planes, and pairs of -1, which are half turns.
        """
        matrix = value.detach().cpu().double().numpy()
        n = len(matrix)
        if not np.allclose(matrix @ matrix.T, np.eye(n), atol=1e-4) or np.linalg.det(matrix) < 0:
            raise ValueError("value is not an orthogonal matrix of determinant 1")
        from scipy.linalg import schur

        form, basis = schur(matrix, output="real")
        log, turned = np.zeros((n, n)), []
        for i in range(n):
            if i + 1 < n and abs(form[i + 1, i]) > 1e-12:
                log[i + 1, i] = np.arctan2(form[i + 1, i], (form[i, i] + form[i + 1, i + 1]) / 2)
            elif form[i, i] < 0 and (i == 0 or abs(form[i, i - 1]) <= 1e-12):
                turned.append(i)
        log[turned[1::2], turned[0::2]] = np.pi
        return torch.from_numpy(np.triu(basis @ (log - log.T) @ basis.T, 1)).to(value)


@dataclass(frozen=True)
class Hadamard(Constraint):
    """The normalised Sylvester Hadamard matrix; nothing is learned.

    >>> Hadamard()(torch.zeros(1, 1))
    tensor([[1.]])
    """

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return sylvester(raw.shape[-1]).to(raw).expand(raw.shape)

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        raise ValueError("a Hadamard matrix cannot be set to another one")


@dataclass(frozen=True)
class Rotation(Constraint):
    """The Kronecker product of plane rotations, one angle each.

    >>> Rotation()(torch.full((2, 2), torch.pi / 2)).round()
    tensor([[-0.,  1.],
            [-1., -0.]])
    """

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        return rotation(raw[..., 0, : raw.shape[-1].bit_length() - 1])

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        raise ValueError("a rotation cannot be set from a matrix; assign its angles")


def _kronecker(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The Kronecker product of the last two dimensions."""
    n = a.shape[-1] * b.shape[-1]
    return torch.einsum("...ij,...kl->...ikjl", a, b).reshape(*a.shape[:-2], n, n)
