"""Sections that are smooth over a block of bins are computed at a few nodes: float32 must not tell."""

import gc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flamo.kernels import backend, sections
from flamo.kernels.circle import BINS, NODES, POLYNOMIAL, REACH, Circle, fixed
from flamo.kernels.sections import cascade

F = 12_001  # bins: some twenty blocks


def circle(bins=F, radius=1.0):
    return radius * torch.exp(-1j * torch.pi * torch.arange(bins, dtype=torch.float64) / (bins - 1))


def with_roots(zeros, poles):
    """Sections (3, K, 1) with pairs of conjugate roots, given as complex numbers."""
    b, a = (np.stack((np.ones(len(z)), -2 * np.real(z), np.abs(z) ** 2))[:, :, None] for z in (zeros, poles))
    return torch.from_numpy(b).requires_grad_(), torch.from_numpy(a).requires_grad_()


def roots(rng, count, nearest):
    """Resonances from narrow ones to none at all, anywhere along the axis, in and outside the circle."""
    distance = 10.0 ** rng.uniform(nearest, -0.05, count) * rng.choice((1, -1), count)
    return (1 - distance) * np.exp(1j * np.pi * rng.choice((rng.uniform(0, 1), 10.0 ** rng.uniform(-4, 0)), count))


def inside(z):
    return np.where(np.abs(z) < 1, z, 1 / z)


def condition(b, a, w):
    """How much larger than their sums the terms of all polynomials are, about the nearer end of the axis: (F, M)."""
    w, sign = w[:, None, None], torch.where(w.real >= 0, 1.0, -1.0)[:, None, None]
    terms = [(c[0] + sign * c[1] + c[2], (c[0] + c[2]) * (1 - sign * w.real), (c[0] - c[2]) * w.imag) for c in (b, a)]
    sizes = [(c[0] + c[1] * w + c[2] * w * w).abs() for c in (b, a)]
    return sum(sum(x.abs() for x in t) / size for t, size in zip(terms, sizes, strict=True)).sum(1)


@pytest.fixture(autouse=True)
def fused():
    pytest.importorskip("numba")
    yield
    assert not backend.fused.given_up


@given(
    count=st.sampled_from([1, 2, 5, 8, 32]),
    radius=st.sampled_from([1.0, 0.99997]),
    alike=st.booleans(),
    seed=st.integers(0, 9999),
)
def test_every_bin_is_as_exact_as_its_terms(count, radius, alike, seed):
    """Also where all sections are alike: their product is less smooth than each of them."""
    rng = np.random.default_rng(seed)
    zeros, poles = roots(rng, count, -6), roots(rng, count, -6)
    if alike:
        zeros, poles = np.repeat(zeros[:1], count), np.repeat(poles[:1], count)
    b, a = (c.detach() for c in with_roots(zeros, inside(poles)))
    w = circle(radius=radius)
    h, exact = cascade(b, a, w, torch.complex64), sections._composed(b, a, w, None, torch.complex128)
    error = (h - exact).abs() / exact.abs() / condition(b, a, w / radius)
    held = (exact.abs() > 1e-25) & (exact.abs() < 1e30)  # by float32, with its squares' roots
    assert (error[held] < 2.5e-7).all()


@pytest.mark.parametrize(("count", "mild", "gain"), [(14, 14, None), (12, 20, 3e-3)])
def test_parts_of_a_product_that_float32_does_not_hold(count, mild, gain):
    """Resonators, and smooth sections that take their gain away: neither's product, but all of them in their order."""
    radius = 0.9995 if gain is None else 0.99
    t = 2 * np.pi * 1000 / 48000
    gain = (1 - radius) * 2 * np.sin(t) * 1.5 if gain is None else gain
    rows = [(1.0, 0.0, 0.0, 1.0, -2 * radius * np.cos(t), radius**2)] * count, [(gain, 0.0, 0.0, 1.0, 0.5, 0.0)] * mild
    ordered = [row for pair in zip(*rows, strict=True) for row in pair] if count == mild else [*rows[0], *rows[1]]
    b, a = torch.tensor(ordered, dtype=torch.float64).T.reshape(2, 3, -1, 1).contiguous()
    w = circle()
    h, exact = cascade(b, a, w, torch.complex64), sections._composed(b, a, w, None, torch.complex128)
    held = exact.abs() > 1e-28
    assert held.any()
    torch.testing.assert_close(h.to(exact)[held], exact[held], rtol=1e-4, atol=0.0)


