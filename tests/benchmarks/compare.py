"""``python -m tests.benchmarks.compare``: training steps of this flamo against the reference implementation.

Exit code 0: done; 1: a requirement was missed or a case failed; 2: the benchmark cannot run as asked; 130: Ctrl-C.
"""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from . import environment, sides
from .errors import BenchmarkError, CaseError
from .options import OneLineParser, exit_code, positive
from .report import Result, machine, table
from .required import FULL_NFFT, REQUIRED, SEED_EXAMPLE
from .sides import Side
from .worker import Request


def parser() -> argparse.ArgumentParser:
    """The options."""
    p = OneLineParser(prog="python -m tests.benchmarks.compare", description=__doc__.splitlines()[0].partition(": ")[2])
    p.add_argument("--case", action="append", choices=list(REQUIRED), help="only this case (repeatable)")
    p.add_argument("--rounds", type=positive, default=3, help="processes for each case and side (%(default)s)")
    p.add_argument("--steps", type=positive, default=5, help="least steps in each process, after two (%(default)s)")
    p.add_argument("--nfft", type=positive, default=FULL_NFFT, help="%(default)s; other sizes are not judged")
    p.add_argument("--only", choices=["ours"], help="do not run the reference")
    p.add_argument("--without-numba", action="store_true", help="our side as if numba were not installed")
    p.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write JSON to FILE, or to stdout")
    p.add_argument("--environment", type=Path, metavar="DIR", help="of the reference; made where it is missing")
    return p


def request(case: str, options: argparse.Namespace) -> Request:
    """What a process is asked to do: a whole script only once."""
    once = {"steps": 1, "warmup": 0} if case == SEED_EXAMPLE else {"steps": options.steps}
    return Request(case=case, nfft=options.nfft, numba=not options.without_numba, **once)


def measure(case: str, options: argparse.Namespace, ours: Side, reference: Side | None) -> Result:
    """All rounds of a case, the side that starts alternating."""
    result = Result(case, numba=not options.without_numba, judged=options.nfft == FULL_NFFT)
    pair = [(ours, result.ours)] + ([(reference, result.reference)] if reference else [])
    try:
        for i in range(options.rounds):
            for side, measurements in pair if i % 2 else pair[::-1]:
                print(f"{case}, round {i + 1} of {options.rounds}: {side.name}", file=sys.stderr, flush=True)
                measurements.append(side.run(request(case, options)))
    except CaseError as error:
        result.error = str(error)
    return result


def report(results: list[Result], options: argparse.Namespace) -> None:
    """The table, what is to be said about it, and the JSON."""
    to_stdout = options.json == "-"
    stream = sys.stderr if to_stdout else sys.stdout
    Console(file=stream, width=None if stream.isatty() else 160).print(table(results))
    for result in results:
        for message in result.warnings():
            print(f"warning: {message}", file=sys.stderr)
    if options.nfft != FULL_NFFT:
        print(f"nfft is {options.nfft}, not {FULL_NFFT}: the requirements do not apply", file=sys.stderr)
    if options.json:
        settings = {k: v for k, v in vars(options).items() if k in ("rounds", "steps", "nfft", "without_numba")}
        everything = {"machine": machine(), "settings": settings, "cases": [r.as_dict() for r in results]}
        text = json.dumps(everything, indent=1) + "\n"
        sys.stdout.write(text) if to_stdout else Path(options.json).write_text(text, encoding="utf-8")


def run(arguments: list[str] | None = None) -> int:
    """The whole benchmark."""
    options = parser().parse_args(arguments)
    if options.json not in (None, "-") and not Path(options.json).parent.is_dir():
        raise BenchmarkError(f"no folder for the JSON: {Path(options.json).parent}")
    reference = None
    if options.only is None:
        environment.check_own_torch()
        reference = sides.reference(environment.ensure(options.environment or environment.default_folder()))
    ours = sides.ours()
    results = [measure(case, options, ours, reference) for case in options.case or REQUIRED]
    report(results, options)
    return int(any(result.passed is False for result in results))


if __name__ == "__main__":
    sys.exit(exit_code("compare", run))
