"""Functions under their classic names."""

from flamo.core.conversions import db2mag as db2mag
from flamo.core.conversions import get_eigenvalues as get_eigenvalues
from flamo.core.conversions import get_frequency_samples as get_frequency_samples
from flamo.core.conversions import get_magnitude as get_magnitude
from flamo.core.conversions import hertz2rad as hertz2rad
from flamo.core.conversions import mag2db as mag2db
from flamo.core.conversions import rad2hertz as rad2hertz
from flamo.core.signals import find_onset as find_onset
from flamo.core.signals import gen_velvet_noise as gen_velvet_noise
from flamo.core.signals import signal_gallery as signal_gallery
from flamo_filters.fir import poly_freq_response as poly_freq_response
from flamo_filters.graphic import peak_filter as peak_filter
from flamo_filters.graphic import shelving_filter as shelving_filter
from flamo_filters.pass_filters import bandpass_filter as bandpass_filter
from flamo_filters.pass_filters import highpass_filter as highpass_filter
from flamo_filters.pass_filters import lowpass_filter as lowpass_filter
from flamo_filters.proportional import prop_peak_filter as prop_peak_filter
from flamo_filters.proportional import prop_shelving_filter as prop_shelving_filter
from flamo_filters.responses import biquad2tf as biquad2tf
from flamo_filters.responses import probe_sos as probe_sos
from flamo_filters.responses import sosfreqz as sosfreqz
from flamo_filters.responses import stable_cascade_response as stable_cascade_response
from flamo_filters.state_variable import svf as svf
from flamo_gains.structures import HadamardMatrix as HadamardMatrix
from flamo_gains.structures import RotationMatrix as RotationMatrix
from flamo_gains.structures import skew_matrix as skew_matrix
