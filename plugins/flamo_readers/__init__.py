"""Readers of curves and equalisers."""
