"""The systems that are measured, written once against the interface that both implementations share.

This module is imported by either implementation's interpreter, so it may use nothing but torch and the classic names.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch

from flamo.processor import dsp, system

FS = 48000


@dataclass(frozen=True, kw_only=True)
class Case:
    """A system and what goes into it."""

    build: Callable[[int], torch.nn.Module]
    channels: int  # of the input
    in_time: bool = False  # the input is an impulse in time; else a random spectrum

    def source(self, nfft: int) -> torch.Tensor:
        """The input, of one batch item."""
        if self.in_time:
            impulse = torch.zeros(1, nfft, self.channels)
            impulse[:, 0] = 1
            return impulse
        shape = (1, nfft // 2 + 1, self.channels)
        return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))


def _learning(nfft: int) -> dict[str, object]:
    return {"nfft": nfft, "fs": FS, "device": "cpu", "requires_grad": True}


def biquad(nfft: int, size: tuple[int, int] = (4, 4), n_sections: int = 8) -> torch.nn.Module:
    """A matrix of lowpass cascades; of other sizes in the scaling benchmark."""
    return dsp.Biquad(size, n_sections=n_sections, filter_type="lowpass", **_learning(nfft))


def _svf(nfft: int) -> torch.nn.Module:
    return dsp.SVF((4, 4), n_sections=8, **_learning(nfft))


def _peq(nfft: int) -> torch.nn.Module:
    return dsp.PEQ((4, 4), n_bands=10, **_learning(nfft))


def _parallel_geq(nfft: int) -> torch.nn.Module:
    return dsp.parallelGEQ((8,), octave_interval=1, **_learning(nfft))


def _geq_third(nfft: int) -> torch.nn.Module:
    return dsp.GEQ((1, 1), octave_interval=3, **_learning(nfft))


def _parallel_accurate_geq(nfft: int) -> torch.nn.Module:
    return dsp.parallelAccurateGEQ((8,), octave_interval=1, nfft=nfft, fs=FS, device="cpu")


def _delay(nfft: int) -> torch.nn.Module:
    return dsp.Delay((4, 4), isint=False, **_learning(nfft))


def _absorption(x: torch.Tensor) -> torch.Tensor:
    return 20 * torch.log10(torch.sigmoid(x))


def _fdn(n: int, absorbing: bool = False) -> Callable[[int], torch.nn.Module]:
    """A feedback delay network of n lines, with a graphic equaliser a line in the loop if absorbing."""

    def build(nfft: int) -> torch.nn.Module:
        fixed = {"nfft": nfft, "alias_decay_db": 30, "device": "cpu"}
        common = {**fixed, "requires_grad": True}
        delays = dsp.parallelDelay((n,), max_len=2000, isint=True, fs=FS, **fixed)
        delays.assign_value(delays.sample2s(torch.linspace(401, 1999, n).round()))
        feedback = dsp.Matrix((n, n), matrix_type="orthogonal", **common)
        if absorbing:
            geq = dsp.parallelGEQ((n,), octave_interval=1, fs=FS, map=_absorption, **common)
            feedback = system.Series(OrderedDict(mixing_matrix=feedback, attenuation=geq))
        core = system.Series(
            OrderedDict(
                input_gain=dsp.Gain((n, 1), **common),
                feedback_loop=system.Recursion(fF=delays, fB=feedback),
                output_gain=dsp.Gain((1, n), **common),
            )
        )
        return system.Shell(core, dsp.FFT(nfft), dsp.Transform(torch.abs))

    return build


CASES: dict[str, Case] = {
    "biquad": Case(build=biquad, channels=4),
    "svf": Case(build=_svf, channels=4),
    "peq": Case(build=_peq, channels=4),
    "parallel_geq": Case(build=_parallel_geq, channels=8),
    "geq_third": Case(build=_geq_third, channels=1),
    "parallel_accurate_geq": Case(build=_parallel_accurate_geq, channels=8),
    "delay": Case(build=_delay, channels=4),
    "fdn_4": Case(build=_fdn(4), channels=1, in_time=True),
    "fdn_8": Case(build=_fdn(8), channels=1, in_time=True),
    "fdn_16": Case(build=_fdn(16), channels=1, in_time=True),
    "fdn_8_geq": Case(build=_fdn(8, absorbing=True), channels=1, in_time=True),
}
