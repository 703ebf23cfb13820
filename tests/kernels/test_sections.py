import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from flamo.core.grid import FrequencyGrid
from flamo.kernels import backend, sections
from flamo.kernels.sections import cascade, through


def random_sections(count, channels, seed=0):
    """Stable sections as (3, K, M), b then a."""
    rng = np.random.default_rng(seed)
    radius, angle = rng.uniform(0, 0.99, (2, count, channels)), rng.uniform(0, np.pi, (2, count, channels))
    b, a = (np.stack((np.ones_like(r), -2 * r * np.cos(t), r * r)) for r, t in zip(radius, angle, strict=True))
    return torch.from_numpy(b), torch.from_numpy(a)


def circle(count=257):
    return torch.exp(-1j * torch.pi * torch.arange(count, dtype=torch.float64) / max(1, count - 1))


def by_scipy(b, a, w):
    """The same by scipy.signal.sosfreqz, channel by channel."""
    sos = torch.cat((b, a)).permute(2, 1, 0).numpy()
    return np.stack([signal.sosfreqz(s / s[:, 3:4], -np.angle(w.numpy()))[1] for s in sos], 1)


def composed(b, a, w):
    return sections._composed(b, a, w, None, torch.complex128)


def gradients_of(h, b, a, grad):
    return torch.autograd.grad(h, (b, a), grad.to(h.dtype))


@pytest.mark.parametrize(("count", "channels"), [(1, 1), (4, 3), (8, 1), (3, 0)])
def test_equals_scipy(version, count, channels):
    b, a = random_sections(count, channels)
    h = cascade(b, a, circle(), torch.complex128)
    assert h.shape == (257, channels)
    if channels:
        np.testing.assert_allclose(h.numpy(), by_scipy(b, a, circle()), rtol=1e-9)


@given(
    count=st.integers(0, 9),
    channels=st.integers(0, 4),
    bins=st.integers(0, 300),
    on_circle=st.booleans(),
    seed=st.integers(0, 99),
)
def test_values_and_gradients_are_those_of_numpy_in_double_precision(version, count, channels, bins, on_circle, seed):
    """On a grid, and at points in any order, of all signs."""
    b, a = (c.requires_grad_() for c in random_sections(count, channels, seed))
    rng = np.random.default_rng(seed)
    anywhere = rng.uniform(0.3, 0.9, bins) * np.exp(1j * rng.uniform(-9, 9, bins))
    w = circle(bins) if on_circle else torch.from_numpy(anywhere)
    powers = w.numpy()[:, None, None] ** np.arange(3)[:, None, None, None]
    B, A = ((c.detach().numpy()[:, None] * powers).sum(0) for c in (b, a))  # (F, K, M)
    truth = (B / A).prod(1)
    grad = torch.from_numpy(rng.standard_normal((bins, channels)) + 1j * rng.standard_normal((bins, channels)))
    others = np.stack([np.delete(B / A, k, 1).prod(1) for k in range(count)], 1) if count else B
    slope = grad.numpy().conj()[:, None] * others / A  # Re(conj(g) ∂h/∂b), summed over the bins
    expected = (powers * slope).sum(1).real, -(powers * slope * B / A).sum(1).real
    for dtype, tolerance in ((torch.complex128, 1e-10), (torch.complex64, 1e-4)):
        h = cascade(b, a, w, dtype)
        assert h.shape == (bins, channels)
        np.testing.assert_allclose(h.detach(), truth, rtol=tolerance, atol=tolerance * np.abs(truth).max(initial=0))
        for actual, exact in zip(gradients_of(h, b, a, grad), expected, strict=True):
            assert actual.dtype == torch.float64
            np.testing.assert_allclose(actual, exact, rtol=0, atol=tolerance * np.abs(exact).max(initial=0))


def by_mpmath(b, a, count, bins):
    """In 50 digits: some bins of a single channel on a grid of ``count``."""
    with mpmath.workdps(50):
        w = [mpmath.expjpi(-mpmath.mpf(int(k)) / (count - 1)) for k in bins]
        sections = [[[mpmath.mpf(float(x)) for x in c[:, k, 0]] for c in (b, a)] for k in range(b.shape[1])]
        return [
            complex(mpmath.fprod(mpmath.polyval(p[::-1], z) / mpmath.polyval(q[::-1], z) for p, q in sections))
            for z in w
        ]


