"""Curves: magnitude in dB over frequency. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """Values in dB at ascending frequencies in Hz: a measurement, a target, an equalisation."""

    name: str
    frequency: tuple[float, ...]
    gain_db: tuple[float, ...]
