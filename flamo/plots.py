"""Figures of a run, as PNG files drawn without a display. The same data give the same bytes."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from flamo.files import write_file

if TYPE_CHECKING:
    from flamo.filters import FilterSet

_TICKS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
_LOOKS: dict[str, dict[str, Any]] = {
    "target": {"color": "0.25", "linewidth": 2.5, "alpha": 0.6},
    "before": {"color": "tab:blue"},
    "after": {"color": "tab:orange"},
}
_RANGE_DB = 80.0  # below the highest value: what is drawn of a level
_POINTS = 4000  # of a time signal: more than there are pixels


def plot_fit(fit: FilterSet, path: Path) -> None:
    """Target, fit and error over logarithmic frequency, as a PNG."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    curves, errors = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    frequency = np.asarray(fit.target.frequency)
    rms, largest = fit.errors()
    curves.semilogx(frequency, fit.target.gain_db, label="target", **_LOOKS["target"])
    curves.semilogx(frequency, fit.response_db, label=f"fit, {len(fit.equalizer.parts)} bands", **_LOOKS["after"])
    curves.set_ylabel("magnitude in dB")
    curves.set_title(f"{fit.target.name}: rms {rms:.2f} dB, maximum {largest:.2f} dB", parse_math=False)
    curves.legend()
    errors.axhspan(-0.5, 0.5, color="0.93")
    errors.semilogx(frequency, fit.error_db, color="tab:red")
    errors.set(ylabel="error in dB", xlabel="frequency in Hz", ylim=(-max(1.0, largest), max(1.0, largest)))
    for axes in (curves, errors):
        _frequency_axis(axes, frequency[0], frequency[-1])
    _save(figure, path)


