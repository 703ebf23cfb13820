import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flamo.kernels import loop as kernel
from flamo.kernels.loop import close_channels, close_fed, close_loop, close_network


def random_network(n, bins, left, right, is_complex, seed=0, gain=0.9):
    """Ends and a matrix in float64, of a loop whose gain is below one."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape, dtype=torch.complex128):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    matrix = draw(n, n, dtype=torch.complex128 if is_complex else torch.float64)
    matrix = gain * matrix / max(1.0, torch.linalg.matrix_norm(matrix, 2).item()) if n else matrix
    ends = []
    for end in (left, right):
        if end == "none":
            ends.append(None)
            continue
        values = draw(bins if end == "bins" else 1, n)
        values = values / values.abs().clamp(min=1e-9)
        ends.append(values.real.clone() if end == "real" else values)
    return ends[0], matrix, ends[1]


def dense(left, matrix, right, bins):
    full = matrix.to(torch.complex128).expand(bins, -1, -1)
    full = full if left is None else left[:, :, None] * full
    return full if right is None else full * right[:, None, :]


def as_type(dtype, *tensors):
    return [None if t is None else t.to(dtype if t.is_complex() else dtype.to_real()) for t in tensors]


ENDS = st.sampled_from(["none", "same", "bins", "real"])


@given(
    n=st.integers(0, 6),
    bins=st.integers(0, 80),
    batch=st.integers(1, 3),
    columns=st.integers(0, 7),
    ends=st.tuples(ENDS, ENDS),
    is_complex=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_network_is_the_inverse_by_numpy(version, n, bins, batch, columns, ends, is_complex, seed):
    left, matrix, right = random_network(n, bins, *ends, is_complex, seed)
    x = torch.randn(batch, bins, n, columns, dtype=torch.complex128)
    system = np.eye(n) - dense(left, matrix, right, bins).numpy()
    truth = np.linalg.solve(system, x.numpy()) if x.numel() else x.numpy()
    for dtype, tolerance in ((torch.complex128, 1e-11), (torch.complex64, 1e-4)):
        y = close_network(*as_type(dtype, left, matrix, right, x))
        assert y.shape == x.shape
        assert y.dtype == dtype
        np.testing.assert_allclose(y, truth, rtol=0, atol=tolerance * np.abs(truth).max(initial=0))


@given(
    n=st.integers(0, 6),
    bins=st.integers(0, 80),
    batch=st.integers(1, 3),
    columns=st.integers(0, 7),
    end=st.sampled_from(["same", "bins", "real"]),
    is_complex=st.booleans(),
    silent=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_fed_network_hears_its_input_through_its_delays(
    version, n, bins, batch, columns, end, is_complex, silent, seed
):
    """Also where a line is silent: there is no inverse of its response then."""
    d, matrix, _ = random_network(n, bins, end, "none", is_complex, seed)
    d = d * (torch.arange(d.numel()).reshape(d.shape) % 5 > 0) if silent else d
    x = torch.randn(batch, bins, n, columns, dtype=torch.complex128)
    truth = np.linalg.solve(np.eye(n) - dense(d, matrix, None, bins).numpy(), (d[:, :, None] * x).numpy())
    for dtype, tolerance in ((torch.complex128, 1e-11), (torch.complex64, 1e-4)):
        y = close_fed(*as_type(dtype, d, matrix, x))
        assert (y.shape, y.dtype) == (x.shape, dtype)
        np.testing.assert_allclose(y, truth, rtol=0, atol=tolerance * np.abs(truth).max(initial=0))


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("end", ["bins", "same", "real"])
def test_derivatives_of_a_fed_network(version, end, is_complex):
    d, matrix, _ = random_network(2, 33, end, "none", is_complex)
    inputs = [t.requires_grad_() for t in (d, matrix, torch.randn(2, 33, 2, 1, dtype=torch.complex128))]
    assert torch.autograd.gradcheck(close_fed, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(close_fed, inputs, fast_mode=True)


def test_fed_networks_by_vmap(version):
    d, matrix, _ = random_network(3, 40, "bins", "none", False)
    x = torch.randn(5, 1, 40, 3, 1, dtype=torch.complex128)
    batch = torch.vmap(lambda x: close_fed(d, matrix, x))(x)
    torch.testing.assert_close(batch[4], close_fed(d, matrix, x[4]))


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("ends", [("bins", "none"), ("same", "bins"), ("bins", "bins"), ("none", "real")])
def test_gradients_of_a_network(version, ends, is_complex):
    left, matrix, right = random_network(2, 33, *ends, is_complex)
    x = torch.randn(2, 33, 2, 1, dtype=torch.complex128)
    inputs = [None if t is None else t.requires_grad_() for t in (left, matrix, right, x)]
    assert torch.autograd.gradcheck(close_network, inputs, fast_mode=True)


def test_second_derivatives_of_a_network(version):
    left, matrix, _ = random_network(2, 33, "bins", "none", False)
    x = torch.randn(1, 33, 2, 1, dtype=torch.complex128, requires_grad=True)
    inputs = (left.requires_grad_(), matrix.requires_grad_(), None, x)
    assert torch.autograd.gradgradcheck(close_network, inputs, fast_mode=True)


def test_many_columns_share_a_loop(version):
    left, matrix, _ = random_network(3, 40, "bins", "none", False)
    x = torch.randn(2, 40, 3, 19, dtype=torch.complex128)
    y = close_network(left, matrix, None, x)
    torch.testing.assert_close(y[1, :, :, 18], close_network(left, matrix, None, x[1:, :, :, 18:])[0, :, :, 0])


def test_a_lossless_network_in_float32(version):
    """All poles on the circle: as near to singular as it gets, and no pivot is large."""
    n, bins = 8, 4001
    matrix = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64))[0]
    lengths = torch.tensor([499, 563, 641, 787, 857, 977, 1049, 1217])
    left = torch.exp(-1j * torch.pi * torch.arange(0.5, bins)[:, None].double() * lengths / bins)
    x = torch.randn(1, bins, n, 1, dtype=torch.complex128)
    exact, single = (close_network(*as_type(d, left, matrix, None, x)) for d in (torch.complex128, torch.complex64))
    residual = single - (left[:, :, None] * matrix @ single.to(torch.complex128) + x)
    assert (residual.abs().amax((2, 3)) / exact.abs().amax((2, 3))).max() < 1e-5


def test_bins_that_need_pivoting_get_it(version):
    """I - L with zeros, and almost zeros, on its diagonal: elimination in order fails, the system is harmless."""
    bins = 64
    left = torch.ones(bins, 2, dtype=torch.complex128)
    left[::3] *= 1 - 1e-9
    left[1::3] = 0.3
    matrix = torch.tensor([[1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64)
    x = torch.randn(1, bins, 2, 1, dtype=torch.complex128)
    for dtype, tolerance in ((torch.complex128, 1e-12), (torch.complex64, 1e-5)):
        y = close_network(*as_type(dtype, left, matrix, None, x))
        expected = torch.linalg.solve(torch.eye(2) - dense(left, matrix, None, bins), x)
        assert (y - expected).abs().max() < tolerance * expected.abs().max()


def test_a_pole_on_the_grid_is_named(version):
    left = torch.full((40, 2), 0.5, dtype=torch.complex64)
    left[17] = 1.0
    with pytest.raises(torch.linalg.LinAlgError, match="pole on the grid"):
        close_network(left, torch.eye(2), None, torch.ones(1, 40, 2, 1, dtype=torch.complex64))
    with pytest.raises(torch.linalg.LinAlgError, match="pole on the grid"):
        close_fed(left, torch.eye(2), torch.ones(1, 40, 2, 1, dtype=torch.complex64))
    with pytest.raises(torch.linalg.LinAlgError, match="pole on the grid"):
        close_channels(left[None], torch.ones(1, 40, 2, dtype=torch.complex64))


def test_what_is_not_a_number_stays_in_its_bin(version):
    left, matrix, _ = random_network(3, 64, "bins", "none", False)
    x = torch.randn(1, 64, 3, 1, dtype=torch.complex128)
    x[0, 9] = float("nan")
    y = close_network(left, matrix, None, x)
    assert y.isfinite().all((0, 2, 3)).tolist() == [k != 9 for k in range(64)]


def test_spectra_and_gradients_may_lie_in_memory_as_they_like(version, laid_out):
    left, matrix, _ = random_network(3, 50, "bins", "none", True)
    x = laid_out(torch.randn(2, 50, 3, 2, dtype=torch.complex128), bins=1)
    inputs = left, matrix = left.requires_grad_(), matrix.mT.contiguous().mT.requires_grad_()
    y, expected = close_network(left, matrix, None, x), close_loop(dense(left, matrix, None, 50)[None], x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(torch.autograd.grad(y, inputs, x), torch.autograd.grad(expected, inputs, x))


@pytest.mark.parametrize("ends", [("bins", "none"), ("none", "bins"), ("bins", "bins"), ("same", "bins")])
def test_the_bins_of_a_channel_lie_side_by_side(version, laid_out, ends):
    left, matrix, right = random_network(3, 50, *ends, False)
    y = close_network(left, matrix, right, laid_out(torch.randn(2, 50, 3, 1, dtype=torch.complex128), bins=1))
    assert y.stride(1) == 1


def test_what_a_backward_pass_needed_goes_with_it(version, monkeypatch):
    kept, factored = [], torch.linalg.lu_factor_ex
    monkeypatch.setattr(torch.linalg, "lu_factor_ex", lambda system: remember(factored(system)))

    def remember(factors):
        kept.extend(weakref.ref(t) for t in factors[:2])
        return factors

    left, matrix, _ = random_network(3, 50, "bins", "none", False)
    y = close_network(left, matrix.requires_grad_(), None, torch.ones(1, 50, 3, 1, dtype=torch.complex128))
    assert len(kept) == (2 if version == "plain" else 0)
    assert all(t() is not None for t in kept)
    y.abs().sum().backward()
    assert all(t() is None for t in kept)


def test_networks_by_vmap(version):
    left, matrix, _ = random_network(3, 40, "bins", "none", False)
    x = torch.randn(5, 1, 40, 3, 1, dtype=torch.complex128)
    batch = torch.vmap(lambda x: close_network(left, matrix, None, x))(x)
    torch.testing.assert_close(batch[4], close_network(left, matrix, None, x[4]))


def test_many_lines_after_the_number_of_threads_was_set(version):
    """Where torch's own batched LU goes wrong (torch 2.13 with MKL, from about 150 rows on)."""
    left, matrix, right = random_network(200, 3, "bins", "none", False)
    x = torch.randn(2, 3, 200, 1, dtype=torch.complex128)
    system = np.eye(200) - dense(left, matrix, right, 3).numpy()
    truth = torch.from_numpy(np.linalg.solve(system, x.numpy()))
    torch.testing.assert_close(close_network(left, matrix, right, x), truth, rtol=1e-9, atol=1e-9)
    loop = torch.eye(200) - torch.from_numpy(system)
    for batch in (loop[None], loop.expand(2, -1, -1, -1)):
        torch.testing.assert_close(close_loop(batch, x), truth, rtol=1e-9, atol=1e-9)


