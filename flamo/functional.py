"""Functions under their classic names."""

from flamo.core.conversions import db2mag as db2mag
from flamo.core.conversions import get_frequency_samples as get_frequency_samples
from flamo.core.conversions import get_magnitude as get_magnitude
from flamo.core.conversions import hertz2rad as hertz2rad
from flamo.core.conversions import mag2db as mag2db
from flamo.core.conversions import rad2hertz as rad2hertz
from flamo.core.signals import gen_velvet_noise as gen_velvet_noise
from flamo.core.signals import signal_gallery as signal_gallery
from flamo_filters.graphic import peak_filter as peak_filter
from flamo_filters.graphic import shelving_filter as shelving_filter
from flamo_filters.pass_filters import bandpass_filter as bandpass_filter
from flamo_filters.pass_filters import highpass_filter as highpass_filter
from flamo_filters.pass_filters import lowpass_filter as lowpass_filter