def plot_losses(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The loss and its terms over steps; on a logarithmic axis where all of them are positive.

    Args:
        rows: as in ``metrics.jsonl``: ``step``, ``loss`` (the total) and ``losses`` (terms by name).
        path: of the PNG.

    >>> rows = [{"step": n, "loss": 2.0**-n, "losses": {"mse": 2.0**-n}} for n in range(9)]
    >>> plot_losses(rows, getfixture("tmp_path") / "loss.png")
    """
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    steps = [row["step"] for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row.get("losses", ())))
    curves = {"total": [row["loss"] for row in rows]}
    if len(names) > 1:  # a single one is the total
        curves |= {name: [row.get("losses", {}).get(name) for row in rows] for name in names}
    drawn = {name: _finite(np.array(values, dtype=float)) for name, values in curves.items()}
    for name, values in drawn.items():
        look: dict[str, Any] = {"color": "0.25", "linewidth": 2.5} if name == "total" else {}
        axes.plot(steps, values, marker="o" if len(rows) == 1 else None, label=name, **look)
    if rows and all(np.nanmin(values, initial=np.inf) > 0 for values in drawn.values()):
        axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, which="both", color="0.9")
    _legend(axes)
    _save(figure, path)


def plot_magnitude(frequency: np.ndarray, curves: Mapping[str, np.ndarray], path: Path) -> None:
    """Magnitudes over logarithmic frequency.

    Args:
        frequency: (F,) in Hz, ascending; what is not positive is left out.
        curves: by name ("target", "before", "after" or any other), in dB: (F,), or (F, N) for N channels.
        path: of the PNG.

    >>> f = np.geomspace(20, 20000, 50)
    >>> plot_magnitude(f, {"target": np.zeros(50), "after": np.sin(f)}, getfixture("tmp_path") / "magnitude.png")
    """
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    frequency = np.asarray(frequency, dtype=float)
    seen = frequency > 0
    if (frequency >= _TICKS[0]).sum() > 1:
        seen &= frequency >= _TICKS[0]
    levels = {name: np.asarray(values)[seen] for name, values in curves.items()}
    for name, values in levels.items():
        _draw(axes, frequency[seen], values, name)
    axes.set_xscale("log")
    _frequency_axis(axes, frequency[seen][0], frequency[seen][-1])
    _level_axis(axes, levels)
    axes.set(xlabel="frequency in Hz", ylabel="magnitude in dB")
    _legend(axes)
    _save(figure, path)


def plot_impulse(signals: Mapping[str, np.ndarray], fs: int, path: Path) -> None:
    """Time signals, each in a panel and a scale of its own.

    Args:
        signals: by name: (T,), or (T, N) for N channels.
        fs: sampling frequency in Hz.
        path: of the PNG.

    >>> plot_impulse({"after": np.exp(-np.arange(100) / 9)}, 48000, getfixture("tmp_path") / "impulse.png")
    """
    figure = Figure(figsize=(9, 1 + 1.8 * len(signals)), layout="constrained")
    panels = figure.subplots(len(signals), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, signal) in zip(panels, signals.items(), strict=True):
        _draw(axes, *_envelope(np.asarray(signal, dtype=float), fs), name, linewidth=0.8, alpha=1.0)
        axes.set_ylabel(name, parse_math=False)
        axes.grid(visible=True, color="0.9")
    panels[-1].set_xlabel("time in s")
    _save(figure, path)


def plot_decay(curves: Mapping[str, np.ndarray], fs: int, path: Path) -> None:
    """Energy decay curves over time.

    Args:
        curves: by name, in dB: (T,), or (T, N) for N channels; of any length each.
        fs: sampling frequency in Hz.
        path: of the PNG.

    >>> plot_decay({"target": -60 * np.arange(100) / 50}, 100, getfixture("tmp_path") / "decay.png")
    """
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    _decays(axes, curves, fs)
    axes.set(xlabel="time in s", ylabel="energy decay in dB")
    _legend(axes)
    _save(figure, path)


def plot_band_decay(bands: Sequence[float], curves: Mapping[str, np.ndarray], fs: int, path: Path) -> None:
    """Energy decay curves over time, a panel for each band.

    Args:
        bands: centre frequencies in Hz.
        curves: by name, in dB: (T, bands), of any length each.
        fs: sampling frequency in Hz.
        path: of the PNG.

    >>> decay = -60 * np.arange(100)[:, None] / np.array([50, 30])
    >>> plot_band_decay([500, 1000], {"target": decay}, 100, getfixture("tmp_path") / "bands.png")
    """
    columns = min(len(bands), 4 if len(bands) in (4, 7, 8) or len(bands) > 9 else 3)
    rows = math.ceil(len(bands) / columns)
    figure = Figure(figsize=(9, 0.9 + 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    panels = grid.flatten()
    for number, (axes, band) in enumerate(zip(panels, bands, strict=False)):
        _decays(axes, {name: np.asarray(values)[:, number] for name, values in curves.items()}, fs)
        axes.set_title(f"{_hertz(band)}Hz", fontsize="medium")
    _level_axis(panels[0], curves)
    for axes in panels[len(bands) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(bands) - columns) : len(bands)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("time in s", fontsize="medium")
    figure.supylabel("energy decay in dB", fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(curves))
    _save(figure, path)


def _decays(axes: Axes, curves: Mapping[str, np.ndarray], fs: int) -> None:
    for name, values in curves.items():
        _draw(axes, *_envelope(np.asarray(values, dtype=float), fs), name)
    _level_axis(axes, curves)
    axes.set_xlim(0, max(len(values) for values in curves.values()) / fs)
    axes.grid(visible=True, color="0.9")


def _draw(axes: Axes, x: np.ndarray, values: np.ndarray, name: str, **look: Any) -> None:
    """One curve, or several channels of one name in thin lines."""
    channels = _finite(np.asarray(values, dtype=float)).reshape(len(x), -1)
    thin = {"linewidth": 0.6, "alpha": 0.5} if channels.shape[1] > 1 else {}
    given = _LOOKS.get(name, {"color": f"C{2 + len(axes.lines) % 8}"})
    for number, channel in enumerate(channels.T):
        axes.plot(x, channel, label="_" if number else name, **(given | thin | look))


def _envelope(values: np.ndarray, fs: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and values; of a long signal the lowest and highest value of each stretch, which looks the same."""
    stretch = math.ceil(len(values) / _POINTS)
    if stretch < 2:
        return np.arange(len(values)) / fs, values
    filled = np.concatenate([values, np.repeat(values[-1:], -len(values) % stretch, axis=0)])
    blocks = filled.reshape(-1, stretch, *values.shape[1:])
    extremes = np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1).reshape(-1, *values.shape[1:])
    return np.repeat(np.arange(len(blocks)) * stretch / fs, 2), extremes


def _finite(values: np.ndarray) -> np.ndarray:
    """With gaps where there is no number to draw."""
    return np.where(np.isfinite(values), values, np.nan)


def _level_axis(axes: Axes, curves: Mapping[str, np.ndarray]) -> None:
    """From the highest value down to the lowest, or to where levels mean nothing."""
    levels = np.concatenate([np.ravel(values) for values in curves.values()])
    levels = levels[np.isfinite(levels)]
    if levels.size:
        top = levels.max()
        bottom = max(levels.min(), top - _RANGE_DB)
        margin = max(1.0, 0.05 * (top - bottom))
        axes.set_ylim(bottom - margin, top + margin)


def _frequency_axis(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    if len(ticks) > 1:
        axes.set_xticks(ticks)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda hertz, _: _hertz(hertz).replace(" ", "")))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, which="both", color="0.9")


def _hertz(frequency: float) -> str:
    return f"{frequency / 1000:.3g} k" if frequency >= 1000 else f"{frequency:.3g} "


def _legend(axes: Axes) -> None:
    if axes.lines:
        for text in axes.legend().get_texts():
            text.set_parse_math(False)


def _save(figure: Figure, path: Path) -> None:
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name in a script that the font lacks is drawn as boxes
        figure.savefig(data, format="png", dpi=120, metadata={"Software": None})
    write_file(path, data.getvalue())
