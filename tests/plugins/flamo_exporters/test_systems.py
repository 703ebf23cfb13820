"""Systems: which are cascades, which have bands, and what the others lack."""

import io
from collections import OrderedDict

import numpy as np
import pytest
import torch
from designs import FREQUENCY, FS, decibels, far, read_lines, truth
from networks import network
from scipy.signal import freqz_sos

import flamo
from flamo import dsp, system
from flamo.errors import InputError, InputWarning
from flamo.exporting import export
from flamo.sources import designs_of

DOUBLE = {"nfft": 64, "dtype": torch.float64}
CASCADES = ["equalizer_apo", "rew", "camilladsp", "minidsp", "sos_json", "sos_csv", "cpp", "faust"]


def parametric(size=(1, 1), seed=0, **arguments):
    torch.manual_seed(seed)
    eq = dsp.ParametricEQ(size, n_bands=5, **DOUBLE, **arguments)
    eq.assign_value(torch.randn_like(eq.param))
    return eq


def expected(core, channel=0):
    """The response of a core by its own ``probe``."""
    z = torch.exp(2j * torch.pi * torch.as_tensor(FREQUENCY) / FS)
    with torch.no_grad():
        return np.array([core.probe(point)[channel, channel] for point in z])


def of_csv(data):
    sos = np.loadtxt(io.BytesIO(data), delimiter=",", skiprows=1, ndmin=2)
    return freqz_sos(sos, FREQUENCY, fs=FS)[1]


def shells(core):
    return core, system.Series(core), system.Shell(core, dsp.FFT(64), dsp.iFFT(64))


@pytest.mark.parametrize("shape", range(3))
def test_a_parametric_equaliser_is_bands(shape):
    model = shells(parametric())[shape]
    text = export(model, [{"equalizer_apo": {"headroom": False}}], name="x")["x.txt"].decode()
    heard = truth(read_lines(text))
    assert [line.split()[3] for line in text.splitlines()[1:]] == ["LSC", "PK", "PK", "PK", "HSC"]
    assert abs(decibels(heard) - decibels(expected(parametric()))).max() < 0.01


def test_the_gain_before_and_after_is_the_preamp():
    gains = [dsp.Gain.from_physical(gain=[[value]], **DOUBLE) for value in (0.5, 0.25)]
    model = system.Series(gains[0], parametric(), torch.nn.Identity(), gains[1], parametric(seed=1))
    [design] = designs_of(model)
    assert design.bands().gain_db == pytest.approx(20 * np.log10(0.125))
    assert len(design.bands().parts) == 10
    assert far(truth(design.bands()), expected(model)) < 1e-9


class Louder(flamo.dsp.ParametricEQ):
    """With a gain of its own in the first section."""

    def sections(self, value):
        b, a = super().sections(value)
        return torch.cat((b[:, :1] * 2.0, b[:, 1:]), 1), a


def test_a_gain_inside_of_an_equaliser_is_found():
    eq = Louder((1, 1), n_bands=3, **DOUBLE)
    assert designs_of(eq)[0].bands().gain_db == pytest.approx(20 * np.log10(2))


@pytest.mark.parametrize("design", ["biquad", "svf"])
def test_the_classic_equaliser_is_bands_where_they_have_its_response(design):
    torch.manual_seed(3)
    eq = dsp.PEQ((1, 1), n_bands=4, design=design, **DOUBLE)
    [made] = designs_of(eq)
    assert far(made.response(FREQUENCY)[:, 0, 0], expected(eq)) < 1e-9
    if design == "biquad":
        assert far(truth(made.bands()), expected(eq)) < 1e-6


@pytest.mark.parametrize(
    "make",
    [
        lambda: dsp.Biquad((1, 1), n_sections=3, fs=48000, **DOUBLE),
        lambda: dsp.SVF((1, 1), n_sections=2, fs=48000, **DOUBLE),
        lambda: dsp.GEQ((1, 1), fs=48000, **DOUBLE),
        lambda: dsp.SOSFilter.from_sos([[1.0, 0.5, 0.2, 1.0, -0.5, 0.1], [0.3, 0.0, 0.0, 1.0, 0.2, 0.0]], **DOUBLE),
    ],
)
def test_filters_of_sections_are_a_cascade(make):
    torch.manual_seed(2)
    core = system.Series(make(), dsp.Gain.from_physical(gain=[[-0.5]], **DOUBLE))
    files = export(core, ["sos_csv", "sos_json"], FS, name="x")
    assert far(of_csv(files["x.csv"]), expected(core)) < 1e-9
    assert b'"bands"' not in files["x.json"]


