"""Configurations of CamillaDSP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flamo.design import Design
from flamo.equalizer import Band
from flamo.run_folder import as_yaml
from flamo_exporters.folded import in_decibels
from flamo_exporters.parametric import WITH_GAIN, bands_of


class CamillaDsp:
    """YAML of CamillaDSP 4: filters and pipeline.

    Bands are biquads with their names and Q, which CamillaDSP designs for its own sampling frequency; where there are
    none, sections are biquads of the type Free, right at one sampling frequency only.

    Args:
        channels: those that are filtered, counted from 0.
        full: with devices, so that it runs: raw 32-bit floats of two channels from standard input to standard output.

    Raises:
        ValueError: no channel, or a negative one.
        InputError: on export, of what is no cascade of second-order sections.

    >>> from flamo.design import EqualizerDesign
    >>> from flamo.equalizer import Equalizer
    >>> eq = Equalizer("bass", (Band("lowshelf", 105.0, 6.5, 0.7),), -6.5)
    >>> print(CamillaDsp().export(EqualizerDesign(eq, 48000))["bass.yml"].decode(), end="")
    title: bass
    filters:
      gain:
        type: Gain
        parameters: {gain: -6.5, scale: dB}
      band_01:
        type: Biquad
        parameters: {type: Lowshelf, freq: 105.0, q: 0.7, gain: 6.5}
    pipeline:
    - type: Filter
      channels: [0, 1]
      names: [gain, band_01]
    """

    suffix = ".yml"

    def __init__(self, channels: Sequence[int] = (0, 1), full: bool = False) -> None:
        if not channels or min(channels) < 0:
            raise ValueError(f"channels must be at least one number from 0 on, got {list(channels)}")
        self.channels, self.full = [*channels], full

    def export(self, design: Design) -> Mapping[str, bytes]:
        eq = bands_of(design)
        if eq is None:
            gain_db, sos = in_decibels(design)
            names = ("b0", "b1", "b2", "a1", "a2")
            rows = [{"type": "Free", **dict(zip(names, row[[0, 1, 2, 4, 5]].tolist(), strict=True))} for row in sos]
        else:
            gain_db, rows = eq.gain_db, [_biquad(part) for part in eq.parts if isinstance(part, Band)]
        filters = {"gain": {"type": "Gain", "parameters": {"gain": gain_db, "scale": "dB"}}}
        kind = "section" if eq is None else "band"
        filters |= {f"{kind}_{n:02}": {"type": "Biquad", "parameters": row} for n, row in enumerate(rows, 1)}
        pipeline = [{"type": "Filter", "channels": self.channels, "names": [*filters]}]
        devices = {"devices": self._devices(design.fs)} if self.full else {}
        text = as_yaml({"title": design.name, **devices, "filters": filters, "pipeline": pipeline})
        return {design.file(self.suffix): text.encode()}

    def _devices(self, fs: float) -> dict[str, Any]:
        count = max(2, *(channel + 1 for channel in self.channels))
        ends = {
            name: {"type": kind, "channels": count, "format": "F32_LE"}
            for name, kind in (("capture", "Stdin"), ("playback", "Stdout"))
        }
        return {"samplerate": round(fs), "chunksize": 1024, **ends}


def _biquad(band: Band) -> dict[str, str | float]:
    gain = {"gain": band.gain_db} if band.type in WITH_GAIN else {}
    return {"type": band.type.capitalize(), "freq": band.frequency, "q": band.q, **gain}
