"""Delays, in whole samples or fractions of them."""
