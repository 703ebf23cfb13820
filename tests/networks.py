"""A small reverberator with everything in it: for tests of whole systems."""

from collections import OrderedDict

import torch

from flamo import dsp, system
from flamo.core.constraints import Interval


def network(nfft=64, n=3):
    """Two branches, one of them a feedback delay network of n delays."""
    kwargs = {"nfft": nfft, "alias_decay_db": 30.0, "dtype": torch.float64}
    feedback = OrderedDict(
        mixing=dsp.Matrix((n, n), matrix_type="orthogonal", requires_grad=True, **kwargs),
        attenuation=dsp.parallelGain((n,), map=Interval(0.0, 1.0), requires_grad=True, **kwargs),
    )
    delays = dsp.parallelDelay.from_physical(samples=list(range(3, 3 + n)), isint=True, **kwargs)
    loop = OrderedDict(input=dsp.Gain((n, 1), **kwargs), loop=system.Recursion(delays, feedback))
    reverb = system.Series(loop, OrderedDict(output=dsp.Gain((1, n), requires_grad=True, **kwargs)))
    core = system.Parallel(reverb, dsp.Biquad((1, 1), n_sections=2, **kwargs))
    layers = dsp.FFT(nfft, dtype=torch.float64), dsp.iFFTAntiAlias(nfft, alias_decay_db=30.0, dtype=torch.float64)
    return system.Shell(core, *layers)
