"""Private virtual environments: of the reference implementation, and of other programs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from .errors import BenchmarkError

REFERENCE = {"torch": "2.13.0", "flamo": "0.2.20"}
MARK = "made-by-flamo-benchmarks"
PROBE = """
import importlib, json, sys
from importlib.metadata import version
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


def public(version: str) -> str:
    """A version without the label of its build: 2.13.0 of 2.13.0+cpu."""
    return version.partition("+")[0]


def check_own_torch() -> None:
    """A ratio between two versions of torch says nothing about flamo."""
    if public(own := version("torch")) != REFERENCE["torch"]:
        raise BenchmarkError(
            f"both sides need torch {REFERENCE['torch']}, and this interpreter has {own}: "
            f"pip install torch=={REFERENCE['torch']}"
        )


def default_folder(kind: str = "") -> Path:
    """Where an environment lies if nobody says: the user's cache, or else the temporary folder."""
    home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home)
    writable = os.access(next(p for p in (cache, *cache.parents) if p.exists()), os.W_OK)
    name = f"flamo-benchmarks/{kind}python{sys.version_info.major}.{sys.version_info.minor}"
    return (cache if writable else Path(tempfile.gettempdir())) / name


def installed(folder: Path, wanted: Mapping[str, str] = REFERENCE) -> dict[str, str]:
    """The versions that can be imported in an environment; none where it is broken."""
    command = [str(folder / "bin" / "python"), "-I", "-c", PROBE, *wanted]
    try:
        done = subprocess.run(command, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        return {}


def is_usable(found: dict[str, str], wanted: Mapping[str, str] = REFERENCE) -> bool:
    """Whether these are the versions that are wanted."""
    return {name: public(v) for name, v in found.items()} == wanted


def ensure(folder: Path, wanted: Mapping[str, str] = REFERENCE) -> Path:
    """The environment in a folder, made first where it is missing, and anew where it is broken and was made by us."""
    folder = folder.expanduser().absolute()
    found = installed(folder, wanted)
    if not is_usable(found, wanted):
        _make(folder, found, wanted)
        found = installed(folder, wanted)
        if not is_usable(found, wanted):
            raise BenchmarkError(f"the environment in {folder} cannot import what was installed: found {found}")
    if "torch" in found and found["torch"] != (own := version("torch")):
        _say(f"warning: torch {own} here and {found['torch']} in the reference: the same version, but other builds")
    return folder


def _make(folder: Path, found: dict[str, str], versions: Mapping[str, str]) -> None:
    mark = folder / MARK
    wanted = " ".join(f"{name}=={v}" for name, v in versions.items())
    try:
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not mark.exists())):
            holds = f"holds {found or 'something else'}, not {wanted}"
            raise BenchmarkError(f"{folder} {holds}, and was not made here: name another folder")
        _say(f"making an environment with {wanted} in {folder} (once; some minutes)")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        mark.touch()
        venv.create(folder, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchmarkError(f"no virtual environment can be made in {folder}: {error}") from error
    _pip(folder / "bin" / "python", wanted.split())


def _pip(python: Path, wanted: list[str]) -> None:
    command = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BenchmarkError(f"{python} cannot be run: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        reason = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
        raise BenchmarkError(f"pip cannot install {' '.join(wanted)}: {reason.removeprefix('ERROR: ')}")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
