from collections import OrderedDict

import pytest
import torch

import flamo
from flamo import dsp, sparsity_loss

N = 4


def network(feedback, name="feedback_loop"):
    loop = flamo.Recursion(dsp.parallelDelay((N,)), feedback)
    parts = {"input_gain": dsp.Gain((N, 1)), name: loop, "output_gain": dsp.Gain((1, N))}
    return flamo.Series(OrderedDict(parts))


def matrix(kind="orthogonal"):
    return dsp.Matrix((N, N), matrix_type=kind, requires_grad=True)


def expected(a):
    """Between a matrix of equal magnitudes, 0, and a permutation, 1."""
    dense, permutation = N * N**0.5, N
    return (dense - a.abs().sum((-2, -1))) / (dense - permutation)


SERIES = {
    "feedback": lambda m: network(m),
    "mixing_matrix": lambda m: network(flamo.Series(OrderedDict(mixing_matrix=m, attenuation=dsp.parallelGain((N,))))),
    "branchA": lambda m: flamo.Parallel(network(flamo.Series(OrderedDict(mixing_matrix=m))), dsp.Gain((1, 1))),
}


@pytest.mark.parametrize("place", SERIES)
@pytest.mark.parametrize("shell", [False, True])
def test_the_matrix_is_found_in_the_places_of_the_reference(place, shell):
    mixing = matrix()
    model = SERIES[place](mixing)
    model = flamo.Shell(model, dsp.FFT(2048), dsp.iFFT(2048)) if shell else model
    loss = sparsity_loss()(None, None, model)
    torch.testing.assert_close(loss, expected(mixing.map(mixing.param)))
    loss.backward()
    assert mixing.param.grad.abs().sum() > 0


@pytest.mark.parametrize("shell", [False, True])
def test_the_matrix_may_be_anywhere(shell):
    mixing = matrix()
    series = flamo.Series(OrderedDict(mixing=mixing, attenuation=dsp.parallelGain((N,))))
    model = network(series, name="late_reverb")
    model = flamo.Shell(model, dsp.FFT(2048), dsp.iFFT(2048)) if shell else model
    for of in ("late_reverb.feedback.mixing", "_Shell__core.late_reverb.feedback.mixing")[: 1 + shell]:
        loss = sparsity_loss(of=of)(None, None, model)
        torch.testing.assert_close(loss, expected(mixing.map(mixing.param)))


def test_hadamard_is_dense_and_a_permutation_sparse():
    assert sparsity_loss(of="")(None, None, matrix("hadamard")).item() == pytest.approx(0, abs=1e-6)
    identity = dsp.Gain((N, N))
    identity.assign_value(torch.eye(N)[[2, 0, 3, 1]])
    assert sparsity_loss(of="")(None, None, identity).item() == pytest.approx(1)


def test_taps_have_the_mean_of_their_sparsities():
    taps = dsp.Filter((5, N, N))
    torch.testing.assert_close(sparsity_loss()(None, None, network(taps)), expected(taps.param).mean())


def test_a_module_without_a_matrix_for_a_parameter_has_its_response():
    mirror = dsp.HouseholderMatrix((N, N))
    u = mirror.param / mirror.param.norm()
    torch.testing.assert_close(sparsity_loss()(None, None, network(mirror)), expected(torch.eye(N) - 2 * u @ u.T))
    first, second = matrix(), matrix()
    both = sparsity_loss()(None, None, network(flamo.Series(first, second)))
    torch.testing.assert_close(both, expected(second.map(second.param) @ first.map(first.param)))


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("feedback_loop.feedbak", "no part 'feedback_loop.feedbak'; did you mean 'feedback_loop.feedback'"),
        ("feedback_loop.feedforward", "'feedback_loop.feedforward' has no square matrix"),
        ("input_gain", "'input_gain' has no square matrix"),
    ],
)
def test_a_place_without_a_matrix_is_named(of, message):
    with pytest.raises(ValueError, match=message):
        sparsity_loss(of=of)(None, None, network(matrix()))


def test_a_matrix_that_is_not_found_is_named():
    with pytest.raises(ValueError, match=r"say where it is, of='…', one of .*reverb\.feedback"):
        sparsity_loss()(None, None, network(matrix(), name="reverb"))
    with pytest.raises(ValueError, match="one channel"):
        sparsity_loss(of="")(None, None, dsp.Gain((1, 1)))
    with pytest.raises(TypeError, match="of must be a dotted path, got 3"):
        sparsity_loss(of=3)


def test_it_says_that_it_needs_the_model():
    assert sparsity_loss.requires_model
