"""Input and target of a run: what files and words stand for, on the grid of the system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from flamo.audio import Impulse, read_impulse
from flamo.config.model import CurveTarget, RunConfig, SignalInput, SoundTarget, SystemTarget
from flamo.core.grid import FrequencyGrid
from flamo.core.shell import Shell
from flamo.curves import Curve
from flamo.equalization import wanted_curve
from flamo.errors import ConfigError, InputError, Problem
from flamo.saving import load


@dataclass(frozen=True)
class Wanted:
    """What the output is compared with.

    ``target`` has the shape of the output. ``curve`` and ``impulse`` are what it was made of, where it was a file.
    """

    target: torch.Tensor
    curve: Curve | None = None
    impulse: Impulse | None = None
    notes: tuple[str, ...] = ()


def grid_of(config: RunConfig) -> FrequencyGrid:
    """The points of a run."""
    return FrequencyGrid(config.nfft, config.alias_decay_db)


def input_spectrum(config: RunConfig, model: Shell) -> torch.Tensor:
    """The input (1, F, N_in): an impulse, or a signal from a file, in every channel.

    Raises:
        InputError: the file cannot be used.
    """
    channels = int(model.input_channels or 0)
    if isinstance(config.input, SignalInput):
        signal = read_impulse(Path(config.input.wav), config.fs, config.input.channel, align=False, length=config.nfft)
        samples = torch.as_tensor(signal.samples)[:, None].expand(-1, channels)
    else:
        samples = _impulse(config.nfft, channels)
    return _spectrum(config, samples)


def wanted(config: RunConfig, model: Shell, output: nn.Module, spectrum: torch.Tensor) -> Wanted:
    """The target of a run, as its output.

    Raises:
        ConfigError: a target that the output or the channels do not fit.
        InputError: the file cannot be used.
    """
    target, channels = config.target, int(model.output_channels or 0)
    if isinstance(target, CurveTarget):
        return _of_curve(config, wanted_curve(target, config.fs), channels)
    if config.output == "curve":
        raise _misfit("'output: curve' needs a curve")
    if isinstance(target, SystemTarget):
        return Wanted(_answer(config, target, model, output, spectrum))
    if isinstance(target, SoundTarget):
        return _of_sound(config, target, output, channels)
    if config.input != "impulse":
        raise _misfit("'flat' is the target of the input 'impulse' only")
    return Wanted(_answer_of(config, output, _impulse(config.nfft, channels)))


@torch.no_grad()
def _answer_of(config: RunConfig, output: nn.Module, samples: torch.Tensor) -> torch.Tensor:
    """A signal (T, N) as the output makes it."""
    return output(_spectrum(config, samples))


def _of_sound(config: RunConfig, target: SoundTarget, output: nn.Module, channels: int) -> Wanted:
    if channels != 1:
        raise _misfit(f"a WAV target is one channel, but the system has {channels} outputs")
    is_impulse = config.input == "impulse"
    align = is_impulse if target.align is None else target.align
    sound = read_impulse(Path(target.wav), config.fs, target.channel, align, config.nfft)
    answer = _answer_of(config, output, torch.as_tensor(sound.samples)[:, None])
    return Wanted(answer, impulse=sound if is_impulse else None, notes=sound.notes)


def _of_curve(config: RunConfig, curve: Curve, channels: int) -> Wanted:
    """A curve in dB at its points, or at the bins: interpolated over the logarithm of frequency, held at its ends."""
    if config.output == "curve":
        points = torch.tensor(curve.gain_db, dtype=getattr(torch, config.dtype))
        return Wanted(points[None, :, None].repeat(1, 1, channels), curve=curve)
    if config.output not in ("magnitude", "decibels"):
        raise _misfit(f"a curve in dB needs 'output: curve', 'magnitude' or 'decibels', not {config.output!r}")
    bins = np.arange(config.nfft // 2 + 1) * (config.fs / config.nfft)
    gain_db = curve.at(bins)
    values = 10 ** (gain_db / 20) if config.output == "magnitude" else gain_db
    target = torch.as_tensor(values, dtype=getattr(torch, config.dtype))[None, :, None].expand(1, -1, channels)
    note = f"target from {curve.frequency[0]:g} to {curve.frequency[-1]:g} Hz, held beyond"
    return Wanted(target.contiguous(), curve=curve, notes=(note,))


@torch.no_grad()
def _answer(
    config: RunConfig, target: SystemTarget, model: Shell, output: nn.Module, spectrum: torch.Tensor
) -> torch.Tensor:
    """What a saved system answers to the same input, on the same grid."""
    saved = load(Path(target.system))
    core = saved.get_core() if isinstance(saved, Shell) else saved
    ends = [(getattr(m, "input_channels", None), getattr(m, "output_channels", None)) for m in (core, model)]
    if ends[0] != ends[1]:
        raise _misfit(
            "{}: has {} inputs and {} outputs, but the system has {} and {}".format(target.system, *ends[0], *ends[1])
        )
    for name, value in (
        ("set_nfft", config.nfft),
        ("set_alias_decay_db", config.alias_decay_db),
        ("set_dtype", getattr(torch, config.dtype)),
    ):
        getattr(core, name)(value)
    try:
        return output(core(spectrum))
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"{target.system}: cannot be used as a target: {error}") from error


def _impulse(length: int, channels: int) -> torch.Tensor:
    samples = torch.zeros(length, channels, dtype=torch.float64)
    samples[0] = 1.0
    return samples


def _spectrum(config: RunConfig, samples: torch.Tensor) -> torch.Tensor:
    """The spectrum (1, F, N) of a signal (T, N) on the grid of the run: that of the signal times γ^n."""
    decayed = samples * grid_of(config).envelope()[:, None]
    return torch.fft.rfft(decayed, dim=0)[None].to(getattr(torch, config.dtype).to_complex())


def _misfit(message: str) -> ConfigError:
    return ConfigError([Problem(("target",), message)])
