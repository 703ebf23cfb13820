import numpy as np
import pytest
import torch
from scipy import signal

from flamo import ComplexError, GroupDelayError, MagnitudeError
from flamo_losses.scales import SCALES

BINS, FS = 4097, 48000
F = np.arange(BINS) * FS / 2 / (BINS - 1)


def spectrum(values):
    return torch.as_tensor(values)[None, :, None]


def in_db(level):
    return spectrum(10 ** (level / 20) * np.ones(BINS))


def on_scale(scale, low, high, error):
    """The mean of a function of frequency over a scale, by sampling that evenly."""
    ends = [SCALES[scale](torch.tensor(float(f), dtype=torch.float64)).item() for f in (low, high)]
    dense = torch.linspace(low, high, 2_000_001, dtype=torch.float64)
    at = np.interp(np.linspace(*ends, 100_001), SCALES[scale](dense), dense)
    return error(at).mean()


def test_scales_have_the_values_of_their_sources():
    """ERB numbers of Glasberg and Moore (1990), mels of Slaney (1998)."""
    f = torch.tensor([200.0, 1000.0, 6400.0], dtype=torch.float64)
    expected = {"erb": 21.4 * np.log10(4.37 * f / 1000 + 1), "mel": [3.0, 15.0, 42.0], "log": np.log2(f), "linear": f}
    for name, scale in SCALES.items():
        np.testing.assert_allclose(scale(f), expected[name])


@pytest.mark.parametrize("scale", SCALES)
def test_the_scale_counts_evenly_over_the_band(scale):
    tilt = np.log2(np.maximum(F, 1.0) / 1000)
    loss = MagnitudeError(FS, scale, low=100, high=10000)(in_db(3 * tilt), in_db(0))
    expected = on_scale(scale, 100, 10000, lambda f: (3 * np.log2(f / 1000)) ** 2)
    assert loss.item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("scale", SCALES)
def test_nothing_out_of_the_band_counts(scale):
    level = np.where((F < 990) | (F > 5010), 60.0, 0.0)
    assert MagnitudeError(FS, scale, low=1000, high=5000)(in_db(level), in_db(0)) == 0


def test_a_band_within_one_bin_is_that_bin():
    level = np.zeros(BINS)
    level[100] = 6.0
    assert MagnitudeError(FS, low=F[100] - 1, high=F[100] + 1)(in_db(level), in_db(0)).item() == pytest.approx(36.0)


@pytest.mark.parametrize("scale", SCALES)
def test_weights_are_interpolated_on_the_scale(scale):
    weights = ((200.0, 1.0), (2000.0, 3.0), (8000.0, 0.0))
    level = np.log2(np.maximum(F, 1.0) / 1000)
    loss = MagnitudeError(FS, scale, 50, 12000, weights)(in_db(level), in_db(0))
    at = SCALES[scale](torch.tensor([200.0, 2000.0, 8000.0], dtype=torch.float64)).numpy()

    def weight(f):
        return np.interp(SCALES[scale](torch.from_numpy(f)).numpy(), at, [1.0, 3.0, 0.0])

    weighted = on_scale(scale, 50, 12000, lambda f: weight(f) * np.log2(f / 1000) ** 2)
    assert loss.item() == pytest.approx(weighted / on_scale(scale, 50, 12000, weight), rel=2e-3)


def test_the_mean_over_the_band_can_be_left_out():
    level = np.where(F > 1000, 3.0, 0.0)
    loss = MagnitudeError(FS, low=100, high=10000, remove_mean=True)
    assert loss(in_db(level + 10), in_db(0)).item() == pytest.approx(1.5**2, rel=1e-2)


def test_magnitudes_below_the_floor_count_as_that():
    assert MagnitudeError(FS, floor=-80)(in_db(-200), in_db(-60)).item() == pytest.approx(400)


def test_a_spectrum_has_the_error_of_its_magnitude():
    x, y = (torch.randn(2, 33, 2, dtype=torch.complex128) for _ in range(2))
    assert MagnitudeError()(x, y) == MagnitudeError()(x.abs(), y.abs())
    assert ComplexError()(x, y) > ComplexError()(x.abs(), y.abs())


def test_the_complex_error_is_the_mean_square():
    x, y = (torch.randn(2, BINS, 2, dtype=torch.complex128) for _ in range(2))
    loss = ComplexError(FS, "linear", low=0)(x, y)
    expected = np.trapezoid((x - y).abs().square().mean((0, 2)), F) / (FS / 2)
    assert loss.item() == pytest.approx(expected)


def test_the_group_delay_is_that_of_scipy():
    b, a = signal.butter(4, 1000, fs=FS)
    inside = F[1:] <= 5000
    _, delay = signal.group_delay((b, a), w=(F[1:] + F[:-1])[inside] / 2, fs=FS)
    h = np.fft.rfft(signal.lfilter(b, a, np.eye(1, 2 * BINS - 2)[0]))
    band = {"low": 0, "high": F[1:][inside][-1]}
    loss = GroupDelayError(FS, "linear", **band)(spectrum(h), spectrum(np.ones(BINS) + 0j))
    assert loss.item() == pytest.approx(((delay * 1000 / FS) ** 2).mean(), rel=1e-4)


@pytest.mark.parametrize("delays", [(300, 1), (8000, 4200), (5, 8190), (4000, 4200)])
def test_delays_may_be_long_if_they_differ_by_less_than_half(delays):
    turn = np.exp(-1j * np.pi * np.arange(BINS) / (BINS - 1))
    loss = GroupDelayError(FS)(spectrum(turn ** delays[0]), spectrum(turn ** delays[1]))
    difference = (delays[0] - delays[1] + 4096) % 8192 - 4096
    assert loss.item() == pytest.approx((difference * 1000 / FS) ** 2, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scale": "bark"}, ValueError, "scale must be one of linear, log, mel, erb, got 'bark'"),
        ({"low": 0}, ValueError, "low must be above 0 on a logarithmic scale"),
        ({"low": 500, "high": 100}, ValueError, r"0 ≤ low < high ≤ fs/2 = 24000 Hz, got low=500 and high=100"),
        ({"high": 30000}, ValueError, "got low=20.0 and high=30000"),
        ({"fs": 0}, ValueError, "fs must be above 0"),
        ({"weights": [1, 2]}, TypeError, "weights must be pairs of frequency and weight"),
        ({"weights": []}, ValueError, "at frequencies above 0 that ascend"),
        ({"weights": [(200, 1), (100, 1)]}, ValueError, "at frequencies above 0 that ascend"),
        ({"weights": [(100, -1)]}, ValueError, "weights must be at least 0"),
    ],
)
def test_a_wrong_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        ComplexError(**arguments)


def test_weights_that_are_zero_in_the_band_are_refused():
    y = spectrum(np.ones(BINS))
    with pytest.raises(ValueError, match="weights are 0 everywhere from 20 to 24000 Hz"):
        ComplexError(weights=((1000, 0),))(y, y)


def test_a_magnitude_has_no_group_delay():
    y = spectrum(np.ones(BINS))
    with pytest.raises(ValueError, match="must be complex"):
        GroupDelayError()(y, y)
