"""The exponential of a skew-symmetric matrix, which is a rotation."""

from __future__ import annotations

from typing import Any

import torch

from flamo.kernels import backend

LARGE = 64  # rows beyond which eigenvalues take longer than products of matrices


def skew_exponential(skew: torch.Tensor) -> torch.Tensor:
    r"""exp(S) of skew-symmetric matrices, by the eigenvalues of the Hermitian matrix :math:`j S = V \Lambda V^H`:

    .. math:: e^S = V e^{-j \Lambda} V^H, \quad
        \partial S = V \left( \bar\Phi \circ (V^H G\, V) \right) V^H, \quad
        \Phi_{ik} = e^{-j (\lambda_i + \lambda_k) / 2}\, \mathrm{sinc} \frac{\lambda_i - \lambda_k}{2}

    with sinc x = sin(x) / x, for the gradient G of the result. In float64 whatever the type of S, of which the lower
    triangle is read. Large or complex matrices, those on other devices and derivatives of derivatives are left to
    ``torch.linalg.matrix_exp``.

    Shapes: (…, N, N) → (…, N, N). Source: the derivative is by J. L. Daleckii and S. G. Krein; see N. J. Higham,
    Functions of Matrices, SIAM 2008, theorem 3.11.

    >>> quarter = torch.tensor([[0.0, -torch.pi / 2], [torch.pi / 2, 0.0]])
    >>> skew_exponential(quarter).round() + 0.0
    tensor([[ 0., -1.],
            [ 1.,  0.]])
    """
    fits = skew.is_cpu and not skew.is_complex() and 0 < skew.shape[-1] <= LARGE
    return _Exponential.apply(skew) if fits and not backend.transformed(skew) else torch.linalg.matrix_exp(skew)


class _Exponential(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, skew: torch.Tensor) -> torch.Tensor:
        try:
            values, vectors = torch.linalg.eigh(1j * skew.double())
        except torch.linalg.LinAlgError:  # numbers that are not finite: they go on as such
            ctx.save_for_backward(skew)
            return torch.linalg.matrix_exp(skew)
        ctx.save_for_backward(skew, values, vectors)
        return _real((vectors * _turned(values)[..., None, :]) @ vectors.mH, skew.dtype)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        skew, *eigen = ctx.saved_tensors
        if not eigen or torch.is_grad_enabled() or backend.transformed(grad):
            (found,) = backend.gradients(torch.linalg.matrix_exp, (skew,), (True,), grad)
            return found  # type: ignore[return-value]
        values, vectors = eigen
        half = values / 2
        sums, differences = half[..., :, None] + half[..., None, :], half[..., :, None] - half[..., None, :]
        weights = _turned(-sums) * torch.sinc(differences / torch.pi)
        inner = vectors.mH @ grad.to(vectors.dtype) @ vectors
        return _real(vectors @ (weights * inner) @ vectors.mH, skew.dtype)


def _real(matrix: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """In memory of its own: a part of a complex tensor could not be edited."""
    return matrix.real.to(dtype, memory_format=torch.contiguous_format, copy=True)


def _turned(angles: torch.Tensor) -> torch.Tensor:
    """e^(-j angle)."""
    return torch.polar(torch.ones_like(angles), -angles)
