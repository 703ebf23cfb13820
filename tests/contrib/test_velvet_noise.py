"""Velvet noise is what its papers say, and its response what scipy says of the pulses."""

import json

import numpy as np
import pytest
import torch
from scipy.signal import freqz

from flamo import dsp, system
from flamo_contrib.velvet_noise import ParallelVelvetNoise, VelvetNoise

DOUBLE = {"dtype": torch.float64}


def taps(velvet, *channels):
    """The impulse response of a channel, of the pulses."""
    places = velvet.positions[(slice(None), *channels)].numpy()
    dense = np.zeros(places[-1] + 1)
    dense[places] = velvet.param[(slice(None), *channels)].detach().numpy()
    return dense


def test_one_pulse_lies_in_each_interval():
    velvet = VelvetNoise((20, 1), duration=0.5, density=1700.0, fs=44100)
    places, interval = velvet.positions[:, :, 0], 44100 / 1700
    first = interval * torch.arange(850)[:, None]
    assert (places >= first.round()).all()
    assert (places <= (first + interval - 1).round()).all()
    shares = (places - first) / (interval - 1)
    assert shares.mean() == pytest.approx(0.5, abs=0.01)  # of 17000 places
    assert shares.std() == pytest.approx(12**-0.5, abs=0.01)


def test_signs_are_fair_and_the_energy_is_one():
    gains = VelvetNoise((20, 1), duration=0.5, density=1700.0, **DOUBLE).param.detach()
    assert abs(gains.sign().mean()) < 0.03
    torch.testing.assert_close(gains.square().sum(0), torch.ones(20, 1, **DOUBLE))


def test_it_decays_by_60_db_in_its_time():
    velvet = VelvetNoise(duration=0.8, rt60=0.5, fs=16000, **DOUBLE)
    energy = np.cumsum(taps(velvet, 0, 0)[::-1] ** 2)[::-1]  # Schroeder's integral
    time = np.arange(len(energy)) / 16000
    fitted = (time > 0.02) & (time < 0.3)
    slope, _ = np.polyfit(time[fitted], 10 * np.log10(energy[fitted]), 1)
    assert slope == pytest.approx(-60 / 0.5, rel=0.03)


def test_its_spectrum_is_flat_in_the_mean():
    velvet = ParallelVelvetNoise((64,), duration=0.3, nfft=16384, **DOUBLE)
    power = velvet.freq_response(velvet.param).abs().square().mean(1)
    bands = power[1:8193].reshape(16, 512).mean(1)
    assert (10 * bands.log10()).abs().max() < 0.5


@pytest.mark.parametrize("decay", [0.0, 20.0])
@pytest.mark.parametrize("nfft", [4096, 1000])
@pytest.mark.filterwarnings("ignore:.* are more than nfft")
def test_its_response_is_that_of_scipy(decay, nfft):
    velvet = VelvetNoise((2, 3), duration=0.03, nfft=nfft, alias_decay_db=decay, **DOUBLE)
    found = velvet.freq_response(velvet.param)
    for o in range(2):
        for i in range(3):
            dense = taps(velvet, o, i)
            decayed = dense * 10 ** (-decay * np.arange(len(dense)) / (20 * nfft))
            _, expected = freqz(decayed, 1, 2 * np.pi * np.arange(nfft // 2 + 1) / nfft)
            np.testing.assert_allclose(found[:, o, i].detach(), expected, atol=1e-11)


def test_a_short_fft_is_warned_of():
    velvet = VelvetNoise(duration=0.1, nfft=256)
    with pytest.warns(UserWarning, match=r"0.1 s are more than nfft=256 samples: the response wraps"):
        velvet.freq_response(velvet.param)


def test_a_seed_gives_the_same_and_no_seed_another():
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(VelvetNoise((2, 1)))
    assert torch.equal(made[0].positions, made[1].positions)
    assert torch.equal(made[0].param, made[1].param)
    assert not torch.equal(made[0].positions, made[2].positions)


def test_places_are_part_of_the_state():
    first, second = VelvetNoise((2, 1)), VelvetNoise((2, 1))
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second.freq_response(second.param), first.freq_response(first.param))


def test_gains_are_learned():
    """Other gains at the same places are found again."""
    learned = VelvetNoise(duration=0.01, nfft=1024, requires_grad=True, **DOUBLE)
    target = torch.randn(20, 1, 1, **DOUBLE)
    wanted = learned.freq_response(target).detach()
    optimizer = torch.optim.LBFGS(learned.parameters(), max_iter=100)

    def loss():
        optimizer.zero_grad()
        error = (learned.freq_response(learned.param) - wanted).abs().square().mean()
        error.backward()
        return error

    optimizer.step(loss)
    torch.testing.assert_close(learned.param.detach(), target, atol=1e-4, rtol=0)


def test_it_decorrelates_what_goes_through_two_of_it():
    pair = ParallelVelvetNoise((2,), duration=0.03, nfft=4096, **DOUBLE)
    x = torch.randn(1, 4096, 1, **DOUBLE).expand(1, 4096, 2)
    left, right = torch.fft.irfft(pair(torch.fft.rfft(x, dim=1)), dim=1)[0].T
    assert abs(torch.corrcoef(torch.stack((left, right)))[0, 1]) < 0.4  # 1 before


def test_it_stands_behind_a_gain_and_in_a_loop():
    loop = system.Recursion(
        dsp.parallelDelay.from_physical(samples=[7, 11], isint=True, nfft=512, **DOUBLE),
        system.Series(
            ParallelVelvetNoise((2,), duration=0.002, nfft=512, **DOUBLE), dsp.parallelGain((2,), nfft=512, **DOUBLE)
        ),
    )
    assert loop(torch.ones(1, 257, 2, dtype=torch.complex128)).isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"density": 50000.0}, "density must be at most one pulse a sample, fs=48000, got 50000"),
        ({"density": 0.0}, "density"),
        ({"density": 10.0}, "duration=0.03 has no pulse at density=10"),
        ({"duration": -1.0}, "duration"),
        ({"rt60": 0.0}, "rt60"),
        ({"fs": 0}, "fs"),
        ({"size": (2,)}, r"size must be \(pulses, N_out, N_in\)"),
    ],
)
def test_an_argument_out_of_range_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        VelvetNoise(**arguments)


def test_a_configuration_fits_with_it(inside, tmp_path):
    config = """
flamo: 1
nfft: 2048
system: {velvet_noise: {duration: 0.01, learn: true}}
target: flat
losses: [mse]
optimizer: {adam: {lr: 0.05}}
stop: {steps: 30}
"""
    (tmp_path / "velvet.yaml").write_text(config)
    assert inside("fit", "velvet.yaml", "-q", "-o", "run").stderr == ""
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.8 * losses[0]
