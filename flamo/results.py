"""What a run has reached: figures, plots, audio and files of the best state."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from flamo import plots
from flamo.audio import write_wav
from flamo.config.model import EXPORTS
from flamo.core.decay import energy_decay_db, octave_bands_of, octave_filters
from flamo.core.shell import Shell
from flamo.equalization import below
from flamo.experiment import Experiment
from flamo.exporting import export
from flamo.filters import BAND, FilterSet, filters_of
from flamo.run_folder import (
    AUDIO,
    EXPORTED,
    FILTERS_JSON,
    FILTERS_TEXT,
    METRICS,
    MODEL,
    PLOTS,
    RESPONSE,
    RunFolder,
    as_json,
    read_metrics,
)
from flamo.saving import save
from flamo.signals import grid_of

Figure = dict[str, float | str | None]
Curves = Mapping[str, np.ndarray]


def write_results(experiment: Experiment, before: Shell, folder: RunFolder) -> tuple[dict[str, Figure], list[str]]:
    """Write everything that is made of the trained system, and return the figures and notes for run.json.

    Args:
        experiment: with the trained system.
        before: the system as it was built.
        folder: where to.
    """
    exports = experiment.config.exports
    filters = fitted_filters(experiment) if "filters" in exports else None
    save(filters.model if filters else experiment.model, folder / MODEL)
    rows = read_metrics(folder / METRICS)
    (folder / PLOTS).mkdir(exist_ok=True)
    plots.plot_losses(rows, folder / PLOTS / "loss.png")
    systems = {"before": before, "after": experiment.model}
    figures = _loss_figures(rows) | _magnitudes(experiment, systems, folder)
    figures |= _spreads(experiment, systems)
    signals = {name: _impulse_response(system) for name, system in systems.items()}
    if experiment.wanted.impulse:
        figures |= _decays(experiment, signals, folder)
    if filters:
        figures |= _filters(filters, folder)
    if "wav" in exports:
        (folder / AUDIO).mkdir(exist_ok=True)
        write_wav(folder / AUDIO / "impulse_response.wav", signals["after"], experiment.config.fs)
    if "csv" in exports:
        folder.write(RESPONSE, _table(experiment))
    source = filters.equalizer if filters else experiment.model
    nodes = [node for node in exports if node not in EXPORTS]
    fs, name = experiment.config.fs, folder.path.name
    for file, data in export(source, nodes, fs, name, fitted=fs).items():
        folder.write(f"{EXPORTED}/{file}", data)
    return figures, list(filters.notes()) if filters else []


def fitted_filters(experiment: Experiment) -> FilterSet:
    """The rounded filters of an equaliser."""
    curve = experiment.wanted.curve
    assert curve is not None  # was checked when the experiment was made
    kept = below(curve, experiment.config.fs / 2)
    criterion = next(iter(experiment.terms.values())).criterion
    even = np.full(len(kept.frequency), 1 / len(kept.frequency))
    weight = criterion.weight(len(even)).numpy() if experiment.config.output == "curve" else even
    free = bool(getattr(criterion, "remove_mean", False))
    return filters_of(experiment.model.get_core(), kept, weight, free, experiment.config.rounding)


def _figure(before: float, after: float, unit: str = "") -> Figure:
    finite = [value if math.isfinite(value) else None for value in (before, after)]
    return {"before": finite[0], "after": finite[1], "unit": unit}


def _loss_figures(rows: list[dict[str, Any]]) -> dict[str, Figure]:
    """Every loss at the first step and at the best one."""
    first, best = rows[0], min(rows, key=lambda row: row["loss"])
    figures = {"loss": _figure(first["loss"], best["loss"])}
    if len(first["losses"]) > 1:
        figures |= {name: _figure(value, best["losses"][name]) for name, value in first["losses"].items()}
    return figures


# -- magnitude -----------------------------------------------------------------------------------------------------


def _decibels(values: torch.Tensor | np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.maximum(np.abs(np.asarray(values)), 1e-10))


@torch.no_grad()
def _magnitudes(experiment: Experiment, systems: Mapping[str, Shell], folder: RunFolder) -> dict[str, Figure]:
    """Plot the spectra of before, after and target; the error in dB where the target is a curve."""
    config = experiment.config
    curves = {name: _decibels(system.get_core()(experiment.spectrum)[0]) for name, system in systems.items()}
    target = _target_spectrum(experiment)
    if target is not None:
        curves["target"] = target
    frequency = np.fft.rfftfreq(config.nfft, 1 / config.fs)
    if "filters" not in config.exports:  # whose own plot shows this
        plots.plot_magnitude(frequency, curves, folder / PLOTS / "magnitude.png")
    curve = experiment.wanted.curve
    if curve is None or target is None:
        return {}
    if config.output == "curve":
        errors = [math.sqrt(max(0.0, float(sum(replace(experiment, model=m)().values())))) for m in systems.values()]
        return {"error at the points, rms": _figure(errors[0], errors[1], "dB")}
    band = (frequency >= curve.frequency[0]) & (frequency <= curve.frequency[-1])
    points = np.geomspace(frequency[band][0], frequency[band][-1], 200)
    errors = [_rms(np.interp(points, frequency, (curves[name] - target).mean(1))) for name in ("before", "after")]
    return {"magnitude error, rms": _figure(errors[0], errors[1], "dB")}


def _target_spectrum(experiment: Experiment) -> np.ndarray | None:
    """The target in dB at the bins, (F, N); None where the output is something else."""
    target, output = experiment.wanted.target[0], experiment.config.output
    if output == "curve" and (curve := experiment.wanted.curve):
        bins = np.fft.rfftfreq(experiment.config.nfft, 1 / experiment.config.fs)
        return curve.at(bins)[:, None]
    if output in ("magnitude", "spectrum"):
        return _decibels(target)
    if output == "time":
        decay = grid_of(experiment.config).envelope(dtype=target.dtype)[:, None]
        return _decibels(torch.fft.rfft(target * decay, dim=0))
    return target.numpy() if output == "decibels" else None


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _spreads(experiment: Experiment, systems: Mapping[str, Shell]) -> dict[str, Figure]:
    """How far from flat a system is that is to be flat."""
    if experiment.config.target != "flat":
        return {}
    spreads = [magnitude_spread(system, experiment.config.fs) for system in systems.values()]
    return {"magnitude spread, RT 1 s": _figure(spreads[0], spreads[1], "dB")}


@torch.no_grad()
def magnitude_spread(system: Shell, fs: float, reverberation_time: float = 1.0) -> float:
    r"""Standard deviation in dB of a system's magnitude when all of it decays by 60 dB in ``reverberation_time`` s.

    The decay is that of :math:`z \to z / \gamma`, :math:`\gamma = 10^{-3 / (f_s T)}`, which makes the poles of a
    lossless network those of one with a homogeneous reverberation time. All inputs are excited at once.

    Source: G. Dal Santo et al., Differentiable feedback delay network for colorless reverberation, DAFx 2023.
    """
    decaying = deepcopy(system)
    decaying.set_alias_decay_db(60.0 * float(system.nfft or 0) / (fs * reverberation_time))
    core, channels = decaying.get_core(), int(system.input_channels or 0)
    dtype = (system.dtype or torch.get_default_dtype()).to_complex()
    return float(np.std(_decibels(core(torch.ones(1, decaying.grid.bins, channels, dtype=dtype)))))


# -- time ------------------------------------------------------------------------------------------------------------


def _impulse_response(system: Shell) -> np.ndarray:
    """(T, N), all inputs excited at once."""
    return system.get_time_response()[0].numpy()


def _decays(experiment: Experiment, signals: Curves, folder: RunFolder) -> dict[str, Figure]:
    """Plot impulse responses and energy decays; the errors of the decays in dB, in all and in every octave band."""
    impulse, fs = experiment.wanted.impulse, experiment.config.fs
    if impulse is None:
        return {}
    shown = {name: h[:, 0] for name, h in signals.items()} | {"target": impulse.samples}
    plots.plot_impulse(shown, fs, folder / PLOTS / "impulse_response.png")
    tensors = {name: torch.as_tensor(h, dtype=torch.float64) for name, h in shown.items()}
    broadband = {name: energy_decay_db(h, 0).numpy() for name, h in tensors.items()}
    plots.plot_decay(broadband, fs, folder / PLOTS / "energy_decay.png")
    bands = {name: energy_decay_db(octave_bands_of(h, fs, dim=0), 0).numpy() for name, h in tensors.items()}
    centers = octave_filters(2, fs)[1]
    plots.plot_band_decay(centers, bands, fs, folder / PLOTS / "energy_decay_bands.png")
    figures = {"decay error": _decay_figure({name: curve[:, None] for name, curve in broadband.items()}, 0)}
    for n, center in enumerate(centers):
        figures[f"decay error, {center:.0f} Hz"] = _decay_figure(bands, n)
    return figures


def _decay_figure(curves: Curves, band: int) -> Figure:
    """RMS difference in dB while the target's decay is between 0 and -40 dB, before and after."""
    heard = curves["target"][:, band] > -40.0
    errors = [_rms((curves[name] - curves["target"])[heard, band]) for name in ("before", "after")]
    return _figure(errors[0], errors[1], "dB")


