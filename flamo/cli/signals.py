"""Ctrl-C and SIGTERM: the first one ends a run in good order, the second one at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether a signal has come. To call it is to ask."""

    number: int | None = None

    def __call__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """As a shell gives it to what ended by that signal."""
        return 128 + (self.number or 0)

    def _take(self, number: int, _: FrameType | None) -> None:
        self.number = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)  # the next one ends the process
        with suppress(OSError):  # whoever read stderr has gone
            os.write(2, b"\nflamo: ending after this step; once more to leave at once\n")  # print may be at work


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """From here on a first signal is only noted."""
    stop = Stop()
    before = {number: signal.signal(number, stop._take) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