def test_channels_that_do_not_mix_are_files_of_their_own():
    torch.manual_seed(4)
    gains = dsp.parallelGain.from_physical(gain=[0.5, -2.0], **DOUBLE)
    core = system.Series(gains, dsp.parallelBiquad((2,), n_sections=2, fs=48000, **DOUBLE))
    files = export(system.Shell(core), ["sos_csv"], name="x")
    assert sorted(files) == ["x_1.csv", "x_2.csv"]
    for n in range(2):
        assert far(of_csv(files[f"x_{n + 1}.csv"]), expected(core, n)) < 1e-9


def test_a_turned_sign_is_in_the_sections_and_never_lost():
    core = system.Series(parametric(), dsp.Gain.from_physical(gain=[[-0.5]], **DOUBLE))
    text = export(core, [{"equalizer_apo": {"headroom": False}}], FS, name="x")["x.txt"].decode()
    assert far(truth(read_lines(text)), expected(core)) < 1e-4
    with pytest.raises(InputError, match="its gain is not positive"):
        export(core, ["rew"], FS)


@pytest.mark.parametrize("name", CASCADES)
@pytest.mark.parametrize(
    ("model", "why"),
    [
        (network(), "branchA.loop is a recursion"),
        (system.Parallel(dsp.Gain((1, 1)), dsp.Gain((1, 1))), "it is a Parallel"),
        (system.Series(OrderedDict(reverb=network().get_core().branchA)), "loop is a recursion"),
        (system.Series(dsp.Gain((1, 1)), OrderedDict(late=dsp.Delay((1, 1)))), "late is a Delay"),
        (system.Series(OrderedDict(mix=dsp.Gain((2, 2)))), "mix is a matrix, 2 by 2"),
        (dsp.Biquad((2, 1), n_sections=1), "it is a matrix, 2 by 1"),
        (dsp.Filter((5, 1, 1)), "it is a Filter"),
    ],
)
def test_what_is_no_cascade_is_refused_with_the_reason(model, name, why):
    with pytest.raises(InputError, match=rf"^x is not an? .*: {why}$"):
        export(model, [name], FS, name="x")


def test_a_gain_of_zero_is_refused_where_it_is_in_decibels():
    silent = dsp.Gain.from_physical(gain=[[0.0]])
    for name in ("camilladsp", "sos_json", "equalizer_apo"):
        with pytest.raises(InputError, match="its gain is 0"):
            export(silent, [name], FS)


def test_the_sampling_frequency_is_that_of_the_parts():
    with pytest.raises(InputError, match="no part of it says its sampling frequency"):
        export(dsp.Gain((1, 1)), ["sos_csv"])
    with pytest.raises(InputError, match="different sampling frequencies: 44100, 48000 Hz"):
        export(system.Series(parametric(), parametric(fs=44100)), ["sos_csv"])
    with pytest.raises(InputError, match="right at 48000 Hz only, not at 96000 Hz"):
        export(dsp.Biquad((1, 1), fs=48000), ["sos_csv"], 96000)
    with pytest.raises(InputError, match="right at 48000 Hz only, not at 96000 Hz"):
        export(dsp.Delay((1, 1), fs=48000), ["wav"], 96000)
    with pytest.raises(InputError, match="right at 44100 Hz only, not at 96000 Hz"):
        export(dsp.Gain((2, 2)), ["wav"], 96000, fitted=44100)
    with pytest.warns(InputWarning, match="fitted at 48000 Hz and exported for 96000 Hz"):
        assert designs_of(parametric(), 96000)[0].fs == 96000


def test_a_system_stays_as_it_was():
    model = network(nfft=64)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export(model, [{"wav": {"length": 100}}, "fir_minimum"], FS)
    assert (model.nfft, float(model.alias_decay_db)) == (64, 30.0)
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())


def test_a_response_put_in_by_hand_is_not_overlooked():
    eq = parametric()
    eq.freq_response = lambda param: torch.zeros(33, 1, 1)
    with pytest.raises(InputError, match="it is a ParametricEQ"):
        export(eq, ["sos_csv"])
