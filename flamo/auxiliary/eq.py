"""Bands of equalisers under their classic names."""

from flamo_filters.graphic import eq_freqs as eq_freqs
