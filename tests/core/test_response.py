import itertools

import pytest
import torch
from torch import nn

from flamo import dsp
from flamo.core.response import Response, has_response, response_of

B, F, N = 2, 5, 3
LAYOUTS = [
    (*shape, *channels) for shape in ((1, 1), (1, F), (B, 1), (B, F)) for channels in ((N,), (N, N))
]  # shared or per item, constant or per bin, diagonal or full


def make(shape):
    return Response(torch.randn(shape, dtype=torch.complex128))


def dense(response):
    return response.full().expand(B, F, -1, -1)


@pytest.mark.parametrize("shape", LAYOUTS)
@pytest.mark.parametrize("trailing", [(), (4,), (4, 2)])
def test_apply_is_a_matrix_product_in_every_bin(shape, trailing):
    h, x = make(shape), torch.randn(B, F, N, *trailing, dtype=torch.complex128)
    expected = (dense(h) @ x.reshape(B, F, N, -1)).reshape(x.shape)
    torch.testing.assert_close(h.apply(x), expected)


@pytest.mark.parametrize("shape", LAYOUTS)
@pytest.mark.parametrize(("batch", "bins"), [(B, 0), (0, 0), (0, F)])
@pytest.mark.parametrize("trailing", [(), (4, 2)])
def test_a_spectrum_of_nothing_stays_one(shape, batch, bins, trailing):
    items = batch if shape[0] == B else 1
    h = torch.randn(items, bins if shape[1] == F else 1, *shape[2:])
    for dtype in (torch.float32, torch.complex64):
        x = torch.randn(batch, bins, N, *trailing, dtype=dtype)
        assert Response(h).apply(x).shape == x.shape


@pytest.mark.parametrize(("left", "right"), list(itertools.product(LAYOUTS, LAYOUTS)))
def test_cascade_and_sum_are_those_of_the_dense_matrices(left, right):
    g, h = make(left), make(right)
    torch.testing.assert_close(dense(g @ h), dense(g) @ dense(h))
    torch.testing.assert_close(dense(g + h), dense(g) + dense(h))
    torch.testing.assert_close(dense(g.stack(h)), torch.cat((dense(g), dense(h)), 2))


def test_a_cascade_keeps_the_smallest_layout():
    diagonal, full = make((1, F, N)), make((1, 1, N, N))
    assert (diagonal @ diagonal).diagonal
    assert not (diagonal @ full).diagonal
    assert (full @ full).tensor.shape == (1, 1, N, N)


def test_real_gains_meet_complex_spectra():
    gain = Response(torch.ones(1, 1, N))
    assert gain.apply(torch.ones(1, F, N, dtype=torch.complex128)).dtype == torch.complex128
    mixed = gain @ Response(torch.ones(1, F, N, N, dtype=torch.complex64))
    assert mixed.tensor.dtype == torch.complex64


@pytest.mark.parametrize("combine", [Response.__matmul__, Response.__add__])
def test_channels_that_do_not_match_are_named(combine):
    with pytest.raises(ValueError, match="2 channels where the other has 3"):
        combine(make((1, F, 2)), make((1, F, 3)))


def test_the_action_on_unit_vectors_is_the_response_of_any_linear_module():
    linear = nn.Linear(3, 2, bias=False, dtype=torch.complex128)
    like = torch.empty(1, F, 3, dtype=torch.complex128)
    torch.testing.assert_close(response_of(linear, like).full()[0], linear.weight.expand(F, -1, -1))


def test_a_hook_or_an_own_forward_outweighs_the_response():
    class Halved(dsp.Gain):
        def forward(self, x, ext_param=None):
            return 0.5 * super().forward(x, ext_param)

    like = torch.empty(1, F, 2, dtype=torch.complex64)
    halved = Halved((2, 2), nfft=8)
    assert not has_response(halved)
    torch.testing.assert_close(response_of(halved, like).full()[0, 0].real, 0.5 * halved.param)
    hooked = dsp.Gain((2, 2), nfft=8)
    hooked.register_forward_hook(lambda module, args, output: 3 * output)
    torch.testing.assert_close(response_of(hooked, like).full()[0, 0].real, 3 * hooked.param)
