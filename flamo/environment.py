"""Where and with what a run is done, as its record says it."""

from __future__ import annotations

import platform
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from flamo import registry

PACKAGES = ("flamo", "torch", "numpy", "scipy", "numba")


def environment(command: str) -> dict[str, Any]:
    """Versions, threads and system of this process, and the time, for run.json."""
    return {
        "flamo": version("flamo"),
        "status": "running",
        "command": command,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "started": now(),
    }


def versions() -> dict[str, str]:
    """Versions of Python, of what computes, and of every distribution that has a plugin in use."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # everything works, slower, without numba
            found[name] = version(name)
    return found | {p.distribution: p.version for p in registry.plugins() if p.status == "ok"}


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
