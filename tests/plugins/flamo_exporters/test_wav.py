"""Impulse responses and FIR filters, read by libsndfile; systems whose response is known."""

import io
import json

import numpy as np
import pytest
import soundfile
import torch
from designs import FREQUENCY, FS, decibels, far, player, truth
from networks import network
from scipy.signal import freqz, sosfilt

from flamo import dsp, system
from flamo.curves import Curve
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError, InputWarning
from flamo.exporting import export

TILT = Curve("tilt", (20.0, 200.0, 20000.0), (6.0, 0.0, -9.0))


def heard(files, name):
    """Samples (T, N) and what the file beside them says."""
    samples, fs = soundfile.read(io.BytesIO(files[f"{name}.wav"]), always_2d=True)
    assert soundfile.info(io.BytesIO(files[f"{name}.wav"])).subtype == "FLOAT"
    about = json.loads(files[f"{name}.json"])
    assert (about["sample_rate"], about["length"], about["scale"]) == (fs, len(samples), 1.0)
    return samples, about


def one(source, node, ending, **arguments):
    samples, about = heard(export(source, [node], FS, name="x", **arguments), f"x_{ending}")
    assert samples.shape[1] == 1
    return samples[:, 0], about


def wanted(source):
    if isinstance(source, Curve):
        return np.interp(np.log(FREQUENCY), np.log(source.frequency), source.gain_db)
    return decibels(truth(source))


@pytest.mark.parametrize("source", [TILT, *map(player, range(12))])
@pytest.mark.parametrize("phase", ["minimum", "linear"])
def test_fir_filters_have_the_magnitude(source, phase):
    samples, about = one(source, f"fir_{phase}", f"{phase}_phase")
    assert abs(decibels(freqz(samples, 1, FREQUENCY, fs=FS)[1]) - wanted(source)).max() < 0.1
    assert about["phase"] == phase


@pytest.mark.parametrize("fs", [44100, 48000, 96000, 192000])
@pytest.mark.parametrize("phase", ["minimum", "linear"])
def test_a_narrow_peak_in_the_bass_is_there_at_every_rate(phase, fs):
    narrow = Equalizer("x", (Band("peaking", 60.0, 6.0, 4.0),))
    samples, _ = heard(export(narrow, [f"fir_{phase}"], fs), f"x_{phase}_phase")
    exact = decibels(truth(narrow, fs=fs))
    assert abs(decibels(freqz(samples[:, 0], 1, FREQUENCY, fs=fs)[1]) - exact).max() < 0.1


@pytest.mark.parametrize("phase", ["minimum", "linear"])
def test_a_filter_that_is_too_short_is_warned_of(phase):
    narrow = Equalizer("x", (Band("peaking", 60.0, 6.0, 4.0),))
    with pytest.warns(
        InputWarning, match=r"the filter of 801 samples is up to \d.* dB off at \d\d Hz; give it a larger"
    ):
        export(narrow, [{f"fir_{phase}": {"length": 801}}], FS)


