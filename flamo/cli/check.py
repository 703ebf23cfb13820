"""``flamo check`` and ``flamo schema``: what a configuration stands for, and what one may say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from flamo.cli.options import Set, Verbose


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A configuration.", show_default=False)],
    sets: Set = None,
    verbose: Verbose = False,
) -> None:
    """Validate a configuration, build its system, and say what a step costs and how much aliases in time."""
    from flamo.config.loading import load_config

    file = load_config(config, sets or ())
    loaded = file.checked()
    from flamo.cost import aliasing_db, parameter_counts, step_bytes
    from flamo.experiment import make_experiment
    from flamo.fit import make_engine

    with file.located():
        experiment = make_experiment(loaded)
        make_engine(experiment)
    learned, total = parameter_counts(experiment)
    model = experiment.model
    typer.echo(f"system: {model.input_channels} inputs, {model.output_channels} outputs, {total} parameters")
    typer.echo(f"learned: {learned} parameters")
    typer.echo(f"losses: {', '.join(experiment.terms)}")
    typer.echo(f"memory: {_size(step_bytes(experiment))} a step beside the program itself")
    typer.echo(f"time aliasing: {_aliasing(aliasing_db(model), loaded.alias_decay_db)}")
    for note in experiment.wanted.notes:
        typer.echo(f"note: {note}")


def _aliasing(level: float, decay: float) -> str:
    if math.isinf(level):
        return "none, the response fits into nfft samples"
    advice = "; a larger nfft or alias_decay_db lowers it" if level > -40 else ""
    return f"{level:.0f} dB of the response wraps around, anti-aliasing of {decay:g} dB included{advice}"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def schema(verbose: Verbose = False) -> None:
    """Print the JSON Schema of configurations, for editors: with everything that is installed."""
    from flamo.config.run_schema import config_schema

    typer.echo(json.dumps(config_schema(), indent=2))
