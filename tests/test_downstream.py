"""What code written for flamo 0.2.20 leans on, written as that code: one test for each contract."""

import copy
import importlib
from collections import OrderedDict

import pytest
import torch
from torch import nn

from flamo import dsp, system

N, NFFT = 3, 128


def reverberator(**kwargs):
    """Two branches, one of them a feedback delay network, as such systems are usually built."""
    kwargs = {"nfft": NFFT, "alias_decay_db": 30.0, "dtype": torch.float64, **kwargs}
    delays = dsp.parallelDelay((N,), max_len=50, isint=True, **kwargs)
    feedback = system.Series(
        OrderedDict(
            mixing_matrix=dsp.Matrix((N, N), matrix_type="orthogonal", requires_grad=True, **kwargs),
            attenuation=dsp.parallelGain((N,), map=torch.sigmoid, **kwargs),
        )
    )
    loop = OrderedDict(
        input_gain=dsp.Gain((N, 1), requires_grad=True, **kwargs),
        feedback_loop=system.Recursion(fF=delays, fB=feedback),
        output_gain=dsp.Gain((1, N), requires_grad=True, **kwargs),
    )
    direct = dsp.Gain((1, 1), **kwargs)
    core = system.Parallel(brA=system.Series(loop), brB=direct, sum_output=True)
    output = dsp.iFFTAntiAlias(NFFT, alias_decay_db=30.0, dtype=torch.float64)
    return system.Shell(core=core, input_layer=dsp.FFT(NFFT, dtype=torch.float64), output_layer=output)


def impulse():
    x = torch.zeros(1, NFFT, 1, dtype=torch.float64)
    x[:, 0] = 1.0
    return x


def test_code_that_dispatches_on_class_names():
    names = [type(m).__name__ for m in reverberator().modules()]
    assert names == [
        "Shell",
        *("Parallel", "Series", "Gain", "Recursion", "parallelDelay", "Series", "Matrix", "parallelGain", "Gain"),
        *("Gain", "FFT", "iFFTAntiAlias"),
    ]


def test_code_that_walks_the_attributes():
    model = reverberator()
    core = model.get_core()
    assert core.branchA.feedback_loop.feedback.mixing_matrix is core.branchA[1].feedback[0]
    assert list(core.branchA._modules) == ["input_gain", "feedback_loop", "output_gain"]
    assert [type(m).__name__ for m in core.branchA[1:]] == ["Recursion", "Gain"]
    assert model._Shell__core is core
    assert isinstance(model._Shell__input_layer, dsp.FFT)
    assert isinstance(model._Shell__output_layer, dsp.iFFTAntiAlias)


def test_code_that_reads_state_dicts():
    assert list(reverberator().state_dict()) == [
        "_Shell__core.branchA.input_gain.param",
        "_Shell__core.branchA.feedback_loop.feedforward.param",
        "_Shell__core.branchA.feedback_loop.feedback.mixing_matrix.param",
        "_Shell__core.branchA.feedback_loop.feedback.attenuation.param",
        "_Shell__core.branchA.output_gain.param",
        "_Shell__core.branchB.param",
    ]