@pytest.mark.filterwarnings("ignore:.*give it a larger length")
@pytest.mark.parametrize("length", [101, 1001])
def test_linear_phase_is_symmetric_about_its_offset(length):
    samples, about = one(TILT, {"fir_linear": {"length": length}}, "linear_phase")
    assert len(samples) == length
    np.testing.assert_allclose(samples, samples[::-1], atol=1e-9)
    assert about["offset"] == np.argmax(abs(samples)) == (length - 1) / 2


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_the_minimum_phase_of_an_equaliser_is_its_own(seed):
    eq = player(seed)  # shelves and peaks have their zeros inside the circle
    samples, _ = one(eq, "fir_minimum", "minimum_phase")
    response = 10 ** (eq.gain_db / 20) * sosfilt(eq.sos(FS), np.arange(len(samples)) == 0)
    assert far(samples, response) < 1e-6


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_the_impulse_response_of_an_equaliser_is_scipys_until_it_has_decayed(seed):
    eq = player(seed)
    samples, about = one(eq, "impulse_response", "impulse_response")
    response = 10 ** (eq.gain_db / 20) * sosfilt(eq.sos(FS), np.arange(500_000) == 0)
    assert far(samples, response[: len(samples)]) < 1e-6
    rest = np.sum(response[len(samples) :] ** 2) / np.sum(response**2)
    assert rest < 1e-10
    assert np.sum(response[len(samples) // 2 :] ** 2) / np.sum(response**2) > 1e-10
    assert about["offset"] == 0


def test_the_impulse_response_of_a_curve_has_its_magnitude():
    samples, _ = one(TILT, {"impulse_response": {"length": 16384}}, "impulse_response")
    assert abs(decibels(freqz(samples, 1, FREQUENCY, fs=FS)[1]) - wanted(TILT)).max() < 0.1


def test_a_very_long_impulse_response_is_cut_with_a_warning():
    endless = Equalizer("endless", (Band("peaking", 20.0, 20.0, 1000.0),))
    with pytest.warns(InputWarning, match="has not decayed after 10 s"):
        samples, _ = heard(export(endless, ["ir"], 8000), "endless_impulse_response")
    assert len(samples) == 80000


def test_a_file_of_many_values_is_refused_where_they_are_too_large():
    with pytest.raises(InputError, match=r"loud: its impulse response cannot be written: samples must be finite"):
        export(Equalizer("loud", (), 1000.0), ["wav"])


def test_wav_needs_a_whole_sampling_frequency():
    with pytest.raises(InputError, match=r"whole sampling frequencies, not 44100\.5 Hz"):
        export(TILT, ["fir_minimum"], 44100.5)


def impulse_of(model, length):
    """By recursion in the time domain: the core of :func:`networks.network`, sample by sample."""
    core = model.get_core()
    branch = core.branchA
    b, c = branch.input.param.detach().numpy(), branch.output.param.detach().numpy()
    loop = branch.loop
    m = [round(v) for v in loop.feedforward.samples.detach().flatten().tolist()]
    g = loop.feedback.attenuation.values().detach().numpy()
    mixing = loop.feedback.mixing.map(loop.feedback.mixing.param).detach().numpy()
    lines, out = [np.zeros(k) for k in m], np.zeros(length)
    for n in range(length):
        s = np.array([line[0] for line in lines])
        out[n] = (c @ s)[0]
        entering = b[:, 0] * (n == 0) + g * (mixing @ s)
        lines = [np.append(line[1:], x) for line, x in zip(lines, entering, strict=True)]
    sos = core.branchB.sos().detach().numpy()[0, 0]
    return out + sosfilt(sos, np.arange(length) == 0)


def test_the_impulse_response_of_a_feedback_network_is_that_in_the_time_domain():
    model = network(nfft=64)
    samples, _ = one(model, {"impulse_response": {"length": 3000}}, "impulse_response")
    assert len(samples) == 3000  # much longer than nfft
    assert far(samples, impulse_of(model, 3000)) < 1e-6


def test_the_magnitude_of_a_feedback_network_can_be_had():
    model = network(nfft=64)
    h = impulse_of(model, 8192)
    line = export(model, ["graphic_eq"], FS)["Shell_graphic_eq.txt"].decode()
    frequency, gain = np.array([p.split() for p in line.removeprefix("GraphicEQ: ").split("; ")], dtype=float).T
    assert np.ptp(gain - decibels(freqz(h, 1, frequency, fs=FS)[1])) < 0.11
    samples, _ = one(model, "fir_minimum", "minimum_phase")
    assert abs(decibels(np.fft.rfft(samples, 16384)) - decibels(np.fft.rfft(h, 16384))).max() < 0.01


def test_what_rings_for_long_does_not_wrap_around():
    delay = dsp.parallelDelay.from_physical(samples=[10.0], isint=True, nfft=64)
    feedback = dsp.parallelGain.from_physical(gain=[0.999], nfft=64)
    samples, _ = one(system.Recursion(delay, feedback), {"wav": {"length": 100}}, "impulse_response")
    expected = np.where(np.arange(100) % 10 == 0, 0.999 ** (np.arange(100) / 10 - 1), 0.0)
    expected[0] = 0.0
    assert far(samples, expected) < 1e-6


@pytest.mark.parametrize("silence", [5000, 20000])
def test_an_echo_after_a_long_silence_is_part_of_the_impulse_response(silence):
    echo = dsp.parallelDelay.from_physical(samples=[float(silence)], isint=True, nfft=1 << 15)
    for core in (echo, system.Parallel(dsp.Gain.from_physical(gain=[[1.0]], nfft=1 << 15), system.Series(echo))):
        samples, _ = one(core, "impulse_response", "impulse_response")
        assert samples[silence] == pytest.approx(1.0)
        assert len(samples) <= silence + 2
        cut, _ = one(core, {"wav": {"length": 100}}, "impulse_response")
        assert far(cut + 1, samples[:100] + 1) < 1e-6


def test_outputs_are_channels_and_inputs_are_files():
    torch.manual_seed(1)
    gain = dsp.Gain((3, 2), nfft=64)
    delays = dsp.parallelDelay.from_physical(samples=[1.0, 2.0, 3.0], isint=True, nfft=64)
    files = export(system.Series(gain, delays), ["wav"], FS, name="x")
    matrix = gain.param.detach().numpy()
    for n in range(2):
        samples, _ = heard(files, f"x_impulse_response_input_{n + 1}")
        expected = np.zeros_like(samples)
        expected[[1, 2, 3], [0, 1, 2]] = matrix[:, n]
        assert far(samples, expected) < 1e-6


@pytest.mark.parametrize("name", ["fir_minimum", "fir_linear", "graphic_eq"])
def test_formats_of_one_channel_refuse_two(name):
    with pytest.raises(InputError, match="x is not a filter of one channel: its response is a matrix, 2 by 1"):
        export(system.Series(dsp.Gain((2, 1), nfft=64)), [name], FS, name="x")


def test_silence_has_no_minimum_phase():
    with pytest.raises(InputError, match="its response is 0"):
        export(dsp.Gain.from_physical(gain=[[0.0]]), ["fir_minimum"], FS)