@given(count=st.integers(1, 8), radius=st.sampled_from([1.0, 0.99997]), seed=st.integers(0, 9999))
def test_derivatives_of_smooth_sections(count, radius, seed):
    rng = np.random.default_rng(seed)
    b, a = with_roots(roots(rng, count, -2), inside(roots(rng, count, -2)))
    w = circle(radius=radius)
    h, exact = cascade(b, a, w, torch.complex64), sections._composed(b, a, w, None, torch.complex128)
    grad = torch.from_numpy(rng.standard_normal((F, 1)) + 1j * rng.standard_normal((F, 1))) / exact.detach().abs()
    found = torch.autograd.grad(h, (b, a), grad.to(h.dtype))
    for ours, true in zip(found, torch.autograd.grad(exact, (b, a), grad), strict=True):
        torch.testing.assert_close(ours, true, rtol=0, atol=3e-5 * true.abs().max().item())


def test_blocks_hold_every_point_once_and_lie_in_one_half():
    w = circle(4 * BINS + 7)
    found = Circle.of(w, np.dtype("float64"))
    first, count, end = found.blocks.T
    assert first.tolist() == [0, *np.cumsum(count)[:-1]]
    assert count.sum() == len(w)
    for at, n, half, (u, v, tau) in zip(first, count, end, found.points, strict=True):
        inside = -w[at : at + n].numpy() if half else w[at : at + n].numpy()
        np.testing.assert_allclose(1 - u[:n] - 1j * v[:n], inside, atol=1e-15)
        assert (inside.real >= 0).all()
        np.testing.assert_allclose([tau[:n].min(), tau[:n].max()], [-1, 1], atol=1e-9)


def test_an_edit_of_the_points_is_seen():
    b, a = (c.detach() for c in with_roots(np.array([0.5j]), np.array([0.5])))
    w = circle()
    before = cascade(b, a, w, torch.complex64)
    w.numpy()[:] = w.numpy()[::-1].conj() * -1  # the same points in the same order, but for rounding
    torch.testing.assert_close(cascade(b, a, w, torch.complex64), before)
    w.numpy()[:] *= 0.9
    exact = sections._composed(b, a, w, None, torch.complex128)
    torch.testing.assert_close(cascade(b, a, w, torch.complex64), exact.to(torch.complex64))
    w.numpy()[:] *= np.linspace(0.9, 1, F)  # no circle any more
    exact = sections._composed(b, a, w, None, torch.complex128)
    torch.testing.assert_close(cascade(b, a, w, torch.complex64), exact.to(torch.complex64))


@given(angle=st.floats(0, np.pi), other=st.floats(0, np.pi), far=st.sampled_from([1.0, 2.0, 1e9]))
def test_what_has_no_root_within_reach_is_the_polynomial_through_its_nodes(angle, other, far):
    """By the test that the kernel makes: 1 > |q1| reach + |q2| reach², in units of half a block."""
    nodes = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    tau = np.linspace(-1, 1, 101)

    def polynomial(first, second):
        q1, q2 = -1 / first - 1 / second, 1 / (first * second)
        reach = np.roots([abs(q2), abs(q1), -1.0]).max() if abs(q2) > 1e-20 else 1 / abs(q1)
        return lambda x: 1 + q1 * (reach / REACH) * x + q2 * (reach / REACH) ** 2 * x * x

    n, d = polynomial(np.exp(1j * angle), far * np.exp(1j * other)), polynomial(np.exp(1j * other), np.exp(1j * angle))
    through = np.vander(tau, NODES, increasing=True) @ POLYNOMIAL @ (n(nodes) / d(nodes))
    assert np.abs(through / (n(tau) / d(tau)) - 1).max() < 2e-8


def test_fixed_points_are_known_without_a_look_at_them(monkeypatch):
    w = fixed(circle(101))
    found = Circle.of(w, np.dtype("float32"))
    monkeypatch.setattr(Circle, "_by_value", None)
    assert Circle.of(w, np.dtype("float32")) is found
    with pytest.raises(TypeError):  # a copy may be edited
        Circle.of(w.clone(), np.dtype("float32"))


def test_fixed_points_are_not_kept_alive():
    w = fixed(circle(101))
    Circle.of(w, np.dtype("float32"))
    alive = weakref.ref(w)
    del w
    gc.collect()
    assert alive() is None
