"""From measurements to a table and to JSON."""

import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.table import Table

from .required import REQUIRED, Requirement
from .worker import Measurement

MIB = 2**20
UNSTEADY = 1.5  # the slowest round over the fastest, of one side


@dataclass
class Result:
    """The measurements of one case, a round an entry."""

    case: str
    numba: bool = True
    judged: bool = True  # whether the requirements apply
    reference: list[Measurement] = field(default_factory=list)
    ours: list[Measurement] = field(default_factory=list)
    error: str | None = None

    @property
    def required(self) -> Requirement:
        return REQUIRED[self.case]

    @property
    def faster(self) -> float:
        """The required ratio of times."""
        return self.required.faster if self.numba else self.required.faster_plain

    @property
    def ratio(self) -> float | None:
        """How many times faster than the reference."""
        return _ratio(_milliseconds(self.reference), _milliseconds(self.ours))

    @property
    def rest(self) -> float | None:
        """Milliseconds of our step that the system has no part in, as in the reference's."""
        found = [m.rest for m in self.ours if m.rest is not None]
        return 1e3 * median(found) if found else None

    @property
    def memory_ratio(self) -> float | None:
        """How many times less memory than the reference."""
        return _ratio(_mebibytes(self.reference), _mebibytes(self.ours))

    @property
    def passed(self) -> bool | None:
        """Whether all that is required is reached; None where that cannot be told."""
        if self.error:
            return False
        if not self.judged or self.ratio is None:
            return None
        small = self.required.smaller is None or (self.memory_ratio or 0) >= self.required.smaller
        return self.ratio >= self.faster and small

    def warnings(self) -> list[str]:
        """What a reader should know beside the numbers."""
        return [*([self.error] if self.error else []), *self.differences(), *self.unsteady()]

    def unsteady(self) -> list[str]:
        """Where the rounds of a side are far apart, as they are when something else keeps the cores busy."""
        rounds = {
            name: [_milliseconds([m]) or 0 for m in measured]
            for name, measured in (("reference", self.reference), ("flamo", self.ours))
        }
        return [
            f"{self.case}: the rounds of {name} took from {min(times):.3g} to {max(times):.3g} ms a step: unsteady"
            for name, times in rounds.items()
            if times and max(times) > UNSTEADY * min(times)
        ]

    def differences(self) -> list[str]:
        """Where the two sides did not compute the same."""
        if not (self.reference and self.ours):
            return []
        a, b = self.reference[-1].checksums, self.ours[-1].checksums
        return [
            f"{self.case}: {name} {b[name]:.6g}, in the reference {a[name]:.6g}"
            for name in a.keys() & b.keys()
            if not abs(a[name] - b[name]) <= self.required.tolerance * abs(a[name])
        ]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        sides = {"reference": self.reference, "flamo": self.ours}
        pairs = zip(self.reference, self.ours, strict=False)
        rounds = [_ratio(_milliseconds([a]), _milliseconds([b])) for a, b in pairs]
        return {
            "case": self.case,
            "what": self.required.what,
            **{name: _summary(measured) for name, measured in sides.items() if measured},
            "ratio": self.ratio,
            "rest_ms": self.rest,
            "ratio_of_each_round": rounds,
            "required_ratio": self.faster,
            "memory_ratio": self.memory_ratio,
            "required_memory_ratio": self.required.smaller,
            "passed": self.passed,
            "warnings": self.warnings(),
            "error": self.error,
        }


def _milliseconds(rounds: list[Measurement]) -> float | None:
    return 1e3 * median(median(m.steps) for m in rounds) if rounds else None


def _mebibytes(rounds: list[Measurement]) -> float | None:
    peaks = [m.peak / MIB for m in rounds if m.peak is not None]
    return median(peaks) if peaks else None


def _ratio(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


def _summary(rounds: list[Measurement]) -> dict[str, Any]:
    return {
        "median_ms": _milliseconds(rounds),
        "first_ms": 1e3 * median(m.first for m in rounds),
        "peak_mib": _mebibytes(rounds),
        "rounds": [asdict(m) for m in rounds],
    }


def machine() -> dict[str, Any]:
    """What it ran on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}


def table(results: list[Result]) -> Table:
    """One row a case; its borders make it Markdown as well."""
    shown = Table(box=box.MARKDOWN)
    shown.add_column("case", no_wrap=True)
    times, memory = ("reference ms", "flamo ms", "rest ms", "faster"), ("reference MiB", "flamo MiB", "smaller")
    for head in (*times, "required", *memory, "required", ""):
        shown.add_column(head, justify="right", no_wrap=True)
    for result in results:
        shown.add_row(*_row(result))
    return shown


def _row(result: Result) -> list[str]:
    verdict = {True: "[green]pass[/]", False: "[red]FAIL[/]", None: ""}[result.passed]
    return [
        result.required.what,
        number(_milliseconds(result.reference)),
        number(_milliseconds(result.ours)),
        number(result.rest),
        number(result.ratio, "×"),
        number(result.faster, "×"),
        number(_mebibytes(result.reference)),
        number(_mebibytes(result.ours)),
        number(result.memory_ratio, "×"),
        number(result.required.smaller, "×"),
        verdict,
    ]


def number(value: float | None, unit: str = "") -> str:
    """Three digits are as many as a timing has."""
    if value is None:
        return ""
    return f"{value:.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"