@pytest.mark.parametrize("cutoff", [20.0, 200.0, 1000.0, 23980.0])
@pytest.mark.parametrize("zeros", [True, False])
def test_both_ends_of_the_axis_are_exact(version, cutoff, zeros):
    """An eighth-order Butterworth at the edge of the axis, where the plain form loses all digits in float32; then zeros
    as near to the end as its poles."""
    kind = "lowpass" if cutoff < 12000 else "highpass"
    sos = torch.from_numpy(signal.butter(8, cutoff, kind, fs=48000, output="sos")).T[:, :, None].contiguous()
    near = 24000 - 2 * (24000 - cutoff) if cutoff > 12000 else 2 * cutoff
    other = torch.from_numpy(signal.butter(8, near, kind, fs=48000, output="sos")).T[3:, :, None].contiguous()
    b, a = (other if zeros else sos[:3]), sos[3:]
    low = np.unique(np.geomspace(1, 24000, 60).round().astype(int))
    bins = np.concatenate(([0], low, 48000 - low, [48000]))
    exact = np.array(by_mpmath(b, a, 48001, bins))
    for dtype, tolerance in ((torch.complex128, 1e-12), (torch.complex64, 2e-6)):
        h = cascade(b, a, FrequencyGrid(96000).points(), dtype)[bins, 0].numpy()
        assert np.abs(h - exact).max() / np.abs(exact).max() < tolerance
        if zeros:
            assert (np.abs(h - exact) / np.abs(exact)).max() < tolerance


def test_gradients(version):
    b, a = random_sections(3, 2)
    w = circle(9)[1:-1] * 0.99
    assert torch.autograd.gradcheck(
        lambda b, a: cascade(b, a, w, torch.complex128), (b.requires_grad_(), a.requires_grad_())
    )


def test_second_derivatives(version):
    b, a = (c.requires_grad_() for c in random_sections(2, 2))
    w = circle(5) * 0.9
    assert torch.autograd.gradgradcheck(lambda b, a: cascade(b, a, w, torch.complex128), (b, a))


@pytest.mark.parametrize("again", [False, True])
def test_denominators_that_depend_on_the_numerators_count_once(version, again):
    b = random_sections(2, 2)[0].requires_grad_()
    values = []
    for kernel in (lambda b, a: cascade(b, a, circle(65), torch.complex128), lambda b, a: composed(b, a, circle(65))):
        loss = kernel(b, 0.5 * b + torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)).abs().square().sum()
        values.append(torch.autograd.grad(loss, b, create_graph=again)[0].detach())
    torch.testing.assert_close(*values)


def test_no_sections_are_one_and_have_derivatives_of_all_orders(version):
    b = torch.ones(3, 0, 2, dtype=torch.float64, requires_grad=True)
    h = cascade(b, b, circle(5), torch.complex64)
    assert torch.equal(h, torch.ones(5, 2, dtype=torch.complex64))
    for again in (True, False):
        (slope,) = torch.autograd.grad(h.abs().sum(), b, create_graph=again)
        assert slope.shape == b.shape


@pytest.mark.parametrize("scale", [1e25, 1e36])
def test_large_numerators_have_gradients(version, scale):
    """float32 cannot hold their squares."""
    b, a = (c.requires_grad_() for c in random_sections(1, 2))
    grad = torch.full((257, 2), 1.0 / scale, dtype=torch.complex128)
    actual = gradients_of(cascade(scale * b, a, circle(), torch.complex64), b, a, grad)
    expected = gradients_of(composed(scale * b, a, circle()), b, a, grad)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-3)


def test_gains_that_float32_does_not_hold_are_spread_over_the_sections(version):
    b, a = random_sections(2, 2)
    gains = torch.tensor([[1e-40], [1e35]], dtype=torch.float64)
    b, a = (b * gains).requires_grad_(), a.requires_grad_()
    h, exact = cascade(b, a, circle(), torch.complex64), composed(b, a, circle())
    torch.testing.assert_close(h.to(exact), exact, rtol=1e-4, atol=0.0)
    ones = torch.ones_like(exact)
    for actual, expected in zip(gradients_of(h, b, a, ones), gradients_of(exact, b, a, ones), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().min()))


