"""Systems, equalisers and curves as designs, and systems that are no cascade as one."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from flamo.chains import Chain, NotAChainError, chains_of
from flamo.core.shell import Shell
from flamo.curves import Curve
from flamo.design import CascadeDesign, CurveDesign, Design, EqualizerDesign
from flamo.equalizer import Equalizer, Section
from flamo.errors import InputError

Source = nn.Module | Equalizer | Curve
FS = 48000.0
"""In Hz: where nothing says another."""
_ALIAS_DECAY_DB = 240.0  # over twice the length asked for: 120 dB less of what wraps around, 1e-10 of rounding


def designs_of(
    source: Source, fs: float | None = None, name: str | None = None, fitted: float | None = None
) -> list[Design]:
    """What exporters are given, one design for each channel that does not mix; arguments as :func:`export`."""
    if isinstance(source, nn.Module):
        return _designs_of_system(source, fs, name or type(source).__name__, fitted)
    named = replace(source, name=name or source.name)
    if isinstance(named, Curve):
        return [CurveDesign(named, fs or FS)]
    rates = {part.fs for part in named.parts if isinstance(part, Section)}
    return [EqualizerDesign(named, fs or min(rates, default=fitted or FS), fitted)]


def _designs_of_system(system: nn.Module, fs: float | None, name: str, fitted: float | None) -> list[Design]:
    own = _rate(system, name) or fitted
    if fs is None and own is None:
        raise InputError(f"{name}: no part of it says its sampling frequency; give it")
    fs = fs or own or FS
    try:
        chains = chains_of(system)
    except NotAChainError as error:
        _check_rate(name, own, fs)
        return [SystemDesign(name, fs, str(error), system)]
    names = [f"{name}_{n}" for n in range(1, len(chains) + 1)] if len(chains) > 1 else [name]
    return [_design(named, chain, fs, own) for named, chain in zip(names, chains, strict=True)]


def _design(name: str, chain: Chain, fs: float, own: float | None) -> Design:
    if not chain.unnamed and chain.gain_of_bands > 0:
        return EqualizerDesign(Equalizer(name, chain.bands, 20 * math.log10(chain.gain_of_bands)), fs, own)
    _check_rate(name, own, fs)
    why = f"{chain.unnamed} is coefficients only" if chain.unnamed else "its gain is not positive"
    return CascadeDesign(name, fs, why, chain.gain, chain.sos)


def _rate(system: nn.Module, name: str) -> float | None:
    """The sampling frequency that the parts of a system agree on."""
    found = (getattr(module, "fs", None) for module in system.modules())
    rates = sorted({float(fs) for fs in found if isinstance(fs, int | float)})
    if len(rates) > 1:
        raise InputError(
            f"{name}: its parts have different sampling frequencies: {', '.join(f'{r:g}' for r in rates)} Hz"
        )
    return rates[0] if rates else None


def _check_rate(name: str, own: float | None, fs: float) -> None:
    if own not in (None, fs):
        raise InputError(f"{name}: it is right at {own:g} Hz only, not at {fs:g} Hz")


class SystemDesign(Design):
    """A system that is no cascade: only its response and its impulse response can be had.

    Args:
        name, fs, why: as :class:`~flamo.design.Design`.
        system: of which the core counts; a copy is worked on, in float64.
    """

    def __init__(self, name: str, fs: float, why: str, system: nn.Module) -> None:
        super().__init__(name, fs, why)
        core = system.get_core() if isinstance(system, Shell) else system
        self.system = Shell(deepcopy(core)).set_device("cpu").set_dtype(torch.float64)
        if self.system.nfft is None or self.system.input_channels is None:
            raise InputError(f"{self.name}: {why}, and no part of it says its nfft and channels")

    def response(self, frequency: np.ndarray) -> np.ndarray:
        points = 2 * (len(frequency) - 1)
        if points and np.array_equal(frequency, np.fft.rfftfreq(points, 1 / self.fs)):
            return self._with_inputs(self._at(points, 0.0).get_freq_response(identity=True))
        shell = self._at(int(self.system.nfft or 1), 0.0)
        z = torch.exp(2j * torch.pi * torch.as_tensor(frequency, dtype=torch.float64) / self.fs)
        try:
            with torch.no_grad():
                return torch.stack([shell.probe(point) for point in z]).numpy()
        except NotImplementedError as error:
            raise InputError(
                f"{self.name}: its response between the points of its grid is not known: {error}"
            ) from error

    def impulse_response(self, length: int) -> np.ndarray:
        longest = max(length, self.order)  # an nfft that holds all delays
        shell = self._at(2 << longest.bit_length(), _ALIAS_DECAY_DB)
        return self._with_inputs(shell.get_time_response(identity=True))[:length]

    @property
    def order(self) -> int:
        return int(self.system.degree)

    def _at(self, nfft: int, alias_decay_db: float) -> Shell:
        return self.system.set_nfft(nfft).set_alias_decay_db(alias_decay_db)

    def _with_inputs(self, response: torch.Tensor) -> np.ndarray:
        """(1, F, N_out, [N_in]) → (F, N_out, N_in)."""
        return response[0].reshape(*response.shape[1:3], -1).numpy()