def test_a_real_network_stays_real():
    y = close_network(torch.full((1, 2), 0.5), torch.eye(2), None, torch.ones(1, 3, 2, 1))
    assert torch.equal(y, torch.full((1, 3, 2, 1), 2.0))


@pytest.mark.parametrize(("loops", "items"), [(1, 1), (1, 4), (4, 4), (4, 1)])
def test_every_item_and_column_satisfies_the_loop(loops, items):
    loop = 0.3 * torch.randn(loops, 5, 3, 3, dtype=torch.complex128)
    x = torch.randn(items, 5, 3, 2, dtype=torch.complex128)
    y = close_loop(loop, x)
    assert y.shape == (max(loops, items), 5, 3, 2)
    torch.testing.assert_close(y, loop @ y + x.expand_as(y))


@pytest.mark.parametrize(("loops", "items"), [(0, 0), (0, 1), (1, 0)])
def test_no_items_are_none(loops, items):
    assert close_loop(torch.zeros(loops, 5, 3, 3), torch.ones(items, 5, 3, 2)).shape == (0, 5, 3, 2)


def test_a_real_constant_loop_serves_every_bin():
    loop, x = 0.3 * torch.randn(1, 1, 3, 3), torch.randn(2, 5, 3, 1, dtype=torch.complex64)
    y = close_loop(loop, x)
    torch.testing.assert_close(y, loop.to(torch.complex64) @ y + x)


def test_gradients():
    loop = (0.3 * torch.randn(1, 2, 3, 3, dtype=torch.complex128)).requires_grad_()
    x = torch.randn(2, 2, 3, 1, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(close_loop, (loop, x))


def test_the_fused_version_sees_growth(monkeypatch):
    """Without the check by the residual the pivots above would go through."""
    pytest.importorskip("numba")
    monkeypatch.setattr(kernel, "ROUNDING", float("inf"))
    monkeypatch.setattr(kernel.backend, "PAYS", 0)
    left, matrix = torch.full((64, 2), 1 - 1e-9).to(torch.complex64), torch.tensor([[1.0, 1.0], [-1.0, 1.0]])
    left[:, 0] = 1 - 1e-7
    x = torch.randn(1, 64, 2, 1, dtype=torch.complex64)
    y = close_network(left, matrix, None, x)
    exact = close_network(*as_type(torch.complex128, left, matrix, None, x))
    assert (y - exact).abs().max() > 1e-5 or not y.isfinite().all()
