"""Gains: constant factors, each channel on its own or mixed."""
