import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flamo.kernels.product import filtered, mixed

ONE_OR = st.sampled_from([False, True])


@given(
    sizes=st.tuples(*[st.integers(0, 4)] * 4),
    shared=st.tuples(ONE_OR, ONE_OR, ONE_OR),
    diagonal=st.booleans(),
    trailing=st.sampled_from([(), (1,), (3,), (2, 3)]),
)
def test_a_product_is_that_of_matrices_in_every_bin(sizes, shared, diagonal, trailing):
    batch, bins, rows, columns = sizes
    h_batch, h_bins = 1 if shared[0] else batch, 1 if shared[1] else bins
    channels = (columns,) if diagonal else (rows, columns)
    h = torch.randn(h_batch, h_bins, *channels, dtype=torch.complex128, requires_grad=True)
    x = torch.randn(1 if shared[2] else batch, bins, columns, *trailing, dtype=torch.complex128, requires_grad=True)
    dense = torch.diag_embed(h) if diagonal else h
    expected = (dense @ x.flatten(3) if trailing else dense @ x[..., None]).reshape(
        max(len(h), len(x)) if len(h) and len(x) else 0, bins, dense.shape[2], *trailing
    )
    y = filtered(h, x)
    torch.testing.assert_close(y, expected)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(torch.autograd.grad(y, (h, x), grad), torch.autograd.grad(expected, (h, x), grad))


@pytest.mark.parametrize("shape", [(1, 4, 2, 3), (2, 1, 2, 3), (1, 4, 3)])
def test_first_and_second_derivatives(shape):
    h = torch.randn(shape, dtype=torch.complex128, requires_grad=True)
    x = torch.randn(2, 4, 3, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(filtered, (h, x), fast_mode=True)
    assert torch.autograd.gradgradcheck(filtered, (h, x), fast_mode=True)


def test_batches_by_vmap():
    h, x = torch.randn(1, 4, 2, 3), torch.randn(5, 2, 4, 3)
    torch.testing.assert_close(torch.vmap(lambda x: filtered(h, x))(x)[4], filtered(h, x[4]))


@pytest.mark.parametrize("shape", [(3, 2), (3, 1), (1, 2), (1, 1), (0, 2), (3, 0)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_a_constant_matrix_has_all_derivatives(shape, dtype):
    matrix = torch.randn(shape, dtype=dtype, requires_grad=True)
    x = torch.randn(shape[1], 5, dtype=dtype, requires_grad=True)
    torch.testing.assert_close(mixed(matrix, x), matrix @ x)
    assert torch.autograd.gradcheck(mixed, (matrix, x))
    assert torch.autograd.gradgradcheck(mixed, (matrix, x))


def test_constant_matrices_by_vmap():
    matrices, x = torch.randn(5, 1, 3), torch.randn(3, 7)
    torch.testing.assert_close(torch.vmap(lambda m: mixed(m, x))(matrices), matrices @ x)


def test_lower_precision_by_autocast_learns():
    matrix, x = torch.randn(3, 2, requires_grad=True), torch.randn(2, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = mixed(matrix, x)
    y.float().sum().backward()
    torch.testing.assert_close(matrix.grad, x.sum(1).expand(3, 2), rtol=0.02, atol=0.02)


def test_a_column_takes_one_row():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        mixed(torch.ones(3, 1), torch.ones(3, 5))
