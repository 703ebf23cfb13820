import json

import pytest
import torch

from flamo import masked_mse_loss
from flamo.optimize.utils import generate_partitions


def spectra(bins=9):
    return torch.randn(2, bins, 1), torch.randn(2, bins, 1)


def used(loss, bins=9):
    """The bins that a call looks at."""
    marks = torch.arange(bins, dtype=torch.float64).reshape(1, bins, 1).requires_grad_()
    loss(marks, torch.full_like(marks, -1.0)).backward()
    return set(marks.grad.flatten().nonzero().flatten().tolist())


def test_each_call_looks_at_other_bins_until_all_were_used():
    loss = masked_mse_loss(16, 3)
    for _ in range(3):
        parts = [used(loss) for _ in range(3)]
        assert all(len(part) == 3 for part in parts)
        assert set.union(*parts) == set(range(9))


def test_partitions_are_drawn_anew_or_used_again():
    again, anew = masked_mse_loss(512, 100, regenerate_mask=False), masked_mse_loss(512, 100)
    repeats = {loss: [used(loss, 257) for _ in range(4)] for loss in (again, anew)}
    assert repeats[again][:2] == repeats[again][2:]
    assert repeats[anew][:2] != repeats[anew][2:]


def test_the_loss_is_the_mean_over_the_bins():
    loss, (x, y) = masked_mse_loss(16, 4, n_sets=2), spectra()
    for indices in loss.mask_indices:
        torch.testing.assert_close(loss(x, y), (x - y)[:, indices].square().mean())
    assert loss.mask_indices.shape == (4, 4)


def test_the_partitions_are_those_of_the_reference():
    """Drawn by flamo 0.2.20 after torch.manual_seed(0)."""
    torch.manual_seed(0)
    expected = json.loads("[[4, 0, 5], [3, 2, 6], [6, 2, 4], [0, 3, 5]]")
    assert generate_partitions(torch.arange(7), 3, 2).tolist() == expected
    assert generate_partitions(torch.arange(7), 3, 2, seed=0).tolist() == expected


def test_a_seed_leaves_the_generator_alone():
    torch.manual_seed(0)
    generate_partitions(torch.arange(7), 3, 2, seed=5)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.rand(1) == drawn


def test_a_resumed_loss_goes_on_bit_for_bit():
    loss, (x, y) = masked_mse_loss(64, 10, n_sets=2), spectra(33)
    for _ in range(4):
        loss(x, y)
    state, drawn = loss.state_dict(), torch.get_rng_state()
    state = {name: value.clone() for name, value in state.items()}
    expected = [loss(x, y) for _ in range(10)]
    resumed = masked_mse_loss(64, 10, n_sets=2)
    resumed.load_state_dict(state)
    torch.set_rng_state(drawn)
    assert [resumed(x, y) for _ in range(10)] == expected


def test_complex_spectra_and_several_channels():
    x, y = torch.randn(2, 9, 2, dtype=torch.complex64), torch.randn(2, 9, 1)
    torch.testing.assert_close(masked_mse_loss(16, 9)(x, y), (x - y).abs().square().mean())


def test_left_over_elements_are_told_of_when_asked_for():
    with pytest.warns(UserWarning, match="1 of 7 elements are left out"):
        generate_partitions(torch.arange(7), 3, 1, is_verbose=True)
    generate_partitions(torch.arange(6), 3, 1, is_verbose=True)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: masked_mse_loss(16, 10), "n_samples must be at most 9, all there are, got 10"),
        (lambda: masked_mse_loss(16, 0), "n_samples must be at least 1"),
        (lambda: masked_mse_loss(16, 3, n_sets=0), "n_sets must be at least 1"),
        (lambda: masked_mse_loss(0, 3), "nfft must be at least 1"),
        (lambda: generate_partitions(torch.ones(2, 6), 1, 1), "tensor must have one dimension"),
        (lambda: masked_mse_loss(16, 3)(*spectra(8)), r"nfft=16 needs a prediction \(B, 9, N\)"),
        (lambda: masked_mse_loss(16, 3)(torch.ones(1, 9, 2), torch.ones(2, 9, 1)), r"got \(1, 9, 2\) and \(2, 9, 1\)"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
