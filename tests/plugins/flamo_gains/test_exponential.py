"""Rotations by eigenvalues: against scipy, with all derivatives, wherever eigenvalues meet."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from flamo_gains.exponential import LARGE, skew_exponential
from flamo_gains.structures import skew_matrix


def skew(n, scale=1.0, seed=0, batch=(), dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return skew_matrix(scale * torch.randn(*batch, n, n, dtype=dtype, generator=generator))


@given(n=st.integers(0, 12), scale=st.sampled_from([0.0, 1e-9, 1.0, 30.0]), seed=st.integers(0, 99))
def test_it_is_the_exponential(n, scale, seed):
    s = skew(n, scale, seed)
    np.testing.assert_allclose(skew_exponential(s), expm(s.numpy()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [2, LARGE, LARGE + 1])
def test_single_precision_loses_nothing_but_its_own_digits(n):
    s = skew(n, dtype=torch.float32)
    h = skew_exponential(s)
    assert h.dtype == s.dtype
    np.testing.assert_allclose(h, expm(s.double().numpy()), rtol=0, atol=1e-7 if n <= LARGE else 1e-5)


def meeting(n):
    """A skew-symmetric matrix of which all eigenvalues are 0, ±1 or ±1 + 1e-9."""
    s = torch.zeros(n, n, dtype=torch.float64)
    for i in range(0, n - 1, 2):
        s[i, i + 1] = 1.0 + 1e-9 * (i == 2)
    return s - s.T


@pytest.mark.parametrize("s", [skew(1), skew(4), skew(5, batch=(2, 3)), torch.zeros(3, 3).double(), meeting(7)])
def test_derivatives_are_those_of_the_exponential(s):
    """In all directions, also out of the skew-symmetric matrices."""
    s, grad = s.clone().requires_grad_(), torch.randn_like(s)
    (found,) = torch.autograd.grad(skew_exponential(s), s, grad)
    (exact,) = torch.autograd.grad(torch.linalg.matrix_exp(s), s, grad)
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-12)


def test_second_derivatives():
    raw = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: skew_exponential(skew_matrix(x)), raw)
    assert torch.autograd.gradgradcheck(lambda x: skew_exponential(skew_matrix(x)), raw)


def test_batches_by_vmap_and_forward_derivatives():
    s, t = skew(4, batch=(3,)), skew(4, seed=1)
    torch.testing.assert_close(torch.vmap(skew_exponential)(s), skew_exponential(s))
    _, along = torch.func.jvp(skew_exponential, (s[0],), (t,))
    _, exact = torch.func.jvp(torch.linalg.matrix_exp, (s[0],), (t,))
    torch.testing.assert_close(along, exact)


def test_what_is_not_finite_stays_so():
    """A step too far in training: no error, and the loss tells."""
    s = skew(3).fill_diagonal_(0)
    s[0, 1], s[1, 0] = float("nan"), float("nan")
    s.requires_grad_()
    h = skew_exponential(s)
    h.sum().backward()
    assert h.isnan().any()
    assert s.grad.isnan().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_lies_in_memory_of_its_own(dtype):
    s = skew(4, dtype=dtype).requires_grad_()
    h = skew_exponential(s)
    assert h.is_contiguous()
    h.mul_(2.0)
    (found,) = torch.autograd.grad(h.sum(), s)
    (exact,) = torch.autograd.grad(2.0 * torch.linalg.matrix_exp(s).sum(), s)
    torch.testing.assert_close(found, exact)


def test_complex_matrices_are_left_to_torch():
    s = skew(3) + 1j * skew(3, seed=1)
    np.testing.assert_allclose(skew_exponential(s), expm(s.numpy()), rtol=0, atol=1e-12)
