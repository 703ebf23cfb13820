"""A limit to what is allocated while something is built out of a file that may be anyone's."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Allowance(TorchDispatchMode):
    """Context in which tensors out of nothing (``empty``, ``rand``, ``arange`` …) have so many elements together.

    Args:
        numbers: elements, of all tensors together.

    Raises:
        MemoryError: before an allocation beyond them.

    >>> with Allowance(10):
    ...     torch.zeros(3, 4)
    Traceback (most recent call last):
    ...
    MemoryError: it asks for 12 numbers and more
    """

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.left = numbers

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled in here; True makes torch import its compiler at the first call, which takes a second."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        asked = _asked(str(func), args)
        if asked > self.left:
            raise MemoryError(f"it asks for {asked:,} numbers and more")
        self.left -= asked
        return func(*args, **(kwargs or {}))


def _asked(operation: str, args: tuple[Any, ...]) -> int:
    """How many elements an operation makes, if it makes them out of nothing."""
    if any(isinstance(arg, torch.Tensor) for arg in args) and not operation.startswith("aten.new_"):
        return 0
    sizes = [arg for arg in args if isinstance(arg, (list, tuple)) and all(isinstance(n, int) for n in arg)]
    if sizes:
        return math.prod(sizes[0])
    numbers = [abs(int(arg)) for arg in args if isinstance(arg, (int, float)) and math.isfinite(arg)]
    return math.prod(n or 1 for n in numbers) if "eye" in operation else max(numbers, default=0)