@pytest.mark.parametrize(("order", "band"), [(16, (980, 1020)), (24, (900, 1100))])
def test_filters_of_high_order_have_their_gain_in_the_first_section(version, order, band):
    sos = torch.from_numpy(signal.butter(order, band, "bandpass", fs=48000, output="sos"))
    b, a = (c.T[:, :, None].contiguous().requires_grad_() for c in (sos[:, :3], sos[:, 3:]))
    w = circle(12001)
    h, exact = cascade(b, a, w, torch.complex64), torch.from_numpy(by_scipy(b.detach(), a.detach(), w))
    heard = exact.abs() > 1e-20
    torch.testing.assert_close(h.to(exact)[heard], exact[heard], rtol=1e-4, atol=0.0)
    assert all(g.isfinite().all() for g in gradients_of(h, b, a, torch.ones_like(exact)))


def test_denominators_may_be_those_of_all_channels(version):
    b, a = (c.requires_grad_() for c in (random_sections(3, 4)[0], random_sections(3, 1, 1)[1]))
    h, exact = cascade(b, a, circle(), torch.complex128), composed(b, a, circle())
    torch.testing.assert_close(h, exact)
    torch.testing.assert_close(gradients_of(h, b, a, exact), gradients_of(exact, b, a, exact))


def test_derivatives_by_the_points(version):
    b, a = random_sections(2, 2)
    w = (0.9 * circle(5)).requires_grad_()
    assert torch.autograd.gradcheck(lambda w: cascade(b, a, w, torch.complex128), w)


@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_gradients_where_sections_are_zero(version, zeros):
    """A product without one factor is zero only where another one is."""
    b, a = random_sections(3, 2)
    b[:, :zeros] = torch.tensor([4.0, -4.0, 0.0], dtype=torch.float64)[:, None, None]  # at DC
    b.requires_grad_(), a.requires_grad_()
    w, grad = circle(5), torch.randn(5, 2, dtype=torch.complex128)
    h = cascade(b, a, w, torch.complex128)
    assert (h[0] == 0).all()
    torch.testing.assert_close(
        gradients_of(h, b, a, grad), gradients_of(composed(b, a, w), b, a, grad), rtol=1e-9, atol=1e-12
    )
    at_dc = gradients_of(cascade(b, a, w[:1], torch.complex128), b, a, grad[:1])[0]
    assert (at_dc[:, :zeros].abs().max() > 0) == (zeros == 1)


def test_a_pole_on_the_grid_is_not_finite_there_and_nowhere_else(version):
    b, a = random_sections(2, 2)
    a[:, 1, 0] = torch.tensor([1.0, 0.0, 1.0])  # at z = ±j, the middle of the axis
    w = circle(5)
    w[2] = -1j
    h = cascade(b, a, w, torch.complex64)
    assert h.isfinite().tolist() == composed(b, a, w).to(torch.complex64).isfinite().tolist()
    assert not h[2, 0].isfinite()
    assert h.isfinite().sum() == 9


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_the_scale_of_coefficients_does_not_count(version, scale):
    b, a = (c.requires_grad_() for c in random_sections(2, 2))
    h = cascade(scale * b, scale * a, circle(), torch.complex64)
    torch.testing.assert_close(h, cascade(b, a, circle(), torch.complex64))
    assert all(g.isfinite().all() for g in gradients_of(h, b, a, torch.ones_like(h)))


def test_arguments_and_gradients_may_lie_in_memory_as_they_like(version, laid_out):
    b, a = (c.requires_grad_() for c in random_sections(2, 3))
    grad = laid_out(torch.randn(257, 3, dtype=torch.complex128))
    w = circle(513).conj()[::2]
    turned = [c.permute(2, 1, 0).contiguous().permute(2, 1, 0) for c in (b, a)]
    torch.testing.assert_close(
        gradients_of(cascade(*turned, w, torch.complex128), b, a, grad), gradients_of(composed(b, a, w), b, a, grad)
    )
    shared = b[:, :1].expand(-1, 2, -1)
    torch.testing.assert_close(cascade(shared, a, w, torch.complex128), composed(shared, a, w))


