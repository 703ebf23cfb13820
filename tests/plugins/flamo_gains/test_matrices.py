import pytest
import torch
from scipy.stats import ortho_group

from flamo import dsp, system
from flamo_gains.structures import Orthogonal


@pytest.mark.parametrize("kind", ["orthogonal", "hadamard", "rotation"])
def test_structured_matrices_lose_nothing(kind):
    matrix = dsp.Matrix((8, 8), matrix_type=kind, dtype=torch.float64)
    h = matrix.map(matrix.param)
    torch.testing.assert_close(h @ h.T, torch.eye(8, dtype=torch.float64))


@pytest.mark.parametrize("n", [2, 3, 6])
def test_an_orthogonal_matrix_can_be_set_from_one(n):
    wanted = torch.from_numpy(ortho_group.rvs(n, random_state=1))
    wanted[0] *= torch.linalg.det(wanted).sign()
    matrix = dsp.Matrix((n, n), matrix_type="orthogonal", dtype=torch.float64)
    matrix.assign_value(Orthogonal().inverse(wanted))
    torch.testing.assert_close(matrix.map(matrix.param).detach(), wanted)


HALF_TURNS = [
    torch.diag(torch.tensor([-1.0, -1.0])),
    -torch.eye(4),
    torch.diag(torch.tensor([1.0, -1.0, -1.0])),
    torch.eye(4)[[1, 0, 3, 2]],
    torch.eye(5)[[1, 2, 0, 4, 3]] * torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0]),
    torch.eye(3),
]


@pytest.mark.parametrize("wanted", HALF_TURNS)
def test_half_turns_and_permutations_have_a_logarithm(wanted):
    matrix = dsp.Matrix.from_physical(gain=wanted, matrix_type="orthogonal", dtype=torch.float64)
    torch.testing.assert_close(matrix.gain, wanted.double())


def test_a_reflection_keeps_the_energy_and_is_its_own_inverse():
    mirror = dsp.HouseholderMatrix((5, 5), nfft=16, dtype=torch.float64)
    x = torch.randn(2, 9, 5, 3, dtype=torch.complex128)
    torch.testing.assert_close(mirror(mirror(x)), x)
    torch.testing.assert_close(mirror(x), mirror.response().apply(x))
    assert mirror.has_response


def test_a_reflection_stands_in_a_loop():
    mirror = dsp.HouseholderMatrix((3, 3), nfft=16, dtype=torch.float64)
    forward = dsp.parallelGain((3,), nfft=16, dtype=torch.float64)
    forward.assign_value(torch.full((3,), 0.5))
    x = torch.randn(2, 9, 3, dtype=torch.complex128)
    y = system.Recursion(forward, mirror)(x)
    torch.testing.assert_close(y, 0.5 * (x + mirror(y)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dsp.Matrix((3, 3), matrix_type="unitary"), "random, orthogonal, hadamard, rotation, got 'unitary'"),
        (lambda: dsp.Matrix((3, 4), matrix_type="orthogonal"), r"square size, got \(3, 4\)"),
        (lambda: dsp.Matrix((6, 6), matrix_type="hadamard"), "power of two, got 6"),
        (lambda: dsp.Matrix((6, 6), matrix_type="rotation"), "power of two, got 6"),
        (lambda: dsp.HouseholderMatrix((3, 4)), r"size must be \(N, N\), got \(3, 4\)"),
        (lambda: Orthogonal().inverse(torch.ones(2, 2)), "not an orthogonal matrix"),
        (lambda: Orthogonal().inverse(torch.diag(torch.tensor([1.0, -1.0]))), "determinant 1"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
