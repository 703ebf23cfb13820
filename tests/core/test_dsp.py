"""The base of the processors, written as the code that leans on it would be."""

import copy
import pickle

import pytest
import torch
from torch import nn

from flamo import dsp
from flamo.core.grid import FrequencyGrid

NFFT = 64


class OnePole(dsp.DSP):
    """A processor by its transfer function only."""

    def __init__(self, size=(2, 2), **kwargs):
        super().__init__(size, map=torch.tanh, **kwargs)
        self.initialize_class()

    def transfer(self, w, param=None):
        w, pole = self.operands(w, param)
        return 1 / (1 - pole * w)


class ParallelOnePole(OnePole):
    diagonal = True


class PoleOf(OnePole):
    def __init__(self, map):
        super().__init__(nfft=NFFT)
        self.map = lambda p: 0.9 * torch.tanh(map(p))


class ByHook(dsp.Filter):
    """Assigns its response, as subclasses of the classic interface do."""

    def get_freq_response(self):
        self.freq_response = lambda param: self.gain * self.fft(self.map(param))

    def __init__(self, *args, **kwargs):
        self.gain = 3.0
        super().__init__(*args, **kwargs)


class ByCoefficients(dsp.parallelBiquad):
    def get_poly_coeff(self, param):
        H, B, A = super().get_poly_coeff(param)
        return 2 * H, B, A


def spectrum(channels, dtype=torch.complex64):
    return torch.randn(2, NFFT // 2 + 1, channels, dtype=dtype)


def test_a_transfer_function_is_all_that_a_processor_needs():
    full, diagonal = OnePole((3, 2), nfft=NFFT), ParallelOnePole((3,), nfft=NFFT)
    assert full(spectrum(2)).shape == (2, 33, 3)
    assert diagonal(spectrum(3)).shape == (2, 33, 3)
    assert full.probe(1j).shape == (3, 2)
    assert diagonal.probe(1j).shape == (3, 3)
    assert torch.count_nonzero(diagonal.probe(1j)) == 3


@pytest.mark.parametrize("alias_decay_db", [0.0, 30.0])
def test_probe_on_the_unit_circle_is_the_response(alias_decay_db):
    pole = OnePole(nfft=NFFT, alias_decay_db=alias_decay_db, dtype=torch.float64)
    z = torch.exp(2j * torch.pi * torch.arange(33, dtype=torch.float64) / NFFT)
    probed = torch.stack([pole.probe(point) for point in z])
    torch.testing.assert_close(probed, pole.freq_response(pole.param))
    torch.testing.assert_close(pole.probe_w(1 / z[5]), probed[5])


def test_probe_has_the_precision_of_the_point():
    pole = OnePole(nfft=NFFT)
    assert pole.probe(torch.tensor(1j, dtype=torch.complex64)).dtype == torch.complex64
    assert pole.probe(torch.tensor(1j, dtype=torch.complex128)).dtype == torch.complex128
    assert pole.probe(1j).dtype == torch.complex64
    z = 0.123456789 + 0.5j
    pole.double()
    torch.testing.assert_close(pole.probe(z), 1 / (1 - pole.map(pole.param) / z))


def test_an_external_parameter_counts_for_one_call_and_gets_the_gradient():
    gain = dsp.Gain((2, 2), nfft=NFFT, requires_grad=True)
    stored = gain.param.detach().clone()
    external = torch.randn(2, 2, requires_grad=True)
    y = gain(spectrum(2), external)
    y.abs().sum().backward()
    assert external.grad.abs().min() > 0
    assert gain.param.grad is None
    torch.testing.assert_close(gain.param.detach(), stored)


@pytest.mark.parametrize(
    "make", [OnePole, lambda: dsp.Biquad((2, 2), n_sections=3, nfft=2048)], ids=["transfer", "sos"]
)
def test_a_batched_external_parameter_is_the_loop_over_its_items(make):
    processor = make()
    external = torch.rand(4, *processor.size)
    x = torch.randn(4, processor.grid.bins, 2, dtype=torch.complex64)
    expected = torch.cat([processor(x[i : i + 1], external[i]) for i in range(4)])
    torch.testing.assert_close(processor(x, external), expected)


@pytest.mark.parametrize("map", [lambda p: p / p.norm(), lambda p: p.triu(1) - p.triu(1).T, lambda p: p.softmax(0)])
@pytest.mark.parametrize(
    "make", [lambda m: dsp.Gain((2, 2), nfft=NFFT, map=m), lambda m: PoleOf(m)], ids=["gain", "pole"]
)
def test_a_map_sees_one_item_of_a_batch(make, map):
    processor = make(map)
    external, x = torch.rand(4, 2, 2), torch.randn(4, 33, 2, dtype=torch.complex64)
    expected = torch.cat([processor(x[i : i + 1], external[i]) for i in range(4)])
    torch.testing.assert_close(processor(x, external), expected)


def test_a_complex_map_keeps_its_phase():
    gain = dsp.Gain((1, 1), nfft=NFFT, map=lambda p: torch.exp(1j * p))
    torch.testing.assert_close(gain.probe(1j), torch.exp(1j * gain.param))
    torch.testing.assert_close(gain(spectrum(1).abs() * (1 + 0j)).angle()[0, 0], gain.param[0] + 0 * gain.param[0])


def test_what_is_remembered_in_inference_mode_serves_training_too():
    with torch.inference_mode():
        OnePole(nfft=202).response()
        dsp.iFFTAntiAlias(202, alias_decay_db=20.0)(torch.ones(1, 102, 1, dtype=torch.complex64))
    pole = OnePole(nfft=202, requires_grad=True)
    pole.response().tensor.abs().sum().backward()
    spectrum = torch.ones(1, 102, 1, dtype=torch.complex64, requires_grad=True)
    dsp.iFFTAntiAlias(202, alias_decay_db=20.0)(spectrum).sum().backward()
    assert pole.param.grad.abs().min() > 0


def test_an_overridden_freq_response_defines_the_response():
    class Doubled(dsp.Gain):
        def freq_response(self, param):
            return 2 * super().freq_response(param)

    doubled, x = Doubled((2, 2), nfft=NFFT), spectrum(2)
    torch.testing.assert_close(doubled(x), 2 * (x @ doubled.param.T.to(x.dtype)))


def test_an_assigned_get_poly_coeff_defines_the_response():
    biquad, x = dsp.Biquad(nfft=NFFT), spectrum(1)
    before, original = biquad(x), biquad.get_poly_coeff
    biquad.get_poly_coeff = lambda value: (2 * original(value)[0], None, None)
    torch.testing.assert_close(biquad(x), 2 * before)


def test_assign_value_takes_lists_and_masks():
    gain = dsp.Gain((3, 2), nfft=NFFT)
    gain.assign_value(torch.zeros(2, 2), indx=([0, 2],))
    assert gain.param.ne(0).any(1).tolist() == [False, True, False]
    gain.assign_value(torch.zeros(2), indx=(gain.param != 0,))
    assert gain.param.abs().sum() == 0


def test_a_batch_meets_an_overridden_get_poly_coeff():
    doubled, x = ByCoefficients((2,), nfft=NFFT), spectrum(2)
    external = torch.rand(2, *doubled.size)
    expected = torch.cat([doubled(x[i : i + 1], external[i]) for i in range(2)])
    torch.testing.assert_close(doubled(x, external), expected)


def test_an_external_parameter_that_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="ext_param must be a tensor, got list"):
        dsp.Gain((1, 1), nfft=NFFT)(spectrum(1), [[1.0]])


