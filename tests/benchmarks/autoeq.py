"""``python -m tests.benchmarks.autoeq``: ten filters for ten headphones, by flamo and by AutoEq 4.1.2.

Exit code 0: done; 2: the benchmark cannot run as asked; 130: Ctrl-C.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from flamo.equalizer import Band, Equalizer

from . import environment
from .errors import BenchmarkError
from .options import OneLineParser, exit_code, positive
from .report import machine

AUTOEQ = {"autoeq": "4.1.2"}
DATA = Path(__file__).parents[1] / "data" / "headphones"
TYPES = {"LowShelf": "lowshelf", "Peaking": "peaking", "HighShelf": "highshelf"}
LIMITS = """\
bands:
  - {type: lowshelf, frequency: 105, q: 0.7, gain_db: [-20, 20]}
  - {type: peaking, frequency: [20, 10000], q: [0.18, 6], gain_db: [-20, 20], count: 8}
  - {type: highshelf, frequency: 10000, q: 0.7, gain_db: [-20, 20]}
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    p = OneLineParser(prog="python -m tests.benchmarks.autoeq", description=__doc__.splitlines()[0].partition(": ")[2])
    p.add_argument("--rounds", type=positive, default=3, help="processes of each side (%(default)s)")
    p.add_argument("--environment", type=Path, metavar="DIR", help="of AutoEq; made where it is missing")
    p.add_argument("--targets", type=Path, default=DATA, metavar="DIR", help="CSV files of frequency and target")
    p.add_argument("--json", action="store_true", help="print JSON")
    return p


def worker(python: str, *command: str) -> dict:
    """What a side found, and in what time."""
    done = subprocess.run([python, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command[:2])} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def errors(files: list[str], found: list) -> np.ndarray:
    """RMS and maximum in dB of the filters of every file, from 20 Hz to 10 kHz, without the mean."""
    rows = []
    for file, filters in zip(files, found, strict=True):
        frequency, target = np.loadtxt(file, delimiter=",", skiprows=1).T[:2]
        band = (frequency >= 20) & (frequency <= 10000)
        level = 20 * np.log10(np.abs(Equalizer(file, tuple(filters)).response(frequency[band], 48000)))
        error = level - target[band] - np.mean(level - target[band])
        rows.append((np.sqrt(np.mean(error**2)), np.abs(error).max()))
    return np.array(rows)


def run(arguments: list[str] | None = None) -> int:
    """Both sides, interleaved."""
    options = parser().parse_args(arguments)
    files = [str(file) for file in sorted(options.targets.glob("*.csv"))]
    if not files:
        raise BenchmarkError(f"{options.targets}: no CSV files")
    theirs = environment.ensure(options.environment or environment.default_folder("autoeq-"), AUTOEQ)
    rows: dict[str, list[dict]] = {"flamo": [], "flamo, AutoEq's limits": [], "AutoEq 4.1.2": []}
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder) / "limits.yaml"
        limits.write_text(LIMITS)
        ours = ("-m", "tests.benchmarks.equaliser_worker")
        sides = (
            (sys.executable, *ours, ""),
            (sys.executable, *ours, str(limits)),
            (str(theirs / "bin" / "python"), "-I", str(Path(__file__).with_name("autoeq_worker.py"))),
        )
        for _ in range(options.rounds):
            for name, side in zip(rows, sides, strict=True):
                rows[name].append(worker(*side, *files))
    results = {}
    for name, measured in rows.items():
        bands = [[Band(TYPES.get(t, t), f, g, q) for t, f, g, q in filters] for filters in measured[0]["filters"]]
        rms, largest = errors(files, bands).T
        seconds = median(m["seconds"] for m in measured)
        results[name] = {"rms": rms.mean(), "max": largest.mean(), "worst": rms.max(), "seconds": seconds}
    report(results, len(files), options.json)
    return 0


def report(results: dict[str, dict[str, float]], count: int, as_json: bool) -> None:
    """A table, or JSON."""
    if as_json:
        print(json.dumps({"machine": machine(), "targets": count, "results": results}, indent=1))
        return
    table = Table(title=f"{count} targets, ten filters each, 20 Hz to 10 kHz; errors without their mean")
    for column in ("", "rms/dB", "maximum/dB", "worst rms/dB", "seconds", "a target"):
        table.add_column(column, justify="left" if not column else "right")
    for name, r in results.items():
        numbers = (r["rms"], r["max"], r["worst"], r["seconds"], r["seconds"] / count)
        table.add_row(name, *(f"{number:.3f}" for number in numbers))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    sys.exit(exit_code("autoeq", run))
