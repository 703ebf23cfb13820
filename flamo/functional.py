"""Functions under their classic names."""

from flamo.core.signals import gen_velvet_noise as gen_velvet_noise
from flamo.core.signals import signal_gallery as signal_gallery
from flamo_filters.pass_filters import bandpass_filter as bandpass_filter
from flamo_filters.pass_filters import highpass_filter as highpass_filter
from flamo_filters.pass_filters import lowpass_filter as lowpass_filter
