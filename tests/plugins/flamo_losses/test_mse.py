import pytest
import torch

from flamo import mse_loss


@pytest.mark.parametrize("target_shape", [(2, 5), (2, 5, 1)])
def test_channels_are_summed_before_the_comparison(target_shape):
    prediction, target = torch.randn(2, 5, 3), torch.randn(target_shape)
    expected = torch.nn.functional.mse_loss(prediction.sum(-1), target.reshape(2, 5))
    torch.testing.assert_close(mse_loss()(prediction, target), expected)


def test_complex_spectra_have_a_real_error():
    prediction = torch.randn(2, 5, 1, dtype=torch.complex64)
    torch.testing.assert_close(mse_loss()(prediction, torch.zeros(2, 5, 1)), prediction.abs().square().mean())


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"needs a target \(2, 5, 1\), got \(2, 5, 3\)"):
        mse_loss()(torch.ones(2, 5, 3), torch.ones(2, 5, 3))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_squares_of_the_residuals_add_up_to_the_loss(dtype):
    prediction, target = torch.randn(2, 9, 3, dtype=dtype), torch.randn(2, 9, 1, dtype=dtype)
    loss = mse_loss()
    residuals = loss.residuals(prediction, target)
    assert residuals.ndim == 1
    torch.testing.assert_close(residuals.square().sum(), loss(prediction, target))
