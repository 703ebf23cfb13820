"""Where and with what a run is done, as its record says it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from flamo import registry
from flamo.config.model import CurveTarget, one_key
from flamo.config.names import offers_of
from flamo.errors import AmbiguousComponentError, UnknownComponentError
from flamo.experiment import Experiment
from flamo.origins import origins
from flamo.registry import Offer
from flamo.targets import reader_of

PACKAGES = ("flamo", "torch", "numpy", "scipy", "numba")


def environment(command: str, experiment: Experiment) -> dict[str, Any]:
    """Versions, threads and system of this process, the plugins of a run, and the time, for run.json."""
    return {
        "flamo": version("flamo"),
        "status": "running",
        "command": command,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "plugins": origins(used(experiment)),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "started": now(),
    }


def used(experiment: Experiment) -> Iterator[Offer]:
    """Every component that a run cannot go on without."""
    config = experiment.config
    yield from offers_of(experiment.model)
    yield from offers_of(experiment.output)
    nodes = [*(("loss", node) for node in config.losses), *(("exporter", node) for node in config.exports)]
    for kind, node in [*nodes, ("trainer", config.optimizer)]:
        with suppress(UnknownComponentError, AmbiguousComponentError):  # adam and csv are no components
            yield registry.find(kind, one_key(node)[0])
    if isinstance(config.target, CurveTarget):
        files = filter(None, (config.target.curve, config.target.measurement))
        yield from (reader_of(Path(file)) for file in files)


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