class Absorption(dsp.parallelSOSFilter):
    """A subclass of the kind that reverberators define: sizes of its own, sections out of few parameters."""

    def __init__(self, delays, **kwargs):
        self.delays = delays
        self.device, self.requires_grad = None, True
        self.alias_envelope_dcy = torch.ones(3)
        super().__init__(size=(len(delays),), n_sections=1, requires_grad=True, **kwargs)

    def get_size(self):
        return (1,)

    def check_param_shape(self):
        self.checked = True

    def get_io(self):
        self.input_channels = self.output_channels = len(self.delays)

    def get_map(self):
        self.map = lambda param: torch.sigmoid(param)

    def init_param(self):
        nn.init.zeros_(self.param)

    def get_poly_coeff(self, param):
        gain = param[:, 0] ** (self.delays / 100)
        flat = torch.ones(self.nfft // 2 + 1, 1, 1, dtype=gain.dtype)
        return (gain * flat[:, 0]).to(torch.complex64), gain * flat, flat


def test_code_that_subclasses_with_the_hooks():
    filters = Absorption(torch.tensor([100.0, 200.0]), nfft=NFFT)
    assert filters.checked
    assert filters.param.shape == (1, 1, 2)
    x = torch.ones(1, NFFT // 2 + 1, 2, dtype=torch.complex64)
    torch.testing.assert_close(filters(x)[0, 5].real, torch.tensor([0.5, 0.25]))
    filters.delays = torch.tensor([200.0, 300.0])  # set before each forward by some
    torch.testing.assert_close(filters(x)[0, 5].real, torch.tensor([0.25, 0.125]))
    assert copy.deepcopy(filters)(x).equal(filters(x))


class Switched(dsp.DSP):
    """A subclass of the base that assigns its closures in the hooks."""

    def __init__(self, size, **kwargs):
        self.factor = 2.0
        super().__init__(size, **kwargs)
        self.initialize_class()

    def check_input_shape(self, x):
        self.seen = x.shape

    def forward(self, x, ext_param=None):
        self.check_input_shape(x)
        return self.freq_convolve(x, self.param if ext_param is None else ext_param)

    def get_freq_response(self):
        self.freq_response = lambda param: self.factor * self.map(param)

    def get_freq_convolve(self):
        self.freq_convolve = lambda x, param: torch.einsum("mn,bfn->bfm", self.freq_response(param).to(x.dtype), x)


def test_code_that_assigns_closures_in_hooks():
    switched = Switched((2, 1), nfft=NFFT)
    x = torch.ones(1, NFFT // 2 + 1, 1, dtype=torch.complex64)
    torch.testing.assert_close(switched(x)[0, 0].real, 2 * switched.param[:, 0])
    assert switched.seen == x.shape
    loop = system.Recursion(switched, dsp.Gain.from_physical(gain=[[0.1, 0.1]], nfft=NFFT))
    assert loop(x).isfinite().all()


class Weighted(nn.Module):
    """A loss that asks the model."""

    def forward(self, prediction, target, model):
        return (prediction - target).abs().mean() + model.get_core().branchA.output_gain.param.abs().mean()


class Learned(system.Shell):
    """A Shell of one's own."""

    def forward(self, x, ext_param=None):
        return super().forward(x, ext_param).abs()


def test_code_that_subclasses_shell_and_losses():
    inner = reverberator()
    model = Learned(inner.get_core(), inner.get_inputLayer(), inner.get_outputLayer())
    y = model(impulse())
    Weighted()(y, torch.zeros_like(y), model).backward()
    assert model.get_core().branchA.feedback_loop.feedback.mixing_matrix.param.grad.abs().max() > 0


def test_code_that_replaces_things_while_they_live():
    model = reverberator()
    loop = model.get_core().branchA.feedback_loop
    before = model(impulse())
    attenuation = loop.feedback.attenuation
    loop.feedback.attenuation = nn.Identity()
    lossless = model(impulse())
    assert not torch.allclose(lossless, before)
    loop.feedback.attenuation = attenuation
    torch.testing.assert_close(model(impulse()), before)
    loop.feedforward = dsp.parallelGain((N,), nfft=NFFT, alias_decay_db=30.0, dtype=torch.float64)
    assert not torch.allclose(model(impulse()), before)
    attenuation.init_param = lambda: nn.init.zeros_(attenuation.param)
    attenuation.init_param()
    attenuation.map = lambda p: p  # no feedback left
    direct = model.get_core().branchB.param
    gains = model.get_core().branchA
    through = gains.output_gain.param @ (loop.feedforward.param[:, None] * gains.input_gain.param) + direct
    torch.testing.assert_close(model(impulse())[0, 0], through[0])


def test_code_that_hooks_gradients_and_edits_data():
    model = reverberator()
    matrix = model.get_core().branchA.feedback_loop.feedback.mixing_matrix
    matrix.param.register_hook(lambda grad: torch.zeros_like(grad))
    model(impulse()).square().sum().backward()
    assert matrix.param.grad.abs().max() == 0
    gain, before = model.get_core().branchB, model(impulse())
    with torch.no_grad():
        gain.param.mul_(0.0)
        once = model(impulse())
        gain.param.data = gain.param.data + 1.0
        assert (model(impulse()) - once)[0, 0].item() == pytest.approx(1.0)
    assert not torch.allclose(before, once)


def test_code_that_copies_and_rewires():
    model = reverberator()
    copied = copy.deepcopy(model)
    loop, other = (m.get_core().branchA.feedback_loop for m in (model, copied))
    other.feedback = loop.feedback  # one feedback in two systems
    loop.feedback.mixing_matrix.param.data.zero_()
    torch.testing.assert_close(copied(impulse()), model(impulse()))
    other.feedforward.assign_value(other.feedforward.param + other.feedforward.sample2s(torch.tensor(1.0)))
    assert not torch.allclose(copied(impulse()), model(impulse()))


@pytest.mark.parametrize("devices", [(None, "cpu"), ("cpu", torch.device("cpu")), (torch.device("cpu"), None)])
def test_code_that_mixes_ways_to_name_a_device(devices):
    first, second = (dsp.Gain((1, 1), nfft=NFFT, device=device) for device in devices)
    shell = system.Shell(system.Series(first, second), dsp.FFT(NFFT), dsp.iFFT(NFFT))
    assert shell(impulse().float()).shape == (1, NFFT, 1)


def test_code_that_hands_over_tensors_as_numbers():
    delays = torch.tensor([40.0, 50.0])
    line = dsp.parallelDelay((2,), max_len=delays.max(), isint=True, nfft=NFFT)
    line.assign_value(line.sample2s(delays))
    assert line.get_delays()(line.param).tolist() == pytest.approx([40.0, 50.0])
    assert int(line.order) == 51


def test_code_that_puts_any_module_anywhere():
    kwargs = {"nfft": NFFT, "dtype": torch.float64}
    mixer = nn.Linear(2, 2, bias=False, dtype=torch.complex128)
    chain = system.Series(dsp.Gain((2, 1), **kwargs), nn.Identity(), mixer, dsp.Transform(lambda x: 2 * x))
    x = torch.ones(1, NFFT // 2 + 1, 1, dtype=torch.complex128)
    torch.testing.assert_close(chain(x, {"0": torch.ones(2, 1).double()})[0, 0], 2 * mixer.weight.sum(1))


def test_code_that_hands_down_external_parameters():
    model = reverberator()
    half = torch.full((N,), -50.0, dtype=torch.float64, requires_grad=True)
    y = model(impulse(), {"branchA": {"feedback_loop": {"feedback": {"attenuation": half}}}})
    y.square().sum().backward()
    assert half.grad is not None
    with pytest.raises(ValueError, match="'mixing', which is not one of mixing_matrix, attenuation"):
        model(impulse(), {"branchA": {"feedback_loop": {"feedback": {"mixing": half}}}})


def test_code_that_reconfigures_a_whole_system():
    model = reverberator()
    model.set_nfft(256).set_alias_decay_db(0.0)
    assert {m.nfft for m in model.modules() if getattr(m, "nfft", None)} == {256}
    assert {float(m.alias_decay_db) for m in model.modules() if hasattr(m, "alias_decay_db")} <= {0.0}
    model.set_dtype(torch.float32).set_device("cpu")
    x = torch.zeros(1, 256, 1)
    x[:, 0] = 1.0
    assert model(x).dtype == torch.float32
    assert model.to(torch.float64)(x.double()).dtype == torch.float64
    assert model.get_core().branchA.input_gain.dtype == torch.float64


def test_code_that_looks_at_responses():
    model = reverberator()
    assert model.get_time_response().requires_grad is False
    assert model.get_time_response(identity=True).shape == (1, NFFT, 1)
    assert model.get_freq_response(fs=48000).shape == (1, NFFT // 2 + 1, 1)
    loop = model.get_core().branchA.feedback_loop
    z = torch.exp(torch.tensor(0.3j, dtype=torch.complex128))
    torch.testing.assert_close(loop.probe_recursion(z), loop.probe_recursion_w(1 / z))
    assert model.probe(z).shape == (1, 1)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("flamo.processor", ["dsp", "system", "Biquad"]),
        ("flamo", ["dsp", "system", "Biquad", "Shell", "Trainer", "functional", "optimize"]),
        ("flamo.processor.system", ["Shell", "Series", "Recursion", "Parallel"]),
        ("flamo.optimize", ["loss", "trainer", "dataset", "mse_loss", "Trainer"]),
        ("flamo.optimize.loss", ["mse_loss"]),
        ("flamo.functional", ["signal_gallery", "db2mag"]),
        ("flamo.auxiliary.eq", ["eq_freqs"]),
    ],
)
def test_code_that_imports(module, names):
    imported = importlib.import_module(module)
    for name in names:
        assert getattr(imported, name) is not None
