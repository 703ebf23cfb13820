"""The error of a level at the points of a curve."""

import numpy as np
import pytest
import torch

from flamo import CurveError

FREQUENCY = (50.0, 100.0, 1000.0, 4000.0, 16000.0)


@pytest.fixture
def levels():
    rng = np.random.default_rng(0)
    return [torch.as_tensor(rng.standard_normal((2, 5, 3))) for _ in range(2)]


@pytest.mark.parametrize("remove_mean", [True, False])
def test_it_is_the_weighted_mean_square(levels, remove_mean):
    weights = ((100.0, 1.0), (1000.0, 3.0), (4000.0, 0.5))
    loss = CurveError(FREQUENCY, weights, ignore=((3000.0, 5000.0),), remove_mean=remove_mean)
    w = np.array([1.0, 1.0, 3.0, 0.0, 0.5])
    error = (levels[0] - levels[1]).numpy()
    if remove_mean:
        error = error - np.average(error, axis=1, weights=w)[:, None]
    assert loss(*levels).item() == pytest.approx(np.average(error**2, axis=1, weights=w).mean())
    assert loss.residuals(*levels).square().sum().item() == pytest.approx(loss(*levels).item())


def test_without_weights_every_point_counts_the_same(levels):
    assert CurveError()(*levels).item() == pytest.approx((levels[0] - levels[1]).square().mean().item())


def test_weights_are_interpolated_over_log_frequency(levels):
    between = CurveError((10.0, 100.0, 1000.0, 2000.0, 3000.0), ((10.0, 0.0), (1000.0, 4.0)))
    np.testing.assert_allclose(between.weight(5), np.array([0, 2, 4, 4, 4]) / 14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": ((100.0, -1.0),)}, "weights must be at least 0"),
        ({"weights": ((100.0, 1.0), (50.0, 1.0))}, "that ascend"),
        ({"weights": (1.0,)}, "weights must be pairs"),
        ({"ignore": ((200.0, 100.0),)}, "ignore must be pairs of ascending frequencies"),
        ({"ignore": (3.0,)}, "ignore must be pairs of frequencies in Hz, got 3.0"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        CurveError(FREQUENCY, **arguments)


def test_points_that_do_not_fit_are_told(levels):
    with pytest.raises(ValueError, match="weights need the frequencies of all 5 points, got 0"):
        CurveError(weights=((100.0, 1.0),))(*levels)
    with pytest.raises(ValueError, match="no point counts"):
        CurveError(FREQUENCY, ignore=((1.0, 20000.0),))(*levels)
    with pytest.raises(ValueError, match="must be levels in dB, got complex"):
        CurveError()(levels[0] + 0j, levels[1])
