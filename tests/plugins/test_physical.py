"""Physical values in and out: Hz, dB, Q, samples, seconds."""

import numpy as np
import pytest
import torch
from cases import CASES, CLASSES, build, draw
from scipy import signal
from truth import peak_error

from flamo import dsp

pytestmark = pytest.mark.filterwarnings("ignore:a delay of")  # some are longer than nfft, and wrap
FS = 48000
PHYSICAL = [case for case in CASES if CLASSES[case.values[0]]._quantities() and "matrix" not in case.values[0]]
F64 = {"dtype": torch.float64}


def level_db(processor, hertz):
    """Level of a system of one channel at a frequency, by scipy from its sections."""
    _, h = signal.sosfreqz(processor.sos()[0, 0].numpy(), [hertz], fs=FS)
    return 20 * np.log10(np.abs(h[0]))


@pytest.mark.parametrize(("name", "kwargs"), PHYSICAL)
def test_what_is_read_can_be_set(name, kwargs):
    p = draw(build(name, **kwargs))
    before, values = p.freq_response(p.param).detach(), p.physical()
    assert values
    p.set(**values)
    assert peak_error(p.freq_response(p.param), before) < 1e-9


@pytest.mark.parametrize(("name", "kwargs"), PHYSICAL)
def test_what_is_set_can_be_read(name, kwargs):
    p, like = draw(build(name, **kwargs)), draw(build(name, **kwargs))
    wanted = like.physical()
    p.set(**wanted)
    for key, value in wanted.items():
        torch.testing.assert_close(getattr(p, key), value, rtol=1e-9, atol=1e-9)
    assert peak_error(p.freq_response(p.param), like.freq_response(like.param).detach()) < 1e-9


@pytest.mark.parametrize(("name", "kwargs"), PHYSICAL)
def test_one_value_can_be_set_alone(name, kwargs):
    for key in build(name, **kwargs).physical():
        p, wanted = draw(build(name, **kwargs)), draw(build(name, **kwargs)).physical()
        others = {k: v for k, v in p.physical().items() if k != key}
        if name.endswith("svf") and kwargs["filter_type"] == "peaking":
            p.set(gain_db=-60.0)  # out of the way of its bound, which Q lowers
            wanted["gain_db"], others["gain_db"] = wanted["gain_db"] - 60.0, torch.tensor(-60.0)
        if key == "frequency_low":
            wanted[key] = wanted[key].minimum(others["frequency_high"])
        if key == "frequency_high":
            wanted[key] = wanted[key].maximum(others["frequency_low"])
        p.set(**{key: wanted[key]})
        torch.testing.assert_close(getattr(p, key), wanted[key], rtol=1e-9, atol=1e-9)
        for other, value in others.items():
            if other != key:
                torch.testing.assert_close(getattr(p, other), value.expand_as(getattr(p, other)).double())


@pytest.mark.parametrize(("name", "kwargs"), PHYSICAL)
def test_it_is_built_from_what_is_read(name, kwargs):
    like = draw(build(name, **kwargs))
    built = CLASSES[name].from_physical(nfft=like.nfft, dtype=torch.float64, **like.physical(), **kwargs)
    assert built.size == like.size
    assert peak_error(built.freq_response(built.param), like.freq_response(like.param).detach()) < 1e-9


def test_a_lowpass_is_three_decibels_down_at_its_frequency():
    lowpass = dsp.Biquad.from_physical(frequency=1000.0, gain_db=-6.0, **F64)
    assert level_db(lowpass, 1000.0) == pytest.approx(-6.0 + 20 * np.log10(np.sqrt(0.5)))
    assert level_db(lowpass, 1.0) == pytest.approx(-6.0)


def test_gains_that_are_not_given_are_neutral():
    assert dsp.Biquad.from_physical(frequency=1000.0, **F64).gain_db.item() == pytest.approx(0.0, abs=1e-12)
    assert dsp.parallelGainDelay.from_physical(samples=[10.0, 20.0]).gain.tolist() == [1.0, 1.0]


def test_a_bandpass_has_its_gain_between_its_frequencies():
    bandpass = dsp.Biquad.from_physical(
        frequency_low=900.0, frequency_high=1100.0, gain_db=3.0, filter_type="bandpass", **F64
    )
    assert level_db(bandpass, 1000.0) == pytest.approx(3.0)