def test_batches_by_vmap(version):
    b, a = (torch.stack(c) for c in zip(*(random_sections(2, 3, seed) for seed in range(4)), strict=True))
    batch = torch.vmap(lambda b, a: cascade(b, a, circle(), torch.complex128))(b, a)
    torch.testing.assert_close(batch[3], cascade(b[3], a[3], circle(), torch.complex128))


def test_forward_derivatives(version):
    b, a = random_sections(2, 1)
    slope = torch.func.jvp(lambda b: cascade(b, a, circle(9), torch.complex128), (b,), (b,))[1]
    torch.testing.assert_close(slope, 2 * cascade(b, a, circle(9), torch.complex128))  # of degree 2 in b


def test_sums_do_not_depend_on_the_number_of_threads(version):
    b, a = (c.requires_grad_() for c in random_sections(3, 2))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            h = cascade(b, a, circle(5001), torch.complex64)
            found.append(gradients_of(h, b, a, torch.ones_like(h)))
    finally:
        torch.set_num_threads(before)
    if version == "fused":
        assert all(torch.equal(x, y) for other in found[1:] for x, y in zip(found[0], other, strict=True))
    torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-4)


def test_a_deep_stopband_has_a_magnitude_with_a_derivative(version):
    """torch's derivative of the magnitude of what is hardly a number any more is NaN."""
    sos = torch.from_numpy(np.stack([signal.butter(2, cutoff, output="sos") for cutoff in np.linspace(0.1, 0.9, 16)]))
    b, a = (c.permute(2, 1, 0).expand(3, 8, 16).contiguous().requires_grad_() for c in sos.split(3, 2))
    h = cascade(b, a, circle(1025), torch.complex64)
    assert (h == 0).any()
    assert not (h == 0).all()
    torch.stack([(0.01 * value).abs() for value in h[-8:].flatten()]).sum().backward()
    assert b.grad.isfinite().all()
    assert a.grad.isfinite().all()


@pytest.fixture
def fused(monkeypatch):
    """The fused version, for work of any size, in several shares."""
    pytest.importorskip("numba")
    monkeypatch.setattr(backend, "PAYS", 0)
    monkeypatch.setattr(backend, "SHARE", 8)
    yield
    assert not backend.fused.given_up


def spectra(bins, channels, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal((bins, channels)) + 1j * rng.standard_normal((bins, channels)))


@given(
    count=st.integers(1, 5),
    channels=st.one_of(st.integers(1, 4), st.integers(7, 19)),
    bins=st.integers(1, 1200),
    shared=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 99),
)
def test_spectra_go_through_as_if_multiplied(fused, laid_out, count, channels, bins, shared, double, seed):
    b, a = (c.requires_grad_() for c in random_sections(count, channels, seed))
    dtype, tolerance = (torch.complex128, 1e-10) if double else (torch.complex64, 1e-4)
    x = laid_out(spectra(bins, channels, seed).to(dtype))
    x = x[:, :1].expand(-1, channels) if shared else x
    grad = laid_out(spectra(bins, channels, seed + 1))
    y, expected = through(b, a, circle(bins), x), composed(b, a, circle(bins)) * x.to(torch.complex128)
    largest = expected.abs().max().item()
    np.testing.assert_allclose(y.detach(), expected.detach(), rtol=0, atol=tolerance * largest)
    for found, exact in zip(gradients_of(y, b, a, grad), gradients_of(expected, b, a, grad), strict=True):
        np.testing.assert_allclose(found, exact, rtol=0, atol=10 * tolerance * exact.abs().max())


@pytest.mark.parametrize("spoil", ["zeros at DC", "large"])
def test_what_goes_through_has_gradients_where_a_section_is_zero_or_large(fused, spoil):
    b, a = random_sections(3, 2)
    if spoil == "large":
        b[:, 1] *= 1e25
    else:
        b[:, :2] = torch.tensor([4.0, -4.0, 0.0], dtype=torch.float64)[:, None, None]
    b.requires_grad_(), a.requires_grad_()
    x, grad = spectra(257, 2).to(torch.complex64), spectra(257, 2, 1) * (1e-25 if spoil == "large" else 1.0)
    found = gradients_of(through(b, a, circle(), x), b, a, grad)
    exact = gradients_of(composed(b, a, circle()) * x, b, a, grad)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-3)


