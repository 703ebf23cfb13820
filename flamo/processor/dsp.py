"""Processors and transforms under their classic names."""

from flamo.core.dsp import DSP as DSP
from flamo.core.transforms import FFT as FFT
from flamo.core.transforms import FFTAntiAlias as FFTAntiAlias
from flamo.core.transforms import Transform as Transform
from flamo.core.transforms import iFFT as iFFT
from flamo.core.transforms import iFFTAntiAlias as iFFTAntiAlias
from flamo_filters.biquad import Biquad as Biquad
from flamo_filters.biquad import parallelBiquad as parallelBiquad
from flamo_filters.fir import Filter as Filter
from flamo_filters.fir import parallelFilter as parallelFilter
from flamo_filters.parametric_eq import ParametricEQ as ParametricEQ
from flamo_filters.peq import PEQ as PEQ
from flamo_filters.peq import parallelPEQ as parallelPEQ
from flamo_gains.gain import Gain as Gain
from flamo_gains.gain import parallelGain as parallelGain
