"""Which heavy modules some code imports, and who did it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

HEAVY = ("torch", "numpy", "scipy", "soundfile", "matplotlib")
"""What takes a noticeable time to import."""

_PROBE = """
import json, sys
code, heavy, report = json.loads(sys.argv[1])
found = {}
class Notice:
    def find_spec(self, name, path=None, target=None):
        if name in heavy and name not in found:
            frame = sys._getframe(1)
            while frame and "importlib" in frame.f_code.co_filename:
                frame = frame.f_back
            found[name] = frame.f_globals.get("__name__", "?") if frame else "?"
sys.meta_path.insert(0, Notice())
try:
    exec(code, {"__name__": "__main__"})
finally:
    with open(report, "w", encoding="utf-8") as file:
        json.dump({name: by for name, by in found.items() if name in sys.modules}, file)
"""


def heavy_imports(code: str, heavy: Iterable[str] = HEAVY) -> dict[str, str]:
    """What code imports of the heavy modules in a fresh interpreter, with the module that did it.

    Args:
        code: Python source; what it prints is dropped, and it may end by SystemExit.
        heavy: names of top-level modules.

    Raises:
        RuntimeError: the interpreter could not be started, or ended without a report.

    >>> heavy_imports("import flamo, flamo.plugin, flamo.registry")
    {}
    >>> heavy_imports("import flamo.core.checks", heavy=["torch"])
    {'torch': 'flamo.core.checks'}
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "found.json"
        argument = json.dumps([code, list(heavy), str(report)])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run([sys.executable, "-c", _PROBE, argument], env=environment, capture_output=True, text=True)
        if not report.exists():
            raise RuntimeError(f"the code could not be run: {done.stderr.strip()}")
        return json.loads(report.read_text(encoding="utf-8"))
