import math
import pickle

import numpy as np
import pytest
import torch

from flamo import dsp, system


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("make", [dsp.Delay, dsp.GainDelay])
def test_a_delay_of_m_samples_is_a_delay_of_m_samples(make, learned):
    delay = make((1, 1), isint=True, nfft=256, requires_grad=learned)
    delay.set(samples=100.0)
    response = system.Shell(delay, dsp.FFT(256), dsp.iFFT(256)).get_time_response()[0, :, 0]
    assert response.argmax() == 100
    assert delay.samples.item() == 100.0
    np.testing.assert_allclose(response.numpy(), np.eye(256)[100], atol=1e-6)


@pytest.mark.parametrize("samples", [1000.0, 90000.0])
def test_long_delays_are_as_exact_as_short_ones(samples):
    """With the phase as ω·m in float32 the noise is at -81 dB for 1,000 samples and at -43 dB for 90,000."""
    nfft = 96000
    delay = dsp.parallelDelay((1,), isint=True, nfft=nfft, max_len=100000)
    delay.set(samples=samples)
    response = system.Shell(delay, dsp.FFT(nfft), dsp.iFFT(nfft)).get_time_response()[0, :, 0]
    response[int(samples)] -= 1.0
    assert 20 * math.log10(response.abs().max()) < -130


def test_delays_are_set_and_read_in_seconds_and_units():
    delay = dsp.Delay((2, 1), fs=48000, unit=1000, dtype=torch.float64)
    delay.set(seconds=torch.tensor([[0.001], [0.5]]))
    torch.testing.assert_close(delay.samples, torch.tensor([[48.0], [24000.0]], dtype=torch.float64))
    torch.testing.assert_close(delay.seconds, torch.tensor([[0.001], [0.5]]).double())
    torch.testing.assert_close(delay.param.detach(), torch.tensor([[1.0], [500.0]]).double())  # milliseconds
    torch.testing.assert_close(delay.sample2s(delay.s2sample(delay.param)), delay.param)
    assert delay.order == 24001


@pytest.mark.parametrize("make", [dsp.Delay, dsp.parallelDelay, dsp.GainDelay, dsp.parallelGainDelay])
@pytest.mark.parametrize("learned", [False, True])
def test_initial_delays_are_within_max_len(make, learned):
    size = (2000,) if make.diagonal else (40, 50)
    whole = make(size, isint=True, max_len=torch.tensor(10), requires_grad=learned).samples
    assert sorted(set(whole.flatten().tolist())) == list(range(1, 10))
    fractions = make(size, max_len=10, requires_grad=learned).samples
    assert 0 <= fractions.min() < 0.1 < 9.9 < fractions.max() < 10


def test_gains_and_delays_have_maps_of_their_own():
    tap = dsp.GainDelay((1, 2), nfft=64, map_gain=torch.tanh, map_delay=torch.abs, dtype=torch.float64)
    raw = torch.tensor([[[0.5, -2.0]], [[-0.01, 0.02]]], dtype=torch.float64)
    tap.assign_value(raw)
    torch.testing.assert_close(tap.get_gains()(tap.param), torch.tanh(raw[0]))
    torch.testing.assert_close(tap.get_delays()(tap.param), raw[1].abs() * 480)
    with pytest.raises(TypeError, match="no inverse"):
        tap.set(samples=3.0)
    assert repr(pickle.loads(pickle.dumps(tap))) == repr(tap)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: dsp.Delay(max_len=0), ValueError, "max_len must be at least 1"),
        (lambda: dsp.Delay().set(), TypeError, "nothing to set; it takes samples, seconds"),
        (lambda: dsp.Delay().set(samples=1.0, seconds=1.0), TypeError, "say the same"),
        (lambda: dsp.Delay(requires_grad=True).set(samples=-1.0), ValueError, "samples must be at least 0, got -1"),
    ],
)
def test_a_wrong_argument_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
