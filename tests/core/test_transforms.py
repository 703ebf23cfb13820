import copy
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


@pytest.fixture
def ffts(monkeypatch):
    """The number of FFTs that were computed, in a list."""
    count, rfft = [0], torch.fft.rfft

    def counted(*args, **kwargs):
        count[0] += 1
        return rfft(*args, **kwargs)

    monkeypatch.setattr(torch.fft, "rfft", counted)
    return count


LAYERS = [lambda: dsp.FFT(NFFT), lambda: dsp.FFTAntiAlias(NFFT, alias_decay_db=DECAY)]


def noise(seed=0):
    return torch.randn(2, NFFT, 3, generator=torch.Generator().manual_seed(seed))


def edit_signal(layer, x, spectrum):
    x[1, 2, 0] += 1.0


def edit_signal_behind_torch(layer, x, spectrum):
    x.numpy()[1, 2, 0] += 1.0


def edit_spectrum(layer, x, spectrum):
    spectrum.mul_(2.0)


def edit_spectrum_behind_torch(layer, x, spectrum):
    spectrum.numpy()[:] = 0.0


def another_signal(layer, x, spectrum):
    layer(noise(1))


def another_norm(layer, x, spectrum):
    layer.norm = "ortho"


def another_decay(layer, x, spectrum):
    layer.set_alias_decay_db(7.0)


CHANGES = [edit_signal, edit_signal_behind_torch, edit_spectrum, edit_spectrum_behind_torch, another_signal]


@pytest.mark.parametrize("make", LAYERS)
def test_a_signal_that_comes_again_is_not_transformed_again(make, ffts):
    layer, x = make(), noise()
    first = layer(x)
    assert torch.equal(layer(x.clone()), first)
    assert ffts == [1]


@pytest.mark.parametrize("change", [*CHANGES, another_norm, another_decay])
@pytest.mark.parametrize("make", LAYERS)
def test_no_spectrum_is_stale(make, change):
    layer, x = make(), noise()
    change(layer, x, layer(x))
    assert torch.equal(layer(x), copy.deepcopy(layer)(x))


def test_what_a_subclass_does_before_is_heard_and_learned():
    class Windowed(dsp.FFTAntiAlias):
        def __init__(self):
            super().__init__(NFFT, alias_decay_db=10.0)
            self.window = torch.nn.Parameter(torch.ones(NFFT, 1))

        def undo_decay(self, x):
            return super().undo_decay(x) * self.window

    layer = Windowed()
    for _ in range(2):
        layer(noise()).abs().sum().backward()
    with torch.no_grad():
        before = layer(noise())
        layer.window.mul_(2.0)
        torch.testing.assert_close(layer(noise()), 2 * before)


def test_another_number_of_points_is_another_spectrum(ffts):
    layer, x = dsp.FFT(NFFT), noise()
    layer(x)
    assert torch.equal(layer.set_nfft(2 * NFFT)(x), torch.fft.rfft(x, 2 * NFFT, dim=1))


def test_what_is_remembered_in_inference_mode_serves_training(ffts):
    layer = dsp.FFT(NFFT)
    with torch.inference_mode():
        layer(noise())
    gain = torch.ones((), requires_grad=True)
    (layer(noise()) * gain).abs().sum().backward()
    assert gain.grad > 0
    assert ffts == [1]


def test_a_signal_that_learns_has_its_gradient():
    layer, x = dsp.FFT(NFFT), noise()
    layer(x)
    x.requires_grad_()
    layer(x)[:, 0].real.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_a_derivative_along_a_direction_passes():
    layer, x = dsp.FFT(NFFT), noise()
    layer(x)
    _, tangent = torch.func.jvp(layer, (x,), (noise(1),))
    torch.testing.assert_close(tangent, torch.fft.rfft(noise(1), dim=1))


@pytest.mark.parametrize(("samples", "device"), [((1 << 22) + 1, "cpu"), (NFFT, "meta")])
def test_large_signals_and_hollow_ones_are_not_kept(samples, device):
    layer = dsp.FFT(NFFT)
    layer(torch.zeros(1, samples, 1, device=device))
    assert layer._last._kept is None


def test_a_copy_starts_without(ffts):
    layer = dsp.FFT(NFFT)
    layer(noise())
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other._last._kept is None
