import copy
from collections import OrderedDict

import pytest
import torch
from torch import nn

from flamo import dsp, system

NFFT = 32


def fir(outputs, inputs, **kwargs):
    return dsp.Filter((8, outputs, inputs), nfft=NFFT, dtype=torch.float64, **kwargs)


def shell(core):
    decay = float(core.alias_decay_db)
    return system.Shell(core, dsp.FFT(NFFT), dsp.iFFTAntiAlias(NFFT, alias_decay_db=decay))


@pytest.mark.parametrize("alias_decay_db", [0.0, 40.0])
def test_the_time_response_is_the_taps(alias_decay_db):
    core = fir(3, 2, alias_decay_db=alias_decay_db)
    each = shell(core).get_time_response(identity=True)
    assert each.shape == (1, NFFT, 3, 2)
    torch.testing.assert_close(each[0, :8], core.param.detach())
    assert each[0, 8:].abs().max() < 1e-12
    together = shell(core).get_time_response()
    torch.testing.assert_close(together, each.sum(-1))


@pytest.mark.parametrize("alias_decay_db", [0.0, 40.0])
def test_the_frequency_response_is_the_fft_of_the_taps(alias_decay_db):
    core = fir(3, 2, alias_decay_db=alias_decay_db)
    expected = torch.fft.rfft(core.param.detach(), n=NFFT, dim=0)[None]
    torch.testing.assert_close(shell(core).get_freq_response(identity=True), expected)
    torch.testing.assert_close(shell(core).get_freq_response(), expected.sum(-1))


def test_a_single_input_has_no_dimension_of_its_own():
    assert shell(fir(3, 1)).get_time_response(identity=True).shape == (1, NFFT, 3)


def test_responses_are_differentiable_on_request_only():
    model = shell(fir(1, 1, requires_grad=True))
    assert not model.get_time_response().requires_grad
    assert model.get_freq_response(grad=True).requires_grad


def test_layers_stay_in_place_after_an_error():
    class Broken(dsp.Gain):
        def forward(self, x, ext_param=None):
            raise RuntimeError

    model = system.Shell(Broken(nfft=NFFT), dsp.FFT(NFFT), dsp.iFFT(NFFT))
    with pytest.raises(RuntimeError):
        model.get_time_response()
    assert isinstance(model.get_inputLayer(), dsp.FFT)
    assert isinstance(model.get_outputLayer(), dsp.iFFT)


def test_forward_runs_layers_and_core():
    core = fir(1, 1)
    x = torch.zeros(1, NFFT, 1, dtype=torch.float64)
    x[:, 3] = 1.0
    torch.testing.assert_close(shell(core)(x)[0, 3:11], core.param[..., 0].detach())
    external = torch.ones(8, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(shell(core)(x, external)[0, 3:11], external[..., 0])


def test_names_in_the_state_are_the_classic_ones():
    model = system.Shell(system.Series(OrderedDict(a=fir(1, 1))), dsp.FFT(NFFT))
    assert list(model._modules) == ["_Shell__core", "_Shell__input_layer", "_Shell__output_layer"]
    assert list(model.state_dict()) == ["_Shell__core.a.param"]
    copied = copy.deepcopy(model)
    copied.get_core().a.param.data.zero_()
    assert model.get_core().a.param.abs().min() > 0


def test_parts_can_be_exchanged():
    model = shell(fir(1, 1))
    model.set_core(fir(2, 2))
    model.set_inputLayer()
    model.set_outputLayer(dsp.Transform(torch.abs))
    assert isinstance(model.get_inputLayer(), nn.Identity)
    assert model(torch.ones(1, 17, 2, dtype=torch.complex128)).shape == (1, 17, 2)
    with pytest.raises(ValueError, match=r"nfft differs: core \(Gain\) has 8"):
        shell(fir(1, 1)).set_core(dsp.Gain(nfft=8))
    refused = shell(fir(1, 1))
    with pytest.raises(ValueError, match="nfft differs"):
        refused.set_core(dsp.Gain(nfft=8))
    assert isinstance(refused.get_core(), dsp.Filter)


def test_probe_is_the_cores_or_that_of_all():
    core = fir(2, 2)
    before = dsp.Gain((2, 2), nfft=NFFT, dtype=torch.float64)
    model = system.Shell(core, system.Series(dsp.FFT(NFFT), before), dsp.iFFT(NFFT))
    z = torch.tensor(1j, dtype=torch.complex128)
    torch.testing.assert_close(model.probe(z), core.probe(z))
    torch.testing.assert_close(model.probe(z, include_shell_io=True), core.probe(z) @ before.probe(z))


def test_a_system_without_nfft_says_so():
    with pytest.raises(ValueError, match="nfft"):
        system.Shell(nn.Identity()).get_time_response()


def test_layers_must_agree_with_the_core():
    with pytest.raises(ValueError, match=r"alias_decay_db differs: core \(Filter\) has 10, output_layer"):
        system.Shell(fir(1, 1, alias_decay_db=10.0), dsp.FFT(NFFT), dsp.iFFTAntiAlias(NFFT, alias_decay_db=20.0))
