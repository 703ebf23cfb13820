import copy

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear
from truth import golden

from flamo import dsp
from flamo_filters import accurate_geq, graphic
from flamo_filters.accurate_geq import bounded_least_squares
from flamo_filters.bands import eq_freqs
from flamo_filters.graphic import graphic_sections

FUNCTIONAL, _ = golden("functional")


@pytest.mark.parametrize("interval", [1, 3])
def test_bands_are_those_of_the_reference(interval):
    center, shelving = eq_freqs(interval, dtype=torch.float64)
    np.testing.assert_allclose(center.numpy(), FUNCTIONAL[f"eq_freqs_{interval}_center"], rtol=1e-12)
    np.testing.assert_allclose(shelving.numpy(), FUNCTIONAL[f"eq_freqs_{interval}_shelving"], rtol=1e-12)


def test_sections_are_those_of_the_reference():
    gain_db = torch.from_numpy(FUNCTIONAL["geq_gain_db"])[:, None]
    center, shelving = eq_freqs(dtype=torch.float64)
    b, a = graphic_sections(gain_db, center, shelving, 48000, -2)
    np.testing.assert_allclose(b[..., 0].numpy(), FUNCTIONAL["geq_first"], atol=1e-12)
    np.testing.assert_allclose(a[..., 0].numpy(), FUNCTIONAL["geq_second"], atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bound", [0.2, 1.0, 100.0])
def test_bounded_least_squares_equal_scipys(seed, bound):
    rng = np.random.default_rng(seed)
    matrix, targets = rng.standard_normal((40, 12)), rng.standard_normal((3, 40))
    bounds = np.array([np.inf, *[bound] * 11])
    expected = [lsq_linear(matrix, target, (-bounds, bounds), method="bvls", tol=1e-14).x for target in targets]
    actual = bounded_least_squares(torch.from_numpy(matrix), torch.from_numpy(targets), bound)
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-9)


def test_an_accurate_equaliser_reaches_its_targets():
    nfft = 96000
    geq = dsp.AccurateGEQ((1, 1), nfft=nfft, dtype=torch.float64)
    target_db = torch.tensor([0.0, 2.0, 3.0, 2.0, 0.0, -2.0, -3.0, -3.0, -1.0, 0.0, 0.0], dtype=torch.float64)
    geq.assign_value(10 ** (target_db / 20).reshape(-1, 1, 1))
    bins = (geq.center_freq * nfft / 48000).round().long()
    reached = 20 * geq.freq_response(geq.param)[bins, 0, 0].abs().log10()
    assert (reached - target_db[1:-1]).abs().max() < 0.5


def test_a_shelf_beyond_half_the_sampling_frequency_is_stable():
    """At 44.1 kHz the upper corner of the octave bands, 22.6 kHz, lies above fs/2."""
    geq = dsp.GEQ((1, 1), fs=44100, dtype=torch.float64)
    _, a = geq.sections(geq.values())
    for section in a[..., 0, 0].T.numpy():
        assert np.all(np.abs(np.roots(section)) < 1)


def test_a_gain_of_zero_has_finite_gradients():
    geq = dsp.GEQ((1, 1), nfft=64, requires_grad=True)
    geq.param.data[3] = 0.0
    geq.freq_response(geq.param).abs().sum().backward()
    assert geq.param.grad.isfinite().all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dsp.GEQ(fs=16000), "fs must be at least 32000 Hz for these bands, got 16000"),
        (lambda: dsp.AccurateGEQ(fs=16000), "fs must be at least 32000 Hz"),
        (lambda: dsp.GEQ(octave_interval=0), "octave_interval must be at least 1, got 0"),
        (lambda: dsp.AccurateGEQ(start_freq=100.0, end_freq=50.0), "start_freq < end_freq"),
        (lambda: dsp.SVF(filter_type="shelf"), "lowpass, highpass, .*notch, got 'shelf'"),
        (lambda: dsp.SVF(n_sections=0), "at least 1"),
        (lambda: dsp.SOSFilter(n_sections=0), "at least 1"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_gain_of_nothing_is_silence():
    """Minus infinity dB."""
    center, shelving = torch.tensor([1000.0]), torch.tensor([700.0, 1400.0])
    b, a = graphic_sections(torch.tensor([[-torch.inf], [0.0], [0.0], [0.0]]).double(), center, shelving, 48000, -2)
    assert (b[:, 0] == 0).all()
    assert a.isfinite().all()


@pytest.mark.parametrize("channels", [(0,), (2, 0)])
def test_no_channels_have_no_sections(channels):
    center, shelving = eq_freqs()
    targets, commands = (torch.ones(len(center) + more, *channels) for more in (2, 3))
    for sections in (
        accurate_geq.accurate_geq(targets, center, shelving),
        graphic.geq(center, shelving, 2.7, commands),
    ):
        assert [c.shape for c in sections] == [(3, len(center) + 3, *channels)] * 2


@pytest.mark.parametrize(
    "make",
    [
        lambda *where: graphic._weights((1000.0,), (700.0, 1400.0), 47999.0, 1.0, *where),  # used nowhere else
        lambda *where: accurate_geq._design((1000.0,), (700.0, 1400.0), 47999.0, *where),
    ],
)
def test_a_design_first_used_within_a_transform_serves_everyone(make):
    where = torch.float64, torch.device("cpu")
    torch.func.grad(lambda x: make(*where)[0].sum() * x)(torch.ones(()))
    copy.deepcopy(make(*where))  # torch refuses to copy what it has marked
