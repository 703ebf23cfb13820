from collections import OrderedDict

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group
from torch import nn

from flamo import dsp, system

NFFT, DELAYS = 512, (3, 5, 7)
N = len(DELAYS)


def delay_line(alias_decay_db=0.0, nfft=NFFT):
    """Integer delays as one tap each."""
    line = dsp.parallelFilter((max(DELAYS) + 1, N), nfft=nfft, alias_decay_db=alias_decay_db, dtype=torch.float64)
    line.assign_value((torch.arange(max(DELAYS) + 1)[:, None] == torch.tensor(DELAYS)).double())
    return line


def network(decay=0.7, alias_decay_db=0.0, nfft=NFFT):
    """A feedback delay network of orthogonal feedback."""
    kwargs = {"nfft": nfft, "alias_decay_db": alias_decay_db, "dtype": torch.float64}
    mixing = dsp.Gain((N, N), **kwargs)
    mixing.assign_value(decay * torch.from_numpy(ortho_group.rvs(N, random_state=0)))
    loop = system.Recursion(delay_line(alias_decay_db, nfft), system.Series(OrderedDict(mixing=mixing)))
    return system.Series(
        OrderedDict(input_gain=dsp.Gain((N, 2), **kwargs), loop=loop, output_gain=dsp.Gain((2, N), **kwargs))
    )


def sample_by_sample(net, impulse_input, length):
    """The same network in the time domain: each line is read d samples after it was written."""
    inputs, feedback, outputs = (
        p.detach().numpy() for p in (net.input_gain.param, net.loop.feedback.mixing.param, net.output_gain.param)
    )
    lines, y = np.zeros((length, N)), np.zeros((length, 2))
    for n in range(length):
        read = np.array([lines[n - d, i] if n >= d else 0.0 for i, d in enumerate(DELAYS)])
        lines[n] = feedback @ read + (inputs[:, impulse_input] if n == 0 else 0.0)
        y[n] = outputs @ read
    return y


@pytest.mark.parametrize("alias_decay_db", [0.0, 60.0])
@pytest.mark.parametrize("impulse_input", [0, 1])
def test_a_feedback_delay_network_is_its_recursion_sample_by_sample(alias_decay_db, impulse_input):
    net = network(alias_decay_db=alias_decay_db)
    shell = system.Shell(net, dsp.FFT(NFFT), dsp.iFFTAntiAlias(NFFT, alias_decay_db=alias_decay_db))
    response = shell.get_time_response(identity=True)[0, :, :, impulse_input]
    expected = sample_by_sample(net, impulse_input, NFFT)
    np.testing.assert_allclose(response.numpy(), expected, atol=1e-9 * np.abs(expected).max())


def test_an_orthogonal_loop_without_decay_keeps_its_energy():
    """The loop matrix of a lossless network is unitary on the circle: all singular values of I - FB's loop are 1."""
    net = network(decay=1.0)
    z = torch.exp(torch.tensor(0.3j, dtype=torch.complex128))
    loop = torch.eye(N) - net.loop.probe_recursion(z)
    torch.testing.assert_close(torch.linalg.svdvals(loop), torch.ones(N, dtype=torch.float64))


