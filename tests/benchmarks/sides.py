"""The two sides of the comparison: which interpreter, and proof that it runs what it should."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .environment import REFERENCE
from .errors import BenchmarkError, CaseError
from .worker import Measurement, Request

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent

# -I and a package made by hand: nothing of this repository is on the path of either side, but what is installed there.
LAUNCH = """
import sys, types
package = types.ModuleType("benchmarks")
package.__path__ = [sys.argv[1]]
sys.modules["benchmarks"] = package
from benchmarks.worker import main
main(sys.argv[2])
"""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Side:
    """An implementation: its name, its interpreter, and the folder that its flamo must come from."""

    name: str
    python: Path
    home: Path
    version: str | None = None

    def run(self, request: Request) -> Measurement:
        """One case in a fresh process of this side, away from the repository."""
        threads = {name: str(request.threads) for name in THREADS}
        command = [str(self.python), "-I", "-c", LAUNCH, str(FOLDER), request.to_json()]
        with tempfile.TemporaryDirectory() as elsewhere:
            done = subprocess.run(
                command, cwd=elsewhere, env={**os.environ, **threads}, capture_output=True, text=True, check=False
            )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}, no message"])[-1]
            raise CaseError(f"{request.case} failed in {self.name}: {last}")
        measurement = Measurement.from_json(done.stdout.splitlines()[-1])
        self.check(measurement)
        return measurement

    def check(self, found: Measurement) -> None:
        """Refuse a measurement of anything else than this side."""
        if not Path(found.flamo_file).is_relative_to(self.home):
            raise BenchmarkError(f"{self.name} should import flamo from {self.home}, not from {found.flamo_file}")
        if self.version not in (None, found.flamo_version):
            raise BenchmarkError(f"{self.name} should be flamo {self.version}, not {found.flamo_version}")


def ours() -> Side:
    """The flamo of this checkout, in the interpreter that runs this."""
    return Side("flamo", Path(sys.executable), ROOT / "flamo")


def reference(environment: Path) -> Side:
    """The reference implementation, in its private environment."""
    return Side("reference", environment / "bin" / "python", environment.resolve(), REFERENCE["flamo"])
