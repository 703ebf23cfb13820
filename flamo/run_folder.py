"""The folder that a fit leaves behind. Nothing in it is ever half-written."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flamo.errors import InputError

if TYPE_CHECKING:
    from flamo.fit import Fit

METRICS = "metrics.json"  # also what tells a run folder from a foreign one, so it is the last to arrive
FILES = ("filters.json", "filters.txt", "fit.png", "model.safetensors", METRICS)


def check_folder(folder: Path, overwrite: bool) -> None:
    """Raise InputError unless a run may be written there: a new or empty folder, an earlier run, or ``overwrite``."""
    try:
        folder = folder.resolve()
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: is a file; choose another folder with -o")
        if folder.is_dir() and any(folder.iterdir()) and not _is_run(folder) and not overwrite:
            raise InputError(
                f"{folder}: holds files that are not a run of flamo; choose another with -o, or say --overwrite"
            )
        if taken := [name for name in FILES if (folder / name).is_dir()]:
            raise InputError(f"{folder}: {taken[0]} is a folder there; choose another with -o")
        tempfile.TemporaryDirectory(prefix=".flamo-", dir=_nearest(folder)).cleanup()  # the proof that we may write
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to: {error.strerror}; choose another with -o") from error


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _is_run(folder: Path) -> bool:
    try:
        return "flamo_version" in json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def write_run(fit: Fit, folder: Path) -> None:
    """Write filters, plot, metrics and parameters; files of the same names are replaced, others stay."""
    from flamo.plot import plot_fit

    with _all_or_nothing(folder.resolve()) as staging:
        filters = [asdict(band) for band in fit.filters]
        (staging / "filters.json").write_text(_json({"fs": fit.arguments["fs"], "filters": filters}), encoding="utf-8")
        (staging / "filters.txt").write_text(filter_table(fit), encoding="utf-8")
        plot_fit(fit, staging / "fit.png")
        _save_parameters(fit, staging / "model.safetensors")
        (staging / METRICS).write_text(_json(metrics(fit)), encoding="utf-8")


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Path]:
    """A folder inside ``folder``, which is made where it is missing; its files move up once all of them are written."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".flamo-", dir=folder) as name:
            yield Path(name)
            for file in FILES:
                (Path(name) / file).replace(folder / file)
    except BaseException:
        for path in made:
            path.rmdir()
        raise


def metrics(fit: Fit) -> dict[str, Any]:
    """What a run has reached and how, for ``metrics.json``."""
    from flamo.fit import BAND

    low, high = BAND
    values: dict[str, Any] = {"flamo_version": version("flamo"), "target": fit.target.name}
    values |= {"points": len(fit.target.frequency), "steps": fit.steps, "seed": fit.seed, **fit.arguments}
    values |= {"interrupted": fit.interrupted, **_errors(fit, 0.0, float("inf"))}
    return values | {f"{low:g}_{high:g}_hz": _errors(fit, low, high)}


def _errors(fit: Fit, low: float, high: float) -> dict[str, float | None]:
    values = zip(("rms_db", "max_db"), fit.errors(low, high), strict=True)
    return {name: None if math.isnan(value) else value for name, value in values}


def filter_table(fit: Fit) -> str:
    """The filters as text, one a line."""
    rows = [f"{'':>2}  {'type':<10}  {'frequency/Hz':>12}  {'gain/dB':>7}  {'Q':>6}"]
    for number, band in enumerate(fit.filters, 1):
        rows.append(f"{number:>2}  {band.type:<10}  {band.frequency:>12.2f}  {band.gain_db:>7.2f}  {band.q:>6.3f}")
    return "\n".join(rows) + "\n"


def _save_parameters(fit: Fit, path: Path) -> None:
    from safetensors.torch import save

    from flamo.fit import COMPONENT

    metadata = {"component": COMPONENT, "arguments": json.dumps(fit.arguments)}
    path.write_bytes(save({"param": fit.model.param.detach().contiguous()}, metadata))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"
