"""Plots, drawn without a display."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from flamo.fit import Fit

_TICKS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def plot_fit(fit: Fit, path: Path) -> None:
    """Target, fit and error over logarithmic frequency, as a PNG."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    curves, errors = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    frequency = np.asarray(fit.target.frequency)
    rms, largest = fit.errors()
    curves.semilogx(frequency, fit.target.gain_db, color="0.25", linewidth=2.5, alpha=0.6, label="target")
    curves.semilogx(frequency, fit.response_db, color="tab:orange", label=f"fit, {len(fit.filters)} bands")
    curves.set_ylabel("magnitude in dB")
    curves.set_title(f"{fit.target.name}: rms {rms:.2f} dB, maximum {largest:.2f} dB", parse_math=False)
    curves.legend()
    errors.axhspan(-0.5, 0.5, color="0.93")
    errors.semilogx(frequency, fit.error_db, color="tab:red")
    errors.set(ylabel="error in dB", xlabel="frequency in Hz", ylim=(-max(1.0, largest), max(1.0, largest)))
    for axes in (curves, errors):
        _frequency_axis(axes, frequency[0], frequency[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name in a script that the font lacks is drawn as boxes
        figure.savefig(path, format="png", dpi=120)


def _frequency_axis(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    if len(ticks) > 1:
        axes.set_xticks(ticks)
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda hertz, _: f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}")
        )
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, which="both", color="0.9")
