import pytest
import torch

from flamo.optimize.dataset import Dataset, DatasetColorless, get_dataloader, load_dataset, split_dataset


def pairs(n, expand=1):
    return Dataset(torch.arange(float(n)).reshape(n, 1, 1), torch.ones(n, 4, 3), expand)


def test_a_single_pair_is_repeated_without_copies():
    data = pairs(1, expand=100)
    assert len(data) == 100
    assert data.input.untyped_storage().nbytes() == 4
    assert [part.shape for part in data[7]] == [(1, 1), (4, 3)]


def test_several_items_stay_as_they_are():
    assert [x.item() for x, _ in (pairs(5)[i] for i in range(5))] == [0, 1, 2, 3, 4]


def test_a_colorless_target_is_flat():
    x, y = DatasetColorless((1, 8, 2), (1, 5, 3), expand=2)[1]
    assert (x[0].sum(), x[1:].abs().sum(), y.shape, y.min()) == (2, 0, (5, 3), 1)


def test_the_split_leaves_nothing_out():
    training, validation = split_dataset(pairs(10), 0.8)
    assert sorted([*training.indices, *validation.indices]) == list(range(10))
    assert (len(training), len(validation)) == (8, 2)


@pytest.mark.parametrize(
    ("items", "batch_size", "batches"), [(10, 3, (2, 1)), (10, 2000, (1, 1)), (1, 1, (1, 0)), (100, 1, (80, 20))]
)
def test_loaders_of_sets_of_any_size(items, batch_size, batches):
    train, valid = load_dataset(pairs(items), batch_size)
    assert (len(list(train)), len(list(valid))) == batches


def test_validation_keeps_its_last_batch_and_training_drops_it():
    train, valid = load_dataset(pairs(10), 3, split=0.5)
    assert [len(x) for x, _ in train] == [3]
    assert [len(x) for x, _ in valid] == [3, 2]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: pairs(1, expand=0), "expand"),
        (lambda: pairs(3, expand=2), "only a single item can be repeated 2 times, got 3 items"),
        (lambda: Dataset(torch.ones(2, 1), torch.ones(3, 1)), "as many inputs as targets"),
        (lambda: split_dataset(pairs(3), 0.0), "split"),
        (lambda: split_dataset(pairs(3), 1.5), "split"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_dtype_and_order():
    data = Dataset(torch.ones(1, 2), torch.ones(1, 2), expand=4, dtype=torch.float64)
    assert next(iter(get_dataloader(data, 2)))[0].dtype == torch.float64
