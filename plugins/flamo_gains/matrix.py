"""Matrices of one structure."""

from __future__ import annotations

from collections.abc import Callable

import torch

from flamo.core.checks import choice
from flamo.core.constraints import Constraint, Identity
from flamo_gains.gain import Gain
from flamo_gains.structures import Hadamard, Orthogonal, Rotation, check_power_of_two

_STRUCTURES: dict[str, type[Constraint]] = {"orthogonal": Orthogonal, "hadamard": Hadamard, "rotation": Rotation}


class Matrix(Gain):
    r"""Matrix of gains of one structure: random, orthogonal, Hadamard or a rotation.

    - 'random': the parameter itself, :math:`H = P`.
    - 'orthogonal': :math:`H = \exp(U - U^T)` with the strict upper triangle U of ``param``.
    - 'hadamard': the normalised Sylvester Hadamard matrix, whatever ``param`` is.
    - 'rotation': the Kronecker product of :math:`\log_2 N` rotations :math:`[[\cos, \sin], [-\sin, \cos]]`, whose
      angles are the first elements of ``param`` in its first row.

    Args:
        size: (N_out, N_in), also the shape of ``param``; square for all but 'random'.
        nfft: number of FFT points of the system it stands in.
        map: applied to the parameter of a 'random' matrix; the others have a map of their own.
        matrix_type: 'random', 'orthogonal', 'hadamard' or 'rotation'.
        iter: accepted as in earlier versions; not used.
        requires_grad: whether ``param`` is learned.
        alias_decay_db: of the system it stands in; a matrix does not decay.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.

    Raises:
        ValueError: an unknown matrix_type; a size that is not square, or no power of two where it must be one.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: standard normal. Source: arXiv 2409.08723.

    >>> mixing = Matrix((4, 4), matrix_type="orthogonal", dtype=torch.float64)
    >>> h = mixing.map(mixing.param)
    >>> torch.allclose(h @ h.T, torch.eye(4, dtype=torch.float64))
    True
    """

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        nfft: int = 2048,
        map: Callable[[torch.Tensor], torch.Tensor] = Identity(),
        matrix_type: str = "random",
        iter: int = 1,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.matrix_type, self.iter = choice("matrix_type", matrix_type, ("random", *_STRUCTURES)), iter
        super().__init__(size, nfft, map, requires_grad, alias_decay_db, device, dtype)

    def initialize_class(self) -> None:
        self.matrix_gallery()
        super().initialize_class()

    def check_param_shape(self) -> None:
        super().check_param_shape()
        if self.matrix_type == "random":
            return
        n = self.size[-1]
        if self.size[0] != n:
            raise ValueError(f"a matrix of type {self.matrix_type!r} needs a square size, got {self.size}")
        if self.matrix_type != "orthogonal":
            check_power_of_two(f"a matrix of type {self.matrix_type!r}", n)

    def matrix_gallery(self) -> None:
        """Assign the map of the structure."""
        if self.matrix_type in _STRUCTURES:
            self.map = _STRUCTURES[self.matrix_type]()
