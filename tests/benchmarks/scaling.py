"""``python -m tests.benchmarks.scaling``: how a training step grows with the number of bins and of sections.

Exit code 0: every doubling costs at most 2.4 times as much; 1: one costs more; 2: wrong usage; 130: Ctrl-C.
"""

import argparse
import itertools
import statistics
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from .cases import Case, biquad
from .measure import Training, median_step
from .options import OneLineParser, exit_code, positive
from .report import machine, number

LIMIT = 2.4  # of the growth a doubling
SIZE = (2, 2)
NFFTS = tuple(2**k for k in range(14, 21))
SECTIONS = tuple(2**k for k in range(7))
FIXED_NFFT, FIXED_SECTIONS = 2**16, 8


@dataclass(frozen=True)
class Point:
    """A system and the seconds of its training step."""

    nfft: int
    sections: int
    seconds: float

    @property
    def per_section_and_bin(self) -> float:
        """Nanoseconds for one section at one bin of one filter."""
        return 1e9 * self.seconds / (SIZE[0] * SIZE[1] * self.sections * (self.nfft // 2 + 1))


def measure(systems: list[tuple[int, int]], steps: int, rounds: int) -> list[Point]:
    """A point for each (nfft, sections); in rounds, so that a slow minute does not fall on one point."""
    seconds = {system: [] for system in systems}
    for _ in range(rounds):
        for nfft, sections in systems:
            case = Case(build=partial(biquad, size=SIZE, n_sections=sections), channels=SIZE[1])
            seconds[nfft, sections].append(median_step(Training(case.build(nfft), case.source(nfft)), steps))
    return [Point(*system, statistics.median(times)) for system, times in seconds.items()]


def growth(points: list[Point]) -> list[float]:
    """How many times slower each point is than the one before."""
    return [b.seconds / a.seconds for a, b in itertools.pairwise(points)]


def markdown(points: list[Point], head: str, values: list[int]) -> str:
    """A table: the size, milliseconds a step, the growth, nanoseconds a section and bin."""
    lines = [f"| {head} | ms a step | growth | ns a section and bin |", "|---:|---:|---:|---:|"]
    grown = ["", *(f"{g:.2f}×" for g in growth(points))]
    for value, point, factor in zip(values, points, grown, strict=True):
        lines.append(f"| {value} | {number(1e3 * point.seconds)} | {factor} | {number(point.per_section_and_bin)} |")
    return "\n".join(lines)


def plot(by_nfft: list[Point], by_sections: list[Point], path: Path) -> None:
    """Both curves on logarithmic axes, beside a line of slope one."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    curves = (
        ("nfft", by_nfft, [p.nfft for p in by_nfft]),
        ("sections", by_sections, [p.sections for p in by_sections]),
    )
    for ax, (name, points, x) in zip(axes, curves, strict=True):
        y = [1e3 * p.seconds for p in points]
        ax.loglog(x, y, "o-", base=2, label="a training step")
        ax.loglog(x, [y[-1] * v / x[-1] for v in x], "--", color="grey", base=2, label="proportional")
        ax.set(xlabel=name)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("ms")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def parser() -> argparse.ArgumentParser:
    """The options."""
    p = OneLineParser(prog="python -m tests.benchmarks.scaling", description=__doc__.splitlines()[0])
    p.add_argument("--steps", type=positive, default=5, help="steps for each size and round, after two (%(default)s)")
    p.add_argument("--rounds", type=positive, default=3, help="%(default)s")
    p.add_argument("--plot", type=Path, metavar="FILE.png", help="draw both curves")
    return p


def run(arguments: list[str] | None = None) -> int:
    """Measure, print the tables, draw."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(2)
    by_nfft = measure([(n, FIXED_SECTIONS) for n in NFFTS], options.steps, options.rounds)
    by_sections = measure([(FIXED_NFFT, k) for k in SECTIONS], options.steps, options.rounds)
    where = f"{machine()['cpu']}, {machine()['cores']} cores"
    print(f"Biquad {SIZE[0]}×{SIZE[1]}, float32, 2 threads, torch {torch.__version__}, {where}\n")
    print(f"{FIXED_SECTIONS} sections:\n\n{markdown(by_nfft, 'nfft', list(NFFTS))}\n")
    print(f"nfft = {FIXED_NFFT}:\n\n{markdown(by_sections, 'sections', list(SECTIONS))}")
    if options.plot:
        plot(by_nfft, by_sections, options.plot)
    steep = max(growth(by_nfft) + growth(by_sections))
    if steep > LIMIT:
        print(f"a doubling costs {steep:.2f} times as much, more than {LIMIT}", file=sys.stderr)
    return int(steep > LIMIT)


if __name__ == "__main__":
    sys.exit(exit_code("scaling", run))
