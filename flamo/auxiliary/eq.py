"""Bands and sections of equalisers under their classic names."""

from flamo_filters.accurate_geq import accurate_geq as accurate_geq
from flamo_filters.bands import eq_freqs as eq_freqs
from flamo_filters.bands import octave_bands as octave_bands
from flamo_filters.graphic import geq as geq
