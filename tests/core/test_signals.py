import pytest
import torch

from flamo.functional import gen_velvet_noise, signal_gallery

KINDS = ["impulse", "sine", "sweep", "exp", "wgn", "noise", "velvet"]


@pytest.mark.parametrize("kind", KINDS)
def test_shape_and_dtype(kind):
    x = signal_gallery(2, 480, 3, kind, rate=1000.0, dtype=torch.float64)
    assert (x.shape, x.dtype) == ((2, 480, 3), torch.float64)
    x[0, 0, 0] = 5.0  # memory of its own
    assert x[1, 0, 0] != 5.0


@pytest.mark.parametrize("kind", ["wgn", "velvet"])
def test_random_signals_differ_between_channels_and_items(kind):
    x = signal_gallery(2, 4800, 2, kind, rate=1000.0)
    assert not torch.equal(x[0], x[1])
    assert not torch.equal(x[..., 0], x[..., 1])


def test_a_reference_is_repeated():
    reference = torch.arange(4.0)
    torch.testing.assert_close(signal_gallery(2, 4, 3, "reference", reference=reference)[1, :, 2], reference)


def test_velvet_noise_has_one_pulse_an_interval():
    noise = gen_velvet_noise(48000, 48000, 2000.0).reshape(2000, 24)
    assert (noise.abs().sum(1) == 1).all()
    assert -200 < noise.sum() < 200


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: signal_gallery(1, 4, 1, "click"),
            "impulse, sine, sweep, exp, wgn, noise, velvet, reference, got 'click'",
        ),
        (lambda: signal_gallery(1, 4, 1, "reference"), "4 samples"),
        (lambda: gen_velvet_noise(10, 48000, 0.0), "density"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