@pytest.mark.parametrize(("kind", "hertz"), [("lowshelf", 23999.0), ("highshelf", 1.0), ("notch", 500.0)])
def test_a_state_variable_filter_has_its_gain(kind, hertz):
    svf = dsp.SVF.from_physical(frequency=500.0, q=2.0, gain_db=-9.0, filter_type=kind, **F64)
    assert level_db(svf, hertz) == pytest.approx(-9.0, abs=1e-4)


def test_a_peak_of_the_classic_state_variable_filter_grows_with_q():
    svf = dsp.SVF.from_physical(frequency=500.0, q=2.0, gain_db=6.0, filter_type="peaking", **F64)
    assert level_db(svf, 500.0) == pytest.approx(6.0)
    with pytest.raises(ValueError, match=r"gain_db must be at most 24\.0824 dB, got 30"):  # 40 log10(2 Q)
        svf.set(gain_db=30.0, q=2.0)


def test_the_q_of_a_state_variable_filter_is_that_of_its_poles():
    svf = dsp.SVF.from_physical(frequency=500.0, q=0.9, filter_type="lowpass", **F64)
    assert level_db(svf, 500.0) == pytest.approx(20 * np.log10(0.9))


@pytest.mark.parametrize("design", ["biquad", "svf"])
def test_the_classic_peq_has_its_gains_where_it_says(design):
    peq = dsp.PEQ(n_bands=3, f_min=100.0, f_max=2000.0, design=design, **F64)
    frequency = peq.frequency.flatten().tolist()
    peq.set(gain_db=[0.0, 6.0, 0.0], q=2.0)
    assert level_db(peq, frequency[1]) == pytest.approx(6.0)
    peq.set(gain_db=[6.0, 0.0, 0.0])
    assert level_db(peq, 0.01) == pytest.approx(6.0, abs=1e-4)
    assert peq.q.flatten().tolist() == pytest.approx([2.0] * 3)


def test_graphic_equalisers_take_decibels():
    assert level_db(dsp.AccurateGEQ.from_physical(gain_db=6.0, **F64), 1000.0) == pytest.approx(6.0, abs=0.1)
    geq = dsp.GEQ(**F64)
    geq.set(gain_db=[3.0] + 11 * [0.0])
    assert level_db(geq, 1000.0) == pytest.approx(3.0)


def test_delays_and_gains():
    delay = dsp.parallelDelay.from_physical(seconds=[0.1, 0.2], requires_grad=True, **F64)
    torch.testing.assert_close(delay.samples, torch.tensor([4800.0, 9600.0]).double())
    tap = dsp.GainDelay.from_physical(samples=[[10.0]], gain_db=-6.0, nfft=64, **F64)
    assert tap.probe(2.0).abs().item() == pytest.approx(10 ** (-6 / 20) * 2.0**-10)
    gain = dsp.Gain.from_physical(gain=[[1.0, -2.0]])
    assert (gain.size, gain.param.tolist()) == ((1, 2), [[1.0, -2.0]])
    gain.set(gain_db=20.0)
    torch.testing.assert_close(gain.param.detach(), torch.full((1, 2), 10.0))


