"""Pairs of input and target, and how they are handed out."""

from __future__ import annotations

import torch
from torch.utils import data

Device = torch.device | str | None


class Dataset(data.Dataset):
    """Pairs of input and target; a single pair may be repeated.

    Args:
        input: inputs, the first dimension counts the items; None draws one number.
        target: targets, as many; None draws one number.
        expand: how often a single pair is repeated (without copies in memory).
        device: where the items are; None leaves them where they are.
        dtype: their type; None leaves it.

    Raises:
        ValueError: expand below 1; different numbers of inputs and targets; several items and an expand that is
            neither 1 nor their number.

    >>> pairs = Dataset(torch.ones(1, 8, 2), torch.zeros(1, 8, 3), expand=10)
    >>> len(pairs), pairs[0][1].shape
    (10, torch.Size([8, 3]))
    """

    def __init__(
        self,
        input: torch.Tensor | None = None,
        target: torch.Tensor | None = None,
        expand: int = 1,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if expand < 1:
            raise ValueError(f"expand must be at least 1, got {expand}")
        self.expand, self.device = expand, device
        self.input, self.target = (self._expanded(n, t, dtype) for n, t in (("input", input), ("target", target)))
        if len(self.input) != len(self.target):
            raise ValueError(f"as many inputs as targets are needed, got {len(self.input)} and {len(self.target)}")

    def _expanded(self, name: str, items: torch.Tensor | None, dtype: torch.dtype | None) -> torch.Tensor:
        items = torch.randn(1, 1) if items is None else items
        items = items.to(device=self.device, dtype=dtype)
        if len(items) > 1 and self.expand not in (1, len(items)):
            raise ValueError(f"{name}: only a single item can be repeated {self.expand} times, got {len(items)} items")
        return items.expand(self.expand, *items.shape[1:]) if len(items) == 1 else items

    def __len__(self) -> int:
        return len(self.input)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.input[index], self.target[index]


class DatasetColorless(Dataset):
    """An impulse as input and ones as target: what makes the magnitude of a system flat.

    Args:
        input_shape: (1, T, N_in); the impulse is at the first sample, in every channel.
        target_shape: (1, F, N_out).
        expand: how often the pair is repeated.
        device: where the items are.
        dtype: their type.

    >>> DatasetColorless((1, 8, 1), (1, 5, 1), expand=3)[0][0].flatten()
    tensor([1., 0., 0., 0., 0., 0., 0., 0.])
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        target_shape: tuple[int, ...],
        expand: int = 1000,
        device: Device = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        impulse = torch.zeros(input_shape)
        impulse[:, 0] = 1.0
        super().__init__(impulse, torch.ones(target_shape), expand, device, dtype)


def get_dataloader(
    dataset: data.Dataset, batch_size: int = 2000, shuffle: bool = True, drop_last: bool = True
) -> data.DataLoader:
    """A loader; ``drop_last`` leaves out the last, incomplete batch, unless it is the only one."""
    drop_last = drop_last and len(dataset) >= batch_size  # type: ignore[arg-type]
    return data.DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)


def split_dataset(dataset: data.Dataset, split: float, device: Device = "cpu") -> tuple[data.Subset, data.Subset]:
    """A random share ``split`` of the items for training, at least one, and the rest for validation.

    ``device`` is accepted as in earlier versions; the order is drawn by torch's generator on the CPU.

    Raises:
        ValueError: split is not within (0, 1].
    """
    if not 0 < split <= 1:
        raise ValueError(f"split must be above 0 and at most 1, got {split}")
    total = len(dataset)  # type: ignore[arg-type]
    train = max(1, int(split * total))
    order = torch.randperm(total, device="cpu").tolist()
    return data.Subset(dataset, order[:train]), data.Subset(dataset, order[train:])


def load_dataset(
    dataset: data.Dataset, batch_size: int = 2000, split: float = 0.8, shuffle: bool = True, device: Device = "cpu"
) -> tuple[data.DataLoader, data.DataLoader]:
    """Loaders for training and validation.

    Args:
        dataset: the items.
        batch_size: items a step; a smaller set makes one smaller batch.
        split: share for training.
        shuffle: whether the order changes in every epoch.
        device: accepted as in earlier versions.

    Returns:
        training loader, without its last incomplete batch; validation loader, with it.

    >>> train, valid = load_dataset(Dataset(torch.ones(1, 4, 1), torch.ones(1, 4, 1), expand=10), batch_size=3)
    >>> len(train), len(valid)
    (2, 1)
    """
    training, validation = split_dataset(dataset, split, device)
    return (
        get_dataloader(training, batch_size, shuffle),
        get_dataloader(validation, batch_size, shuffle and len(validation) > 0, drop_last=False),
    )
