"""The report of a run: one HTML file that needs no other."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from flamo.files import write_file
from flamo.run_folder import AUDIO, CONFIG, PLOTS, REPORT

CAPTIONS = {
    "filters": "Target, filters and error",
    "magnitude": "Magnitude",
    "energy_decay_bands": "Energy decay per octave band",
    "energy_decay": "Energy decay",
    "impulse_response": "Impulse response",
    "loss": "Loss",
}
"""Titles of plots, in the order in which they are shown."""


def write_report(folder: Path, record: Mapping[str, Any]) -> None:
    """Write report.html: what a run was, what it has reached, and its plots.

    Everything that comes from outside is escaped, pictures are inside, and nothing is loaded from elsewhere.

    Args:
        folder: of the run, with config.yaml and plots/.
        record: what run.json is to say.
    """
    page = Environment(loader=PackageLoader("flamo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page.filters["number"] = _number
    config = folder / CONFIG
    html = page.get_template(REPORT).render(
        name=folder.name,
        record=record,
        figures=[(name, *_row(figure)) for name, figure in record["figures"].items()],
        plots=list(_plots(folder / PLOTS)),
        audio=[(path.stem.replace("_", " "), _base64(path)) for path in sorted((folder / AUDIO).glob("*.wav"))],
        config=config.read_text(encoding="utf-8") if config.exists() else "",
        inputs=json.dumps(record.get("inputs", {}), indent=2),
    )
    write_file(folder / REPORT, html.encode("utf-8", "replace"))


def _row(figure: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Before, after, unit and change of a figure, as they are shown."""
    before, after = figure.get("before"), figure.get("after")
    change = f"{100 * (after - before) / abs(before):+.0f} %" if before and after is not None else ""
    return _number(before), _number(after), figure["unit"], change


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _plots(folder: Path) -> Iterator[tuple[str, str]]:
    """Title and data of every picture."""
    names = [*CAPTIONS, *sorted({path.stem for path in folder.glob("*.png")} - CAPTIONS.keys())]
    for name in names:
        if (path := folder / f"{name}.png").exists():
            yield CAPTIONS.get(name, name), _base64(path)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