def test_an_external_parameter_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"ext_param must have shape \(2, 2\)"):
        dsp.Gain((2, 2), nfft=NFFT)(spectrum(2), torch.ones(2, 3))


def test_everything_may_be_replaced_while_it_lives():
    gain, x = dsp.Gain((2, 2), nfft=NFFT), spectrum(2)
    before = gain(x)
    gain.map = lambda p: 2 * p
    torch.testing.assert_close(gain(x), 2 * before)
    gain.param.data *= 2
    torch.testing.assert_close(gain(x), 4 * before)
    gain.param = nn.Parameter(gain.param.detach() / 4)
    torch.testing.assert_close(gain(x), before)
    gain.freq_response = lambda p: 7 * p.expand(33, -1, -1).to(torch.complex64)
    torch.testing.assert_close(gain(x), 3.5 * before)  # raw parameters, now half of the first
    gain.freq_convolve = lambda x, p: -x
    torch.testing.assert_close(gain(x), -x)


def test_many_external_parameters_in_a_row_are_not_mixed_up():
    biquad, x = dsp.Biquad((1, 1), nfft=NFFT), spectrum(1)
    with torch.no_grad():
        for _ in range(200):
            external = torch.rand(biquad.size)
            torch.testing.assert_close(biquad(x, external), biquad.response(external).apply(x))


def test_an_overridden_hook_defines_the_response():
    hooked, plain = ByHook((4, 2, 2), nfft=NFFT), dsp.Filter((4, 2, 2), nfft=NFFT)
    plain.assign_value(hooked.param)
    x = spectrum(2)
    torch.testing.assert_close(hooked(x), 3 * plain(x))
    with pytest.raises(NotImplementedError, match="override transfer"):
        hooked.probe(1j)


