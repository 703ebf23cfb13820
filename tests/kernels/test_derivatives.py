"""What holds for every kernel, beside the same thing composed of torch operations."""

import pytest
import torch

from flamo.kernels.delays import delay_at, delay_bank
from flamo.kernels.loop import close_loop, close_network
from flamo.kernels.product import filtered
from flamo.kernels.sections import cascade

DOUBLE, COMPLEX = torch.float64, torch.complex128
W = torch.exp(-1j * torch.pi * torch.arange(65, dtype=DOUBLE) / 64)


def polynomials(c):
    return c[0] + c[1] * W[:, None, None] + c[2] * W[:, None, None] ** 2


# arguments, the kernel, and what it is to be
KERNELS = {
    "sections": (
        lambda: [torch.rand(3, 2, 2, dtype=DOUBLE) + torch.tensor([2.0, 0.0, 0.0])[:, None, None] for _ in range(2)],
        lambda b, a: cascade(b, a, W, COMPLEX),
        lambda b, a: (polynomials(b) / polynomials(a)).prod(1),
    ),
    "delays": (
        lambda: [9 * torch.rand(3, dtype=DOUBLE)],
        lambda m: delay_bank(m, 128, 0.99, COMPLEX),
        lambda m: delay_at(0.99 * W[:, None], m),
    ),
    "loop": (
        lambda: [
            torch.rand(65, 2, dtype=COMPLEX),
            0.3 * torch.rand(2, 2, dtype=DOUBLE),
            torch.rand(1, 65, 2, 1, dtype=COMPLEX),
        ],
        lambda left, matrix, x: close_network(left, matrix, None, x),
        lambda left, matrix, x: close_loop((left[:, :, None] * matrix)[None], x),
    ),
    "product": (
        lambda: [torch.rand(1, 65, 3, 2, dtype=COMPLEX), torch.rand(1, 65, 2, dtype=COMPLEX)],
        filtered,
        lambda h, x: (h @ x[..., None])[..., 0],
    ),
}


@pytest.fixture(params=KERNELS)
def kernel(request):
    make, fast, plain = KERNELS[request.param]
    return [t.requires_grad_() for t in make()], fast, plain


@pytest.mark.parametrize("again", [False, True])
def test_another_default_device(version, kernel, again):
    inputs, fast, plain = kernel
    expected = plain(*inputs)
    slopes = torch.autograd.grad(expected.abs().sum(), inputs)
    with torch.device("meta"):
        actual = fast(*inputs)
        found = torch.autograd.grad(actual.abs().sum(), inputs, create_graph=again)
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(found, slopes)


@pytest.mark.parametrize("again", [False, True])
def test_gradients_of_many_outputs_at_once(version, kernel, again):
    """As ``torch.autograd.functional.jacobian(vectorize=True)`` takes them."""
    inputs, fast, plain = kernel
    expected = plain(*inputs)
    grads = torch.randn(4, *expected.shape, dtype=COMPLEX)
    found = torch.autograd.grad(fast(*inputs), inputs, grads, is_grads_batched=True, create_graph=again)
    for i, grad in enumerate(grads):
        one = torch.autograd.grad(expected, inputs, grad, retain_graph=True)
        torch.testing.assert_close([slope[i] for slope in found], list(one))
    assert all(slope.requires_grad == again for slope in found)
