"""Levels of cascades: against scipy, and their derivatives against automatic differentiation."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from flamo.core import rbj
from flamo.kernels.levels import levels


def designed(value):
    """Coefficients (6, K, T, S) of peaks from ω, α and A of shape (3, K, T, S)."""
    return torch.cat(rbj.peaking(*value))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(0, 2**31))
def test_levels_are_those_of_scipy_and_derivatives_those_of_autograd(K, T, S, F, seed):
    rng = np.random.default_rng(seed)
    value = torch.as_tensor(
        np.stack([rng.uniform(s, e, (K, T, S)) for s, e in ((0.01, 3.0), (0.05, 2.0), (0.3, 3.0))])
    ).requires_grad_()
    omega = rng.uniform(0.0, math.pi, (T, F))
    coefficients = designed(value)
    slopes = torch.zeros(3, 6, K, T, S, dtype=torch.float64)
    for n in range(6):
        (grad,) = torch.autograd.grad(coefficients[n].sum(), value, retain_graph=True)
        slopes[:, n] = grad
    level, slope = levels(coefficients.detach(), slopes, torch.as_tensor(np.sin(omega / 2) ** 2))
    assert slope.shape == (T, S, 3 * K, F)
    for t in range(T):
        for s in range(S):
            sos = coefficients.detach()[:, :, t, s].T.numpy()
            expected = 20 * np.log10(np.abs(signal.freqz_sos(sos / sos[:, 3:4], omega[t])[1]))
            np.testing.assert_allclose(level[t, s], expected, atol=1e-8)
    w = torch.exp(-1j * torch.as_tensor(omega))[:, None]  # (T, 1, F)
    b, a = (torch.stack([c[n] for n in range(3)])[..., None] for c in (coefficients[:3], coefficients[3:]))
    h = ((b[0] + b[1] * w + b[2] * w * w) / (a[0] + a[1] * w + a[2] * w * w)).prod(0)  # (T, S, F)
    by_autograd = torch.stack(
        [torch.autograd.grad(20 * h[..., f].abs().log10().sum(), value, retain_graph=True)[0] for f in range(F)], -1
    )
    torch.testing.assert_close(slope, by_autograd.permute(2, 3, 1, 0, 4).reshape(T, S, 3 * K, F), rtol=1e-6, atol=1e-6)
