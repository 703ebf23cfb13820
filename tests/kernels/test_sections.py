import numpy as np
import pytest
import torch
from scipy import signal

from flamo.kernels.sections import cascade


def random_sections(count, channels, seed=0):
    """Stable sections as (3, K, M), b then a."""
    rng = np.random.default_rng(seed)
    radius, angle = rng.uniform(0, 0.99, (2, count, channels)), rng.uniform(0, np.pi, (2, count, channels))
    b, a = (np.stack((np.ones_like(r), -2 * r * np.cos(t), r * r)) for r, t in zip(radius, angle, strict=True))
    return torch.from_numpy(b), torch.from_numpy(a)


def circle(count=257):
    return torch.exp(-1j * torch.pi * torch.arange(count, dtype=torch.float64) / (count - 1))


def by_scipy(b, a, w):
    """The same by scipy.signal.sosfreqz, channel by channel."""
    sos = torch.cat((b, a)).permute(2, 1, 0).numpy()
    return np.stack([signal.sosfreqz(s / s[:, 3:4], -np.angle(w.numpy()))[1] for s in sos], 1)


@pytest.mark.parametrize(("sections", "channels"), [(1, 1), (4, 3), (8, 1), (3, 0)])
def test_equals_scipy(sections, channels):
    b, a = random_sections(sections, channels)
    h = cascade(b, a, circle(), torch.complex128)
    assert h.shape == (257, channels)
    if channels:
        np.testing.assert_allclose(h.numpy(), by_scipy(b, a, circle()), rtol=1e-9)


@pytest.mark.parametrize("cutoff", [20.0, 1000.0, 23980.0])
def test_float32_is_exact_at_both_ends_of_the_axis(cutoff):
    """An eighth-order Butterworth at the edge of the axis, where the plain form loses all digits in float32."""
    kind = "lowpass" if cutoff < 12000 else "highpass"
    sos = torch.from_numpy(signal.butter(8, cutoff, kind, fs=48000, output="sos")).T[:, :, None].contiguous()
    w = circle(48001)
    exact, single = (cascade(sos[:3], sos[3:], w, d) for d in (torch.complex128, torch.complex64))
    assert (single - exact).abs().max() / exact.abs().max() < 1e-5


def test_gradients():
    b, a = random_sections(3, 2)
    w = circle(9)[1:-1] * 0.99
    assert torch.autograd.gradcheck(
        lambda b, a: cascade(b, a, w, torch.complex128), (b.requires_grad_(), a.requires_grad_())
    )


def test_gradients_are_finite_where_a_section_is_zero():
    zero_at_dc = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64).reshape(3, 1, 1).repeat(1, 3, 1).requires_grad_()
    _, a = random_sections(3, 1)
    cascade(zero_at_dc, a, circle(5), torch.complex128).abs().sum().backward()
    assert zero_at_dc.grad.isfinite().all()
