"""Auxiliary modules under their classic names."""

from flamo.auxiliary import eq as eq
