"""Systems as cascades of second-order sections, one for each channel, where that is what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.signal import freqz_sos
from torch import nn

from flamo.core.dsp import DSP
from flamo.core.recursion import Recursion
from flamo.core.response import has_response
from flamo.core.series import Series
from flamo.core.shell import Shell
from flamo.equalizer import Band, Equalizer
from flamo.errors import InputError

_SAME = 1e-9  # how near the response of bands must be to that of the sections, relative
_AT_ALL = np.linspace(0.01, 0.99, 64) * np.pi  # rad a sample: where they are compared

_POINTS = torch.exp(1j * torch.arange(4, dtype=torch.float64))  # where a gain is the same


class NotAChainError(InputError):
    """A system is something else; says which part of it."""


@dataclass(frozen=True)
class Chain:
    """One channel: sections (n, 6) and a linear gain; the same as bands and another gain, where all parts have them.

    ``unnamed`` is the first part that has none, ``fs`` the sampling frequency of the bands.
    """

    gain: float = 1.0
    sos: np.ndarray = field(default_factory=lambda: np.empty((0, 6)))
    bands: tuple[Band, ...] = ()
    gain_of_bands: float = 1.0
    unnamed: str = ""

    def __add__(self, other: Chain) -> Chain:
        """One after the other."""
        return Chain(
            self.gain * other.gain,
            np.concatenate((self.sos, other.sos)),
            self.bands + other.bands,
            self.gain_of_bands * other.gain_of_bands,
            self.unnamed or other.unnamed,
        )


def chains_of(system: nn.Module) -> list[Chain]:
    """The channels of a system that do not mix.

    Args:
        system: a Shell, of which the core counts, a Series, or a processor. Gains and filters with ``sos()`` are
            cascades, those of one output and input and the parallel ones.

    Raises:
        NotAChainError: a part is something else, or mixes channels.

    >>> from flamo import dsp
    >>> [len(chain.sos) for chain in chains_of(Series(dsp.parallelGain((2,)), dsp.parallelBiquad((2,), n_sections=3)))]
    [3, 3]
    """
    core = system.get_core() if isinstance(system, Shell) else system
    for name, part in core.named_modules():  # which says more than the matrices before it
        if isinstance(part, Recursion):
            raise NotAChainError(f"{name or 'it'} is a recursion")
    return _chains(core, "")


def _chains(system: nn.Module, where: str) -> list[Chain]:
    if isinstance(system, Series) and has_response(system):
        return _one_after_the_other(system, where)
    if isinstance(system, DSP) and has_response(system) and system.has_transfer:
        if hasattr(system, "sos"):
            return _sections(system, where or "it")
        values = system.transfer(_POINTS).detach().numpy(force=True)
        if (values == values[0]).all():
            return _gains(system, values[0], where or "it")
    raise NotAChainError(f"{where or 'it'} is a {type(system).__name__}")


def _one_after_the_other(series: Series, where: str) -> list[Chain]:
    total: list[Chain] = []
    for name, part in series._modules.items():
        if part is not None and not isinstance(part, nn.Identity):
            chains = _chains(part, f"{where}.{name}" if where else name)
            total = [a + b for a, b in zip(total, chains, strict=True)] if total else chains
    return total or [Chain()]


def _check_channels(processor: DSP, where: str) -> None:
    outputs, inputs = processor.output_channels, processor.input_channels
    if not processor.diagonal and (outputs, inputs) != (1, 1):
        raise NotAChainError(f"{where} is a matrix, {outputs} by {inputs}")


def _gains(gain: DSP, values: np.ndarray, where: str) -> list[Chain]:
    _check_channels(gain, where)
    if (values.imag != 0).any():
        raise NotAChainError(f"{where} has complex gains")
    return [Chain(gain=value, gain_of_bands=value) for value in values.real.flatten().tolist()]


def _sections(processor: Any, where: str) -> list[Chain]:
    _check_channels(processor, where)
    sos = processor.sos().detach().cpu().double()
    return [_chain(processor, n, rows, where) for n, rows in enumerate(sos.reshape(-1, *sos.shape[-2:]).numpy())]


def _chain(processor: Any, channel: int, sos: np.ndarray, where: str) -> Chain:
    """One channel, with its bands where they have the same response but for a gain."""
    try:
        bands = _bands(processor, channel)
        ratio = _response(sos) / _response(Equalizer("", bands).sos(processor.fs))
    except (AttributeError, ValueError, TypeError):
        return Chain(sos=sos, unnamed=where)
    gain = float(ratio.real.mean())
    if not np.allclose(ratio, gain, rtol=_SAME, atol=0):
        return Chain(sos=sos, unnamed=where)
    return Chain(sos=sos, bands=bands, gain_of_bands=1.0 if abs(gain - 1) < _SAME else gain)


def _bands(processor: Any, channel: int) -> tuple[Band, ...]:
    names = ("frequency", "gain_db", "q")
    values = [getattr(processor, name).detach().cpu().double().flatten(1)[:, channel].tolist() for name in names]
    count = len(values[0])
    types = getattr(processor, "types", ("lowshelf", *["peaking"] * (count - 2), "highshelf"))
    return tuple(Band(*row) for row in zip(types, *values, strict=True))


def _response(sos: np.ndarray) -> np.ndarray:
    return freqz_sos(sos, _AT_ALL)[1]
