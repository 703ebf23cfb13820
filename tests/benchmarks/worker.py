"""One case on one side in one process: a request in, a measurement out, both as JSON."""

import contextlib
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from .required import SEED_EXAMPLE

LEAST = 0.5  # seconds that the steps of a process take in all: a few quick ones, the first at that, tell little


class _Json:
    """A dataclass that is written to JSON and read back."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True, kw_only=True)
class Request(_Json):
    """What a worker is asked to do."""

    case: str
    nfft: int
    steps: int
    warmup: int = 2
    threads: int = 2
    numba: bool = True


@dataclass(frozen=True, kw_only=True)
class Measurement(_Json):
    """What a worker found, and what it ran with."""

    flamo_version: str
    flamo_file: str
    torch_version: str
    first: float  # seconds of the first step, compilation included
    steps: list[float]  # seconds of each step after the warm-up
    peak: int | None  # bytes above those after imports
    rest: float | None = None  # seconds of a step without the system: magnitude, loss, and their derivatives
    checksums: dict[str, float] = field(default_factory=dict)


def measure(request: Request) -> Measurement:
    """Run a request in this process."""
    import torch

    import flamo

    measured = _seed_example(request) if request.case == SEED_EXAMPLE else _steps(request)
    return Measurement(
        flamo_version=_version(),
        flamo_file=str(Path(flamo.__file__).resolve()),
        torch_version=torch.__version__,
        **measured,
    )


def _version() -> str:
    from importlib.metadata import version

    return version("flamo")


def _seed_example(request: Request) -> dict:
    from . import seed_script

    n = request.warmup + request.steps
    runs = [seed_script.run(request.nfft, request.threads, request.numba) for _ in range(n)]
    seconds = [s for s, _ in runs]
    return {"first": seconds[0], "steps": seconds[request.warmup :], "peak": None, "checksums": runs[-1][1]}


def _steps(request: Request) -> dict:
    from .cases import CASES
    from .measure import Training, median_of, peak_memory, reset_peak, run_steps

    before = reset_peak()
    case = CASES[request.case]
    training = Training(case.build(request.nfft), case.source(request.nfft))
    seconds = run_steps(training, request.warmup + request.steps)
    found = {"first": seconds[0], "peak": peak_memory() - before, "checksums": training.checksums()}
    counted = seconds[request.warmup :]
    found["steps"] = counted + run_steps(training, 0, LEAST - sum(counted))
    return {**found, "rest": median_of(training.rest(), LEAST / 2)}


def main(argument: str) -> None:
    """Answer a request on stdout; whatever the implementations print goes to stderr."""
    request = Request.from_json(argument)
    if not request.numba:
        sys.modules["numba"] = None  # as if it were not installed
    with contextlib.redirect_stdout(sys.stderr):
        import torch

        torch.set_num_threads(request.threads)
        measurement = measure(request)
    print(measurement.to_json())