def test_what_goes_through_may_be_edited_and_derived_twice(fused):
    b, a = (c.requires_grad_() for c in random_sections(3, 2))
    x, grad = spectra(257, 2), spectra(257, 2, 1)
    exact = gradients_of(2.0 * composed(b, a, circle()) * x, b, a, grad)
    y = through(b, a, circle(), x)
    y.mul_(2.0)
    once = torch.autograd.grad(y, (b, a), grad, retain_graph=True)
    again = torch.autograd.grad(y, (b, a), grad)
    torch.testing.assert_close(once, exact)
    assert all(torch.equal(p, q) for p, q in zip(once, again, strict=True))


def test_second_derivatives_of_what_goes_through(fused):
    b, a = (c.requires_grad_() for c in random_sections(2, 2))
    assert torch.autograd.gradgradcheck(lambda b, a: through(b, a, circle(5) * 0.9, spectra(5, 2)), (b, a))


def test_nothing_goes_through_that_needs_the_response(fused, monkeypatch):
    b, a = random_sections(2, 2)
    x, w = spectra(257, 2), circle()
    assert through(b, a, w, x.clone().requires_grad_()) is None
    assert through(b, a, w.clone().requires_grad_(), x) is None
    assert torch.func.vmap(lambda x: cascade(b, a, w, x.dtype) if through(b, a, w, x) is None else 0)(x[None]).any()
    with torch.no_grad():
        assert through(b, a, w, x.clone().requires_grad_()) is not None
    monkeypatch.setattr(backend, "PAYS", float("inf"))
    assert through(b, a, w, x) is None


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("gain", [-2.5, 0.0, 1.0, 1e-12])
def test_sections_that_are_mere_gains(version, dtype, gain):
    b, a = random_sections(4, 2)
    b[:, 1] = gain * a[:, 1]  # in both channels; in one, the first and the last
    b[:, ::3, 0] = 0.5 * a[:, ::3, 0]
    a[0, 2, 1] = 0.0  # and one whose first coefficient is zero
    h = cascade(b, a, circle(), dtype)
    exact = composed(b, a, circle())
    np.testing.assert_allclose(h, exact, rtol=1e-12 if dtype == torch.complex128 else 1e-4, atol=0)


def test_a_section_that_is_almost_a_gain_is_none(version):
    b, a = random_sections(2, 1)
    b[:, 1] = a[:, 1] * (1 + 1e-9 * torch.arange(3.0, dtype=torch.float64)[:, None])
    h = cascade(b, a, circle(), torch.complex128)
    np.testing.assert_allclose(h, composed(b, a, circle()), rtol=1e-13)


@pytest.mark.parametrize("kind", ["peak", "notch", "allpass", "zero and pole at DC"])
def test_sections_whose_numerators_resemble_their_denominators(version, kind):
    b = torch.tensor([1.2, -1.0, 0.8])
    a = {
        "peak": torch.tensor([1.1, -1.0, 0.9]),
        "notch": torch.tensor([1.0, -1.0, 1.0]),
        "allpass": b.flip(0),
        "zero and pole at DC": torch.tensor([1.0, -1.5, 0.5]),
    }[kind]
    b = torch.tensor([1.0, -1.0, 0.0]) if kind.startswith("zero") else b
    b, a, w = b.double().reshape(3, 1, 1), a.double().reshape(3, 1, 1), circle()
    w = w[1:] if kind.startswith("zero") else w
    np.testing.assert_allclose(cascade(b, a, w, torch.complex128), by_scipy(b, a, w), rtol=1e-10)


def test_what_went_through_lies_as_what_came(fused):
    b, a = random_sections(1, 3)
    rows, columns = torch.ones(257, 3, dtype=torch.complex128), torch.ones(3, 257, dtype=torch.complex128).T
    layouts = [through(b, a, circle(), x).stride() for x in (rows, columns, rows[:, :1].expand(-1, 3))]
    assert layouts == [(3, 1), (1, 257), (1, 257)]