# -- exports -----------------------------------------------------------------------------------------------------------


def _filters(filters: FilterSet, folder: RunFolder) -> dict[str, Figure]:
    """List and plot the filters of an equaliser; their errors are those of the rounded ones."""
    folder.write(FILTERS_JSON, as_json(filters.as_data()))
    folder.write(FILTERS_TEXT, filters.as_table())
    plots.plot_fit(filters, folder / PLOTS / "filters.png")
    figures: dict[str, Figure] = {}
    for where, band in (("", ()), (f", {BAND[0]:g} Hz to {BAND[1] / 1000:g} kHz", BAND)):
        rms, largest = filters.errors(*band)
        if rms == rms:  # a number: the target has points there
            figures[f"error of the filters{where}, rms"] = {"after": rms, "unit": "dB"}
            figures[f"error of the filters{where}, maximum"] = {"after": largest, "unit": "dB"}
    figures["cost of rounding, rms"] = {"after": filters.rounding_cost, "unit": "dB"}
    return figures


def _table(experiment: Experiment) -> str:
    """The response as CSV: frequency in Hz, then magnitude in dB and phase in radians of every output."""
    response = experiment.model.get_freq_response()[0].numpy()
    frequency = np.fft.rfftfreq(experiment.config.nfft, 1 / experiment.config.fs)
    outputs = range(response.shape[1])
    header = ["frequency", *(f"{what}_{n}" for n in outputs for what in ("magnitude_db", "phase"))]
    columns = [f(response[:, n]) for n in outputs for f in (_decibels, np.angle)]
    text = io.StringIO()
    np.savetxt(
        text, np.column_stack([frequency, *columns]), fmt="%.9g", delimiter=",", header=",".join(header), comments=""
    )
    return text.getvalue()
