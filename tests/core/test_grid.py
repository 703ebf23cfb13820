import copy

import numpy as np
import pytest
import torch

from flamo.core.grid import FrequencyGrid


@pytest.mark.parametrize("nfft", [1, 2, 7, 512])
@pytest.mark.parametrize("alias_decay_db", [0.0, 30.0, -30.0])
def test_points_are_where_the_fft_of_a_decayed_signal_is(nfft, alias_decay_db):
    grid = FrequencyGrid(nfft, alias_decay_db)
    x = np.random.default_rng(0).standard_normal(nfft)
    polynomial = np.polynomial.polynomial.polyval(grid.points().numpy(), x)
    expected = np.fft.rfft(x * grid.gamma ** np.arange(nfft))
    np.testing.assert_allclose(polynomial, expected, atol=1e-12 * nfft)


def test_the_ends_and_the_middle_are_exact():
    assert FrequencyGrid(96000).points()[[0, 24000, 48000]].tolist() == [1, -1j, -1]


def test_the_envelope_falls_by_alias_decay_db_over_nfft_samples():
    grid = FrequencyGrid(1000, 30.0)
    envelope = grid.envelope()
    assert envelope[0] == 1.0
    assert 20 * torch.log10(envelope[-1]).item() == pytest.approx(-30.0 * 999 / 1000, abs=1e-10)
    assert grid.gamma**1000 == pytest.approx(10 ** (-30 / 20), rel=1e-12)


def test_points_are_computed_once_and_shared():
    assert FrequencyGrid(64, 10.0).points() is FrequencyGrid(64, 10.0).points("cpu")


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.jacfwd, torch.func.hessian])
def test_what_is_first_used_within_a_transform_serves_everyone(transform):
    grid = FrequencyGrid(1000 + len(transform.__name__))  # used nowhere else
    transform(lambda x: ((grid.points().abs() + grid.envelope()[: grid.bins]) * x).sum())(torch.ones(grid.bins))
    points, envelope = copy.deepcopy((grid.points(), grid.envelope()))  # torch refuses to copy what it has marked
    np.testing.assert_allclose(points, np.exp(-2j * np.pi * np.arange(grid.bins) / grid.nfft))
    np.testing.assert_array_equal(envelope, np.ones(grid.nfft))


@pytest.mark.parametrize(("nfft", "error"), [(0, ValueError), (-4, ValueError), (2.5, TypeError), (True, TypeError)])
def test_an_impossible_nfft_is_named(nfft, error):
    with pytest.raises(error, match="nfft"):
        FrequencyGrid(nfft)


@pytest.mark.parametrize("alias_decay_db", [float("nan"), float("inf")])
def test_an_impossible_decay_is_named(alias_decay_db):
    with pytest.raises(ValueError, match="alias_decay_db"):
        FrequencyGrid(8, alias_decay_db)