def test_an_overridden_get_poly_coeff_defines_the_response():
    doubled, plain = ByCoefficients((2,), nfft=NFFT), dsp.parallelBiquad((2,), nfft=NFFT)
    plain.assign_value(doubled.param)
    x = spectrum(2)
    torch.testing.assert_close(doubled(x), 2 * plain(x))
    with pytest.raises(NotImplementedError, match="override transfer"):
        doubled.probe(1j)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_a_copy_with_an_assigned_response_is_independent(duplicate):
    original = ByHook((4, 1, 1), nfft=NFFT)
    copied, x = duplicate(original), spectrum(1)
    before = original(x)
    copied.gain = 30.0
    copied.param.data *= 0.1
    torch.testing.assert_close(copied(x), before)
    torch.testing.assert_close(original(x), before)


def test_a_hook_follows_a_change_of_the_grid():
    hooked = ByHook((4, 1, 1), nfft=NFFT).set_nfft(16)
    assert hooked(torch.ones(1, 9, 1, dtype=torch.complex64)).shape == (1, 9, 1)


def test_attributes_set_before_the_constructor_of_the_base_survive():
    class Early(dsp.DSP):
        def __init__(self):
            self.fs, self.device, self.alias_envelope_dcy = 44100, "cpu", torch.ones(3)
            super().__init__((2,), nfft=NFFT, device=None)

    early = Early()
    assert (early.fs, early.device) == (44100, torch.device("cpu"))
    assert early.alias_envelope_dcy.sum() == 3


def test_device_and_dtype_follow_the_parameter():
    gain = dsp.Gain(nfft=NFFT)
    assert gain.device == torch.device("cpu")
    assert (gain.dtype, gain.double().dtype, gain.set_dtype(torch.float32).dtype) == (
        torch.float32,
        torch.float64,
        torch.float32,
    )
    assert gain.to(torch.float32) is gain
    assert gain.set_device("meta").device.type == "meta"


def test_the_grid_follows_nfft_and_decay():
    biquad = dsp.Biquad(nfft=NFFT)
    assert biquad.set_nfft(128).set_alias_decay_db(20.0).grid == FrequencyGrid(128, 20.0)
    assert biquad.gamma == pytest.approx(10 ** (-20 / 20 / 128))
    assert torch.abs(biquad.alias_decay_db) == 20.0
    assert biquad(torch.ones(1, 65, 1, dtype=torch.complex64)).shape == (1, 65, 1)


def test_assign_value_can_change_a_part():
    gain = dsp.Gain((2, 3), nfft=NFFT)
    gain.assign_value(torch.zeros(3), indx=(0,))
    assert gain.param[0].abs().sum() == 0
    assert gain.param[1].abs().min() > 0


def test_init_param_may_be_replaced():
    class Ones(dsp.Gain):
        def init_param(self):
            nn.init.ones_(self.param)

    assert Ones((2, 2), nfft=NFFT).param.sum() == 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": (2,)}, ValueError, r"size must be \(N_out, N_in\), got \(2,\)"),
        ({"size": (2, 0)}, ValueError, "at least 1"),
        ({"size": (2.5, 1)}, TypeError, "size"),
        ({"size": 3}, TypeError, "size"),
        ({"nfft": 0}, ValueError, "nfft"),
        ({"nfft": 1024.0}, TypeError, "nfft"),
        ({"map": 3}, TypeError, "map must be callable"),
        ({"dtype": torch.int32}, TypeError, r"torch.float32 or torch.float64, got torch.int32"),
        ({"alias_decay_db": float("nan")}, ValueError, "alias_decay_db"),
    ],
)
def test_a_wrong_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        dsp.Gain(**arguments)


@pytest.mark.parametrize(
    ("shape", "message"), [((2, 33), "batch, bins, channels"), ((2, 32, 2), "32 bins"), ((2, 33, 3), "3 channels")]
)
def test_an_input_of_another_shape_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        dsp.Gain((2, 2), nfft=NFFT)(torch.zeros(shape))


def test_a_processor_without_transfer_says_what_to_define():
    with pytest.raises(NotImplementedError, match="must define transfer"):
        dsp.DSP((1, 1)).probe(1.0)


def test_the_representation_says_what_differs_from_the_defaults():
    assert repr(dsp.Biquad((1, 2), n_sections=3, nfft=64)) == "Biquad(size=(3, 2, 1, 2), n_sections=3, nfft=64)"
