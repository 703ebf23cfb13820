import pickle

import pytest
import torch
from truth import golden, peak_error

from flamo import dsp

DATA, META = golden("transforms")
NFFT, DECAY = META["nfft"], META["alias_decay_db"]


def tensor(name):
    return torch.from_numpy(DATA[name])


def test_golden_numbers():
    x, x2, spectrum = tensor("x"), tensor("x2"), dsp.FFT(NFFT)(tensor("x2"))
    results = {
        "FFT": dsp.FFT(NFFT)(x),
        "FFTAntiAlias_x2": dsp.FFTAntiAlias(NFFT, alias_decay_db=DECAY)(x2),
        "iFFT_X2": dsp.iFFT(NFFT)(spectrum),
        "iFFTAntiAlias_X2": dsp.iFFTAntiAlias(NFFT, alias_decay_db=DECAY)(spectrum),
    }
    for name, result in results.items():
        assert peak_error(result, DATA[name]) < 1e-9, name


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_the_inverse_is_one(norm):
    x = tensor("x2")
    torch.testing.assert_close(dsp.iFFT(NFFT, norm)(dsp.FFT(NFFT, norm)(x)), x)


def test_parseval():
    x = tensor("x2")
    X = dsp.FFT(NFFT, "ortho")(x).abs().square()
    energy = 2 * X.sum(1) - X[:, 0] - X[:, -1]
    torch.testing.assert_close(energy, x.square().sum(1))


def test_antialiasing_undoes_the_decay_of_the_grid():
    """A one-pole whose tail is far longer than nfft: sampled with decay, it comes back with less aliasing."""
    pole, n = 0.999, torch.arange(NFFT, dtype=torch.float64)
    grid_points = dsp.Gain(nfft=NFFT, alias_decay_db=60.0).grid.points()
    response = (1 / (1 - pole * grid_points))[None, :, None]
    restored = dsp.iFFTAntiAlias(NFFT, alias_decay_db=60.0)(response)[0, :, 0]
    plain = torch.fft.irfft(1 / (1 - pole * dsp.Gain(nfft=NFFT).grid.points()), n=NFFT)
    exact = pole**n
    assert (restored - exact).abs().max() < 1e-3 < (plain - exact).abs().max()


def test_a_transform_is_whatever_function_is_assigned():
    layer = dsp.Transform(torch.abs)
    assert layer(torch.tensor([-1.0])) == 1.0
    layer.transform = torch.neg
    assert layer(torch.tensor([-1.0])) == 1.0
    assert dsp.Transform()(torch.tensor([-1.0])) == -1.0


@pytest.mark.parametrize("layer", [dsp.FFT(8), dsp.iFFT(8), dsp.FFTAntiAlias(8), dsp.iFFTAntiAlias(8), dsp.Transform()])
def test_transforms_can_be_pickled_and_follow_the_grid(layer):
    copied = pickle.loads(pickle.dumps(layer))
    assert repr(copied) == repr(layer)
    assert getattr(copied.set_nfft(16).set_alias_decay_db(10.0), "nfft", 16) == 16


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dsp.FFT(0), "nfft"),
        (lambda: dsp.FFT(8, norm="half"), "norm must be one of backward, ortho, forward, got 'half'"),
        (lambda: dsp.FFTAntiAlias(8)(torch.ones(1, 7, 1)), "nfft=8 samples, got 7"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_transform_that_is_no_function_is_refused():
    with pytest.raises(TypeError, match="callable"):
        dsp.Transform("abs")
