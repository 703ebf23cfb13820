"""Gains over frequency as one line of text: Wavelet, JamesDSP and Equalizer APO."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flamo.design import Design

FREQUENCIES = tuple(sorted({int(20 * 1.0563**n) for n in range(128) if 20 * 1.0563**n < 20000}))
"""In Hz, as AutoEq has them."""
HEADROOM_DB = 0.2


class GraphicEq:
    """One line of 127 gains, for Wavelet, JamesDSP and Equalizer APO.

    Gains have one decimal; they are linear in log f between the frequencies and flat outside. Points at or above half
    the sampling frequency are left out.

    Args:
        normalize: move all gains so that the largest is -0.2 dB and nothing clips, as AutoEq does.

    Raises:
        InputError: on export, of what has more than one input or output.

    >>> from flamo.curves import Curve
    >>> from flamo.design import CurveDesign
    >>> tilt = Curve("tilt", (20.0, 20000.0), (6.0, -6.0))
    >>> GraphicEq().export(CurveDesign(tilt, 48000))["tilt_graphic_eq.txt"].decode()[:40]
    'GraphicEQ: 20 -0.2; 21 -0.3; 22 -0.4; 23'
    """

    suffix = ".txt"

    def __init__(self, normalize: bool = True) -> None:
        self.normalize = normalize

    def export(self, design: Design) -> Mapping[str, bytes]:
        frequency = np.array([f for f in FREQUENCIES if f < design.fs / 2])
        gain_db = 20 * np.log10(np.maximum(design.magnitude(frequency.astype(np.float64)), 1e-10))
        if self.normalize:
            gain_db -= gain_db.max() + HEADROOM_DB
        points = "; ".join(f"{f} {gain:.1f}" for f, gain in zip(frequency, gain_db, strict=True))
        return {design.file(f"_graphic_eq{self.suffix}"): f"GraphicEQ: {points}\n".encode()}
