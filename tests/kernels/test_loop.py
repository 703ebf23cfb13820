import pytest
import torch

from flamo.kernels.loop import close_loop


@pytest.mark.parametrize(("loops", "items"), [(1, 1), (1, 4), (4, 4), (4, 1)])
def test_every_item_and_column_satisfies_the_loop(loops, items):
    loop = 0.3 * torch.randn(loops, 5, 3, 3, dtype=torch.complex128)
    x = torch.randn(items, 5, 3, 2, dtype=torch.complex128)
    y = close_loop(loop, x)
    assert y.shape == (max(loops, items), 5, 3, 2)
    torch.testing.assert_close(y, loop @ y + x.expand_as(y))


def test_a_real_constant_loop_serves_every_bin():
    loop, x = 0.3 * torch.randn(1, 1, 3, 3), torch.randn(2, 5, 3, 1, dtype=torch.complex64)
    y = close_loop(loop, x)
    torch.testing.assert_close(y, loop.to(torch.complex64) @ y + x)


def test_gradients():
    loop = (0.3 * torch.randn(1, 2, 3, 3, dtype=torch.complex128)).requires_grad_()
    x = torch.randn(2, 2, 3, 1, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(close_loop, (loop, x))
