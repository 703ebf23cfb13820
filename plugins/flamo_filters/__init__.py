"""Filters: taps, second-order sections, equalisers."""