def test_an_orthogonal_matrix_is_set_from_a_rotation():
    wanted = torch.linalg.matrix_exp(torch.tensor([[0.0, 1.0, 0.2], [-1.0, 0.0, 0.3], [-0.2, -0.3, 0.0]]).double())
    matrix = dsp.Matrix.from_physical(gain=wanted, matrix_type="orthogonal", **F64)
    torch.testing.assert_close(matrix.gain, wanted)
    with pytest.raises(ValueError, match="not an orthogonal matrix"):
        matrix.set(gain=2 * wanted)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: dsp.Biquad().set(frequency=24001.0), ValueError, "frequency must be within 0 to 24000 Hz, got 24001"),
        (lambda: dsp.Biquad().set(frequency=float("nan")), ValueError, "frequency must be finite, got nan"),
        (lambda: dsp.Biquad().set(gain_db=61.0), ValueError, "gain_db must be within -60 to 60 dB, got 61"),
        (lambda: dsp.Biquad().set(gain=1.0), TypeError, "Biquad takes frequency, gain_db, not gain"),
        (lambda: dsp.Biquad().set(q=1.0), TypeError, "not q"),
        (
            lambda: dsp.Biquad(filter_type="bandpass").set(frequency_low=900.0, frequency_high=800.0),
            ValueError,
            "frequency_high must be within 900 to 24000 Hz, got 800",
        ),
        (lambda: dsp.Biquad(n_sections=2).set(frequency=[1.0, 2.0, 3.0]), ValueError, r"frequency must broadcast to"),
        (lambda: dsp.Biquad().frequency_low, AttributeError, "frequency_low"),
        (lambda: dsp.SVF().set(q=0.0), ValueError, "q must be at least 1e-06, got 0"),
        (lambda: dsp.SVF(filter_type="notch").set(gain_db=1.0), ValueError, "gain_db must be at most 0 dB, got 1"),
        (lambda: dsp.PEQ().set(frequency=10.0), ValueError, "frequency must be within 20 to 7"),
        (lambda: dsp.ParametricEQ().set(q=11.0), ValueError, "q must be within 0.1 to 10, got 11"),
        (lambda: dsp.ParametricEQ().set(frequency=10.0), ValueError, "within 20 to 20000 Hz, got 10"),
        (lambda: dsp.ParametricEQ().set(gain=1.0), TypeError, "takes frequency, q, gain_db, not gain"),
        (lambda: dsp.Gain().set(), TypeError, "nothing to set; it takes gain, gain_db"),
        (lambda: dsp.Gain().set(gain=1.0, gain_db=0.0), TypeError, "say the same"),
        (lambda: dsp.Filter().set(taps=1.0), TypeError, "Filter has no physical values, not taps"),
        (lambda: dsp.GEQ(map=torch.abs).set(gain_db=1.0), TypeError, "map has no inverse"),
        (lambda: dsp.Matrix((4, 4), matrix_type="hadamard").set(gain=0.0), ValueError, "Hadamard"),
        (lambda: dsp.SOSFilter.from_sos(torch.ones(2, 5)), ValueError, r"sos must be \(N_out, N_in, K, 6\)"),
        (lambda: dsp.SOSFilter.from_sos(torch.zeros(2, 6)), ValueError, "an a0 that is not 0"),
        (lambda: dsp.SOSFilter.from_sos(torch.full((2, 6), torch.nan)), ValueError, "sos must be finite"),
        (lambda: dsp.SVF().set(frequency=24001.0), ValueError, "frequency must be within 0 to 24000 Hz, got 24001"),
        (lambda: dsp.SVF().set(mLP=float("nan")), ValueError, "mLP must be finite, got nan"),
        (lambda: dsp.Gain().set(gain=1j), TypeError, "gain must be real numbers"),
        (lambda: dsp.Gain().set(gain="loud"), TypeError, "gain must be a number, or a list or tensor"),
        (lambda: dsp.Gain().set(gain=[[1.0], [2.0, 3.0]]), TypeError, "gain must be a number, or a list or tensor"),
        (lambda: dsp.Gain().set(gain=None), TypeError, "gain must be a number, or a list or tensor"),
        (lambda: dsp.GEQ().set(gain_db=1e5), ValueError, "gain_db cannot be reached by a finite parameter"),
        (lambda: dsp.parallelDelay().set(samples=[float("inf")]), ValueError, "samples must be finite, got inf"),
        (lambda: dsp.Biquad.from_physical(freq=1.0), TypeError, "takes frequency, .* gain_db, size, .*, not freq"),
        (lambda: dsp.parallelBiquad((2,)).set(frequency=[1.0, 2.0]), ValueError, "a list is one value a section"),
        (lambda: dsp.Delay.from_physical(), TypeError, "Delay: nothing to set; it takes samples, seconds"),
    ],
)
def test_a_wrong_value_is_named_with_its_range(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("hertz", [0.0, 1e-3, 23999.999, 24000.0])
@pytest.mark.parametrize("kind", ["lowpass", "highpass", "bandpass"])
@pytest.mark.parametrize("make", [dsp.Biquad, dsp.SVF])
def test_frequencies_at_the_ends_of_the_axis_give_numbers(make, kind, hertz):
    names = ("frequency_low", "frequency_high") if (make, kind) == (dsp.Biquad, "bandpass") else ("frequency",)
    values = dict.fromkeys(names, hertz) if len(names) == 1 else {names[0]: min(hertz, 1e3), names[1]: max(hertz, 2e3)}
    for dtype in (torch.float32, torch.float64):
        filters = make.from_physical(**values, filter_type=kind, nfft=64, dtype=dtype)
        assert filters.freq_response(filters.param).isfinite().all()
        assert filters.is_stable()
        assert hertz in [pytest.approx(getattr(filters, name).item(), abs=0.05) for name in names]


def test_svf_designs_of_the_classic_peq_reach_both_ends():
    for hertz in (0.0, 24000.0):
        peq = dsp.PEQ.from_physical(frequency=hertz, q=1.0, design="svf", nfft=64, n_bands=3)
        assert peq.freq_response(peq.param).isfinite().all()
    with pytest.raises(ValueError, match="frequency must be within 0 to 24000 Hz, got 24001"):
        dsp.PEQ(design="svf").set(frequency=24001.0)
    with pytest.raises(ValueError, match="frequency must be within"):
        dsp.PEQ(f_max=10000.0).set(frequency=10001.0)


def test_what_is_not_named_keeps_its_raw_value():
    biquad = dsp.Biquad(n_sections=2)
    biquad.param.data = torch.tensor([[1.3, -0.5], [-0.2, 0.7]]).reshape(2, 2, 1, 1)  # beyond the bounds, and negative
    biquad.set(gain_db=[0.0, -6.0])
    assert biquad.param[:, 0].flatten().tolist() == pytest.approx([1.3, -0.2])
    crossed = dsp.Biquad(filter_type="bandpass")
    crossed.param.data = torch.tensor([0.6, 0.4, 1.0]).reshape(1, 3, 1, 1)
    crossed.set(gain_db=1.0)
    assert crossed.param[0, :2].flatten().tolist() == pytest.approx([0.6, 0.4])
    tap = dsp.GainDelay.from_physical(samples=[[2.25]], isint=False)
    tap.isint = True
    tap.set(gain=0.5)
    tap.isint = False
    assert tap.samples.item() == pytest.approx(2.25)
    peq = dsp.PEQ(n_bands=2)
    peq.param.data[0, 1] = -0.5
    frequency = peq.param[:, 0].clone()
    peq.set(gain_db=3.0)
    assert peq.param[:, 0].equal(frequency)


def test_the_gain_of_a_peak_yields_to_its_q():
    svf = dsp.SVF.from_physical(frequency=500.0, q=2.0, gain_db=20.0, filter_type="peaking", **F64)
    svf.set(q=1.0)
    assert svf.gain_db.item() == pytest.approx(40 * np.log10(2), abs=1e-6)
    assert dsp.SVF.from_physical(frequency=500.0, q=0.3, filter_type="peaking").gain_db.item() < 0


def test_attributes_can_be_assigned():
    biquad = dsp.Biquad()
    biquad.frequency, biquad.gain_db = 500.0, -3.0
    assert (biquad.frequency.item(), biquad.gain_db.item()) == pytest.approx((500.0, -3.0))
    with pytest.raises(ValueError, match="frequency must be within"):
        biquad.frequency = 50000.0
    delay = dsp.parallelDelay((2,))
    delay.seconds = [0.001, 0.002]
    assert delay.samples.tolist() == pytest.approx([48.0, 96.0])


def test_an_attribute_of_a_subclass_is_its_own():
    class Named(dsp.Delay):
        def __init__(self):
            self.samples = "before"
            super().__init__(isint=True)
            self.seconds = "after"

    named = Named()
    assert (named.samples, named.seconds) == ("before", "after")
    named.set(samples=7.0)
    assert (int(named.order), named.taps().shape[0]) == (8, 8)


def test_any_map_can_be_read_through():
    line = dsp.parallelDelay((2,), nfft=64)
    line.map = torch.nn.Linear(2, 2)
    torch.testing.assert_close(line.samples.float(), line.get_delays()(line.param).detach())
    assert dsp.Gain(map=lambda p: torch.tensor(2.0) * p).gain.dtype == torch.float64


def test_numbers_lists_arrays_and_tensors_are_values():
    for value in (1000, [1000.0], np.float32(1000), np.array([1000.0]), torch.tensor(1000.0, requires_grad=True)):
        assert dsp.Biquad.from_physical(frequency=value, **F64).frequency.item() == pytest.approx(1000.0)
    channels = dsp.parallelBiquad.from_physical(frequency=[[100.0, 200.0]])
    assert channels.size == (1, 2, 2)


def test_a_refused_value_changes_nothing():
    biquad = dsp.Biquad()
    before = biquad.param.detach().clone()
    with pytest.raises(ValueError, match="gain_db"):
        biquad.set(frequency=100.0, gain_db=100.0)
    torch.testing.assert_close(biquad.param.detach(), before)


def test_sections_of_scipy_are_taken_and_given_back():
    sos = signal.butter(6, [0.1, 0.4], "bandpass", output="sos")
    kept = dsp.SOSFilter.from_sos(sos, dtype=torch.float64)
    np.testing.assert_allclose(kept.sos()[0, 0].numpy(), sos, rtol=1e-14)
    two = dsp.parallelSOSFilter.from_sos(np.stack((sos, sos[::-1])))
    assert two.size == (6, 6, 2)
