"""One training step, its time and its memory. Imported in either implementation's interpreter."""

import contextlib
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch


class Training:
    """Steps of a system towards a random magnitude.

    A step changes the parameters in place by a little, since the reference remembers a response until they change; then
    forward, mean squared error of the magnitude, backward. A system that cannot learn only goes forward.
    """

    def __init__(self, model: torch.nn.Module, source: torch.Tensor) -> None:
        random = torch.Generator().manual_seed(0)
        learning = [p for p in model.parameters() if p.requires_grad]
        self.model, self.source, self.target = model, source, torch.Tensor()
        self.learns = bool(learning)
        self.parameters = learning or list(model.parameters())
        with torch.no_grad():  # the same values in both implementations, whatever numbers they draw
            for p in self.parameters:
                p.copy_(0.3 + 0.6 * torch.rand(p.shape, generator=random))
        self.noise = [1e-4 * torch.randn(p.shape, generator=random) for p in self.parameters]
        self.magnitude = torch.Tensor()

    def step(self) -> None:
        """One step."""
        self._move()
        self._compare(self.model(self.source))

    def rest(self) -> Callable[[], None]:
        """A step without the system, whose output stays as it is now: what no implementation can do without."""
        output = self.model(self.source).detach()

        def step() -> None:
            self._move()
            self._compare(output.detach().requires_grad_(self.learns))

        return step

    def _move(self) -> None:
        with torch.no_grad():
            for p, change in zip(self.parameters, self.noise, strict=True):
                p.grad = None
                p.add_(change)

    def _compare(self, output: torch.Tensor) -> None:
        magnitude = output.abs()
        if not self.target.numel():
            self.target = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(2))
        loss = torch.nn.functional.mse_loss(magnitude, self.target)
        if self.learns:
            loss.backward()
        self.magnitude = magnitude.detach()

    def checksums(self) -> dict[str, float]:
        """What the two implementations must agree on after as many steps: the mean magnitude, the gradient's norm."""
        squares = [p.grad.double().square().sum() for p in self.parameters if p.grad is not None]
        sums = {"magnitude": float(self.magnitude.double().mean())}
        return {**sums, "gradient": float(torch.stack(squares).sum().sqrt())} if squares else sums


class StaleError(RuntimeError):
    """A step gave what the step before gave: nothing was computed."""


def timed(step: Callable[[], None], n: int, least: float) -> Iterator[float]:
    """The seconds of each of n calls, and of more until all took ``least``."""
    count, total = 0, 0.0
    while count < n or total < least:
        start = time.perf_counter()
        step()
        took = time.perf_counter() - start
        count, total = count + 1, total + took
        yield took


def run_steps(training: Training, n: int, least: float = 0.0) -> list[float]:
    """The seconds of each of n steps, and of more until all took ``least``; refuses steps that do not compute anew."""
    seconds, before = [], None
    for took in timed(training.step, n, least):
        seconds.append(took)
        if before is not None and torch.equal(before, training.magnitude):
            raise StaleError("two steps gave the same response: it was remembered, not computed")
        before = training.magnitude
    return seconds


def median_of(step: Callable[[], None], least: float) -> float:
    """The median of the seconds a step takes, of as many as take ``least`` seconds in all."""
    return statistics.median(timed(step, 1, least))


def median_step(training: Training, steps: int, warmup: int = 2) -> float:
    """The median of the seconds a step takes, after some that are not counted."""
    return statistics.median(run_steps(training, warmup + steps)[warmup:])


def reset_peak() -> int:
    """Forget the highest memory use where the system can; the highest known now, in bytes."""
    with contextlib.suppress(OSError):  # the highest use while importing then hides what is less
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def peak_memory() -> int:
    """The highest memory use of this process so far, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
