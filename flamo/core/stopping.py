"""When a training has gone on for long enough."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from flamo.core.checks import number, whole


class EarlyStop:
    r"""Stopping after ``patience`` losses in a row that bring nothing.

    A loss L is an improvement where it is below the best so far by more than a fraction of it,

    .. math:: L < L_\text{best} - \delta\,|L_\text{best}|

    so that the scale of the loss does not matter, nor its sign. NaN is no improvement.

    Args:
        patience: losses in a row without improvement before it is time to stop.
        delta: δ, the relative improvement that counts as one.
        window: of a loss that is drawn anew each time, the mean of so many counts as one loss.

    Raises:
        TypeError, ValueError: a patience that is no whole number of at least 1; a delta that is no number.

    >>> stop = EarlyStop(patience=2, delta=0.01)
    >>> [stop(loss) for loss in (1.0, 0.5, 0.499, float("nan"))]
    [False, False, False, True]
    """

    def __init__(self, patience: int, delta: float = 0.0, window: int = 1) -> None:
        self.patience, self.delta = whole("patience", patience), number("patience_delta", delta)
        self.best, self.counter = math.inf, 0
        self.recent: deque[float] = deque(maxlen=whole("window", window))

    def __call__(self, loss: float) -> bool:
        """Take a loss; whether it is time to stop."""
        self.recent.append(loss)
        if len(self.recent) < self.recent.maxlen:  # type: ignore[operator]
            return False
        loss = sum(self.recent) / len(self.recent)
        needed = self.best - self.delta * abs(self.best) if math.isfinite(self.best) else self.best
        self.best, self.counter = (loss, 0) if loss < needed else (self.best, self.counter + 1)
        return self.counter >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, under the names that modules have for that."""
        return {"best": self.best, "counter": self.counter, "recent": list(self.recent)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.counter = state["best"], int(state["counter"])
        self.recent.clear()
        self.recent.extend(state["recent"])
