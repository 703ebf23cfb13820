"""Magnitudes are those of numpy in double precision, and so are their derivatives, for all numbers of float32."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flamo import dsp
from flamo.kernels import backend
from flamo.kernels import magnitude as kernel
from flamo.kernels.magnitude import Magnitudes, magnitude

FEW = [0.0, 1e-45, -1e-38, 1e-25, 1.0, -1e25, 3e38, float("inf"), float("nan")]


def spectrum(shape, seed=0, spread=40.0):
    """From the smallest to the largest numbers."""
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-spread, min(spread, 37.0), shape)
    return torch.tensor(size * np.exp(2j * np.pi * rng.uniform(size=shape)), dtype=torch.complex64)


@given(shape=st.lists(st.integers(0, 5), max_size=4), seed=st.integers(0, 99))
def test_values_and_gradients(version, shape, seed):
    spread = 40.0 if version == "fused" else 15.0  # torch's derivative of the smallest is not a number
    x = spectrum(tuple(shape), seed, spread).requires_grad_()
    y = magnitude(x)
    assert (y.shape, y.dtype) == (x.shape, torch.float32)
    exact = x.detach().to(torch.complex128).requires_grad_()
    np.testing.assert_allclose(y.detach(), exact.detach().abs(), rtol=2e-7, atol=1.5e-45)
    grad = torch.tensor(np.random.default_rng(seed).standard_normal(y.shape), dtype=torch.float32)
    (found,) = torch.autograd.grad(y, x, grad)
    (true,) = torch.autograd.grad(exact.abs(), exact, grad.double())
    np.testing.assert_allclose(found, true, rtol=0, atol=1e-6)


def test_every_pair_of_few(version):
    x = torch.complex(*torch.cartesian_prod(torch.tensor(FEW), torch.tensor(FEW)).T)
    part = x[~x.isnan()]
    exact = part.to(torch.complex128).abs().float()  # beyond the largest it is infinite
    np.testing.assert_allclose(magnitude(part), exact, rtol=2e-7, atol=1.5e-45)
    assert not magnitude(x[x.isnan()]).isfinite().any()


def test_zero_has_no_slope(version):
    x = torch.zeros(7, dtype=torch.complex64, requires_grad=True)
    magnitude(x).sum().backward()
    assert not x.grad.any()


def test_spectra_and_gradients_may_lie_in_memory_as_they_like(version, laid_out):
    grad = laid_out(spectrum((40, 3), 1, 1.0)).resolve_conj().real
    for x in (laid_out(spectrum((40, 3), spread=1.0)), spectrum((80, 5), spread=1.0)[::2, 1:4]):
        y, exact = magnitude(x.requires_grad_()), x.detach().resolve_conj().clone().requires_grad_()
        torch.testing.assert_close(y, exact.abs())
        (found,) = torch.autograd.grad(y, x, grad)
        torch.testing.assert_close(found.resolve_conj(), torch.autograd.grad(exact.abs(), exact, grad)[0])


def test_other_derivatives_are_those_of_torch(version):
    x = spectrum((6,), spread=1.0).requires_grad_()
    for one, other in ((magnitude, torch.abs), (lambda x: magnitude(x) ** 2, lambda x: torch.abs(x) ** 2)):
        slopes = [torch.autograd.grad(f(x).sum(), x, create_graph=True)[0] for f in (one, other)]
        torch.testing.assert_close(*(torch.autograd.grad(s.abs().sum(), x, allow_unused=True)[0] for s in slopes))
    torch.testing.assert_close(torch.vmap(magnitude)(x.detach()), x.detach().abs())
    torch.testing.assert_close(torch.func.jvp(magnitude, (x.detach(),), (x.detach(),))[1], x.detach().abs())


@pytest.fixture
def counted(version, monkeypatch):
    """The calls of the kernel, in a list."""
    calls, found = [], kernel.magnitude
    monkeypatch.setattr(kernel, "magnitude", lambda x: calls.append(x.shape) or found(x))
    return calls


@pytest.mark.parametrize(
    "layer",
    [torch.abs, lambda x: torch.abs(x), lambda x: x.abs(), lambda x: 20 * torch.log10(abs(x)), torch.absolute],
)
def test_layers_at_the_end_of_a_system_have_it(counted, layer):
    x = spectrum((1, 5, 2), spread=1.0)
    torch.testing.assert_close(dsp.Transform(layer)(x), layer(x))
    assert counted == [(1, 5, 2)]


def test_only_there(counted):
    def fails(x):
        raise KeyError

    x = spectrum((1, 5, 2), spread=1.0)
    with pytest.raises(KeyError):
        dsp.Transform(fails)(x)
    x.abs()
    dsp.Transform(torch.abs)(x.real)
    dsp.FFT(8)(x.real)
    assert counted == []
    with Magnitudes():
        assert torch.equal(torch.abs(x, out=torch.empty(1, 5, 2)), torch.abs(x))
        (-x.real).abs()
    assert backend.fused.given_up is False
