"""Fitting the level of an equaliser to curves in dB: residuals, their exact Jacobian, and where to start."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from flamo.kernels.levels import levels
from flamo_filters.apart import apart
from flamo_filters.pursuit import pursue
from flamo_filters.sections import SectionFilter


class LevelFit:
    r"""The least-squares problem of an equaliser of one channel and T curves, for S attempts at each at once.

    .. math:: r_i = \sqrt{w_i} \Big(L(f_i) - t_i - \sum_j w_j \big(L(f_j) - t_j\big)\Big), \quad \sum_i w_i = 1

    where the sum over j, the free gain, is only there if asked for; so the sum of squares is the weighted mean square
    error in dB².

    Args:
        eq: an equaliser whose parameters (K, P, …) each belong to one section.
        frequency: of the points in Hz, below fs/2, (T, F).
        target: in dB, (T, F).
        weight: of every point, (T, F); 0 leaves a point out.
        remove_mean: whether a broadband gain is free.
        name: of the loss that this is.
    """

    def __init__(
        self,
        eq: SectionFilter,
        frequency: torch.Tensor,
        target: torch.Tensor,
        weight: torch.Tensor,
        remove_mean: bool = False,
        name: str = "level",
    ) -> None:
        self.parts = {name: slice(frequency.shape[1]), "bands apart": slice(frequency.shape[1], None)}
        self.eq, self.target, self.frequency = eq, target, frequency
        self.root = (weight / weight.sum(1, keepdim=True)).sqrt()[:, None]  # (T, 1, F), of unit norm
        self.phi = torch.sin(math.pi * frequency / eq.fs) ** 2
        self.remove_mean = remove_mean

    @classmethod
    def stacked(cls, fits: Sequence[LevelFit]) -> LevelFit:
        """Problems of equalisers that are alike as one; short curves are filled with points that do not count."""
        points = max(fit.target.shape[1] for fit in fits)
        rows = [(fit.frequency, fit.target, fit.root[:, 0].square()) for fit in fits]
        filled = [
            torch.cat([F.pad(row[n], (0, points - row[n].shape[1]), value=1.0 if n == 0 else 0.0) for row in rows])
            for n in range(3)
        ]
        return cls(fits[0].eq, *filled, remove_mean=fits[0].remove_mean, name=next(iter(fits[0].parts)))

    def linearise(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Residuals (T, S, R) and their derivatives (T, S, N, R) of raw parameters (T, S, N), N = K·P: those of the
        points, then those of :func:`~flamo_filters.apart.apart`."""
        T, S, N = x.shape
        K, P = self.eq.param.shape[:2]
        value, slope = self._values(x.reshape(T * S, K, P).permute(1, 2, 0))
        coefficients, slopes = self._coefficients(value)
        shape = (6, K, T, S)
        slopes = (slopes * slope.movedim(1, 0)[:, None]).reshape(P, *shape)
        level, jacobian = levels(coefficients.reshape(shape), slopes, self.phi)
        pairs, by_frequency, by_gain = apart(value[:, 0], value[:, 2])
        by_pairs = torch.stack((by_frequency, torch.zeros_like(by_gain), by_gain), 2) * slope  # (pairs, K, 3, M)
        residuals = (self.weighted(level - self.target[:, None]), pairs.T.reshape(T, S, -1))
        jacobians = (self.weighted(jacobian), by_pairs.permute(3, 1, 2, 0).reshape(T, S, N, -1))
        return torch.cat(residuals, -1), torch.cat(jacobians, -1)

    def weighted(self, error: torch.Tensor) -> torch.Tensor:
        """Errors in dB (T, S, …, F) times the roots of the weights, without their mean if the gain is free."""
        root = self.root if error.ndim == 3 else self.root[:, None]
        scaled = error * root
        if self.remove_mean:
            scaled.sub_(root * (root * scaled).sum(-1, keepdim=True))
        return scaled

    @torch.no_grad()
    def errors(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """Level minus target in dB of the only curve, (S, F), for frequencies, Qs and gains (K, S, 1)."""
        value = torch.stack([values[name] for name in ("frequency", "q", "gain_db")], 1).to(self.target)
        coefficients = torch.cat(self.eq.sections(value)).movedim(-1, 2)  # (6, K, 1, S)
        return levels(coefficients, coefficients.new_zeros(0, *coefficients.shape), self.phi)[0][0] - self.target

    def _values(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Frequency, Q and gain of raw parameters (K, P, M), and their derivatives, each by its own."""
        with torch.enable_grad():
            leaf = raw.detach().requires_grad_()
            value = self.eq.map(leaf[..., None])[..., 0]
            (slope,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), slope

    def _coefficients(self, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of values (K, P, M): coefficients (6, K, M) and their derivatives (P, 6, K, M).

        One backward pass gives all: six copies, and of the n-th only the n-th coefficient counts.
        """
        K, P, M = value.shape
        copies = value.repeat(1, 1, 6).requires_grad_()
        with torch.enable_grad():
            b, a = self.eq.sections(copies[..., None])
            coefficients = torch.cat((b, a)).reshape(6, K, 6, M)
            (slopes,) = torch.autograd.grad(coefficients.diagonal(dim1=0, dim2=2).sum(), copies)
        return coefficients[:, :, 0].detach(), slopes.reshape(K, P, 6, M).permute(1, 2, 0, 3)

    def starts(self, count: int) -> torch.Tensor:
        """Raw parameters to start from, (T, count, N): greedy choices of bands, all but the first from random halves
        of the candidates."""
        values = pursue(self, count)  # (K, P, T·count)
        raw = self.eq.map.inverse(values[..., None])[..., 0].clamp(-3.5, 3.5)
        return raw.permute(2, 0, 1).reshape(len(self.target), count, -1)

    @torch.no_grad()
    def assign(self, flat: torch.Tensor) -> None:
        """Put the equaliser into a state (N,)."""
        self.eq.param.copy_(flat.reshape(self.eq.param.shape))
