import mpmath
import torch
from hypothesis import given
from hypothesis import strategies as st

from flamo.kernels import delays
from flamo.kernels.delays import delay_bank


def exactly(k, m, nfft, gamma):
    """γ^m e^{-j2πkm/nfft} in 40 digits."""
    with mpmath.workdps(40):
        turns = mpmath.mpf(k) * mpmath.mpf(m) / nfft
        return complex(mpmath.mpf(gamma) ** mpmath.mpf(m) * mpmath.expjpi(-2 * turns))


@given(
    m=st.lists(st.floats(-50, 1e5) | st.integers(0, 10**6).map(float), max_size=4),
    nfft=st.integers(1, 700) | st.just(96000),
    decay_db=st.sampled_from([0.0, 30.0]),
)
def test_a_delay_is_exact_however_long(version, m, nfft, decay_db):
    gamma = 10 ** (-decay_db / (20 * 96000))
    h = delay_bank(torch.tensor(m, dtype=torch.float64), nfft, gamma, torch.complex128)
    single = delay_bank(torch.tensor(m, dtype=torch.float64), nfft, gamma, torch.complex64)
    assert h.shape == single.shape == (nfft // 2 + 1, len(m))
    for k in {0, 1, nfft // 3, nfft // 2} & set(range(len(h))):
        for i, samples in enumerate(m):
            truth = exactly(k, samples, nfft, gamma)
            assert abs(h[k, i].item() - truth) <= 1e-13 * abs(truth)
            assert abs(single[k, i].item() - truth) <= 1e-6 * abs(truth)


def test_gradients(version):
    m = torch.tensor([0.0, 3.0, 2.7, 1234.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: delay_bank(m, 301, 0.999, torch.complex128), m)


def test_second_derivatives(version):
    m = torch.tensor([0.5, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda m: delay_bank(m, 9, 0.99, torch.complex128), m)


def test_a_gradient_may_lie_in_memory_as_it_likes(version, laid_out):
    m = torch.tensor([1.5, 40.0, 7.0], dtype=torch.float64, requires_grad=True)
    grad = laid_out(torch.randn(51, 3, dtype=torch.complex128))
    (actual,) = torch.autograd.grad(delay_bank(m, 100, 0.99, torch.complex128), m, grad)
    (expected,) = torch.autograd.grad(delays._composed(m, 100, 0.99, torch.complex128), m, grad)
    torch.testing.assert_close(actual, expected)


def test_batches_by_vmap(version):
    m = 9 * torch.rand(3, 4, dtype=torch.float64)
    batch = torch.vmap(lambda m: delay_bank(m, 64, 1.0, torch.complex128))(m)
    torch.testing.assert_close(batch[2], delay_bank(m[2], 64, 1.0, torch.complex128))


def test_a_delay_that_is_not_a_number_makes_none(version):
    h = delay_bank(torch.tensor([float("nan"), 1.0]), 16, 1.0, torch.complex64)
    assert h[:, 0].isnan().all()
    assert h[:, 1].isfinite().all()