def test_response_and_probe_are_the_closed_loop():
    loop = network(alias_decay_db=20.0).loop
    x = torch.randn(4, NFFT // 2 + 1, N, dtype=torch.complex128)
    y = loop(x)
    torch.testing.assert_close(loop.response().apply(x), y)
    torch.testing.assert_close(y, loop.feedforward(x + loop.feedback(y)))
    z = torch.exp(2j * torch.pi * torch.tensor(10 / NFFT, dtype=torch.float64))
    torch.testing.assert_close(loop.probe(z), loop.response().full()[0, 10])
    torch.testing.assert_close(loop.probe_w(1 / z), loop.probe(z))
    torch.testing.assert_close(loop.probe_recursion_w(1 / z), loop.probe_recursion(z))


def test_trailing_dimensions_ride_along():
    loop = network().loop
    x = torch.randn(2, NFFT // 2 + 1, N, 3, 4, dtype=torch.complex128)
    y = loop(x)
    torch.testing.assert_close(y[..., 1, 2], loop(x[..., 1, 2]))


def test_paths_need_not_be_square():
    loop = system.Recursion(
        dsp.Gain((3, 2), nfft=8, dtype=torch.float64), dsp.Gain((2, 3), nfft=8, dtype=torch.float64)
    )
    loop.feedback.param.data *= 0.1
    x = torch.randn(1, 5, 2, dtype=torch.complex128)
    y = loop(x)
    torch.testing.assert_close(y, loop.feedforward(x + loop.feedback(y)))


def test_the_feedback_may_be_any_module_and_back():
    loop = network(alias_decay_db=20.0).loop
    x = torch.randn(1, NFFT // 2 + 1, N, dtype=torch.complex128)
    kept, before = loop.feedback.mixing, loop(x)
    loop.feedback.mixing = nn.Identity()
    comb = 1 / (1 - loop.feedforward.response().tensor)
    torch.testing.assert_close(loop(x), comb * loop.feedforward(x))
    linear = nn.Linear(N, N, bias=False, dtype=torch.complex128)
    linear.weight.data = kept.param.detach().to(torch.complex128).clone()
    loop.feedback.mixing = linear
    torch.testing.assert_close(loop(x), before)
    loop.feedback.mixing = nn.Linear(N, N, bias=False, dtype=torch.float64)  # a module for real numbers
    loop.feedback.mixing.weight.data = kept.param.detach().clone()
    torch.testing.assert_close(loop(x), before)
    loop.feedback.mixing = kept
    torch.testing.assert_close(loop(x), before)


def test_external_parameters_by_path_get_gradients():
    loop = network().loop
    x = torch.randn(3, NFFT // 2 + 1, N, dtype=torch.complex128)
    external = (0.5 * torch.eye(N, dtype=torch.float64)).requires_grad_()
    y = loop(x, {"feedback": {"mixing": external}})
    y.abs().sum().backward()
    assert external.grad.abs().min() > 0
    batch = torch.stack([external.detach(), 0.1 * external.detach(), -external.detach()])
    one_by_one = torch.cat([loop(x[i : i + 1], {"feedback": {"mixing": batch[i]}}) for i in range(3)])
    torch.testing.assert_close(loop(x, {"feedback": {"mixing": batch}}), one_by_one)
    same = x[:1].expand(3, -1, -1)
    torch.testing.assert_close(
        loop(x[:1], {"feedback": {"mixing": batch}}), loop(same, {"feedback": {"mixing": batch}})
    )


def test_a_pole_on_the_grid_is_named():
    loop = system.Recursion(dsp.parallelGain((1,), nfft=8), nn.Identity())
    loop.feedforward.assign_value(torch.ones(1))
    with pytest.raises(torch.linalg.LinAlgError, match="pole on the grid"):
        loop(torch.ones(1, 5, 1, dtype=torch.complex64))


def test_gradients():
    loop = network(nfft=8).loop
    x = torch.randn(2, 5, N, dtype=torch.complex128)
    mixing = loop.feedback.mixing.param.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda m: loop(x, {"feedback": {"mixing": m}}), mixing)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: system.Recursion(dsp.Gain((3, 2)), dsp.Gain((3, 3))),
            r"feedback \(Gain\) has 3, feedforward \(Gain\) ",
        ),
        (lambda: system.Recursion(dsp.Gain((2, 2)), dsp.Gain((2, 3))), "channels do not match"),
        (lambda: system.Recursion(dsp.Gain(nfft=8), dsp.Gain(nfft=16)), "nfft differs"),
        (lambda: network().loop(torch.ones(1, 4, N)), "257 bins, 3 channels"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def of_gains(*shapes):
    """Gains of the sizes given, a diagonal one for one number, delays for none."""
    parts = []
    for shape in shapes:
        part = (
            delay_line(20.0)
            if shape is None
            else (dsp.parallelGain if len(shape) == 1 else dsp.Gain)(
                shape, nfft=NFFT, alias_decay_db=20.0, dtype=torch.float64, requires_grad=True
            )
        )
        if shape is not None:
            part.param.data.copy_(0.4 * torch.randn(shape))
        parts.append(part)
    return system.Series(*parts)


@pytest.mark.parametrize(
    ("forward", "back"),
    [
        ([None], [(N, N), (N,)]),  # delays, then mixing and attenuation
        ([None], [(N,), (N, N)]),
        ([None, (N,)], [(N, N), None]),  # a diagonal at both ends
        ([(N, N), None], [(N, N)]),  # constant matrices at both ends of the delays
        ([None, (2, N)], [(N, 2)]),
        ([(N, 2)], [None, (2, N)]),
        ([None], [(N,)]),  # channels that do not meet
        ([(N, N)], [(N, N), (N,)]),  # the same in every bin
        ([None, (N, N)], [None, (N, N)]),  # no factors to be had
    ],
)
def test_a_loop_in_factors_is_the_dense_one(forward, back):
    loop = system.Recursion(of_gains(*forward), of_gains(*back))
    x = torch.randn(2, NFFT // 2 + 1, loop.input_channels, dtype=torch.complex128)
    F, B = (path.response().full().to(x.dtype) for path in (loop.feedforward, loop.feedback))
    expected = torch.linalg.solve(torch.eye(F.shape[2]) - F @ B, F)
    torch.testing.assert_close(loop.response().full().to(x.dtype).expand_as(expected), expected)
    parameters = [p for p in loop.parameters() if p.requires_grad]
    y, dense = loop(x), (expected @ x[..., None])[..., 0]
    torch.testing.assert_close(y, dense)
    grad = torch.randn_like(dense)
    torch.testing.assert_close(torch.autograd.grad(y, parameters, grad), torch.autograd.grad(dense, parameters, grad))
