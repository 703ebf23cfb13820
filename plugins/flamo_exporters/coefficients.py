"""Second-order sections as numbers: miniDSP, JSON and CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flamo.design import Design
from flamo.equalizer import Band
from flamo_exporters.folded import exact, folded, in_decibels
from flamo_exporters.parametric import bands_of

ORDER = "b0,b1,b2,a0,a1,a2"


class MiniDsp:
    """Biquad coefficients for miniDSP's advanced mode.

    The signs of a1 and a2 are miniDSP's, :math:`y = b_0 x + b_1 x_1 + b_2 x_2 + a_1 y_1 + a_2 y_2`, and the gain is in
    the first biquad. They are right at one sampling frequency only, which must be the device's.

    Raises:
        InputError: on export, of what is no cascade of second-order sections.

    >>> from flamo.design import EqualizerDesign
    >>> from flamo.equalizer import Equalizer, Section
    >>> eq = Equalizer("pole", (Section(1.0, 0.0, 0.0, -0.5, 0.0, fs=96000),))
    >>> MiniDsp().export(EqualizerDesign(eq, 96000))["pole_minidsp.txt"].decode().splitlines()[4]
    'a1=0.5000000000000000,'
    """

    suffix = ".txt"

    def export(self, design: Design) -> Mapping[str, bytes]:
        blocks = []
        for n, (b0, b1, b2, _, a1, a2) in enumerate(folded(design), 1):
            values = {"b0": b0, "b1": b1, "b2": b2, "a1": -a1, "a2": -a2}
            blocks.append(f"biquad{n},\n" + ",\n".join(f"{k}={v + 0.0:.16f}" for k, v in values.items()))
        return {design.file(f"_minidsp{self.suffix}"): (",\n".join(blocks) + "\n").encode()}


class SosJson:
    """Second-order sections as JSON, with gain and bands.

    ``sos`` holds rows of b0, b1, b2, a0 = 1, a1, a2 as scipy takes them, without the gain, ``gain_db``; ``bands`` are
    the same filters in numbers, where they are known, and ``sample_rate`` is that of the sections.

    Raises:
        InputError: on export, of what is no cascade of second-order sections.
    """

    suffix = ".json"

    def export(self, design: Design) -> Mapping[str, bytes]:
        gain_db, sos = in_decibels(design)
        data = {
            "format": "flamo-sos",
            "version": 1,
            "name": design.name,
            "sample_rate": design.fs if design.fs % 1 else int(design.fs),
            "order": ORDER,
            "gain_db": gain_db,
            "sos": sos.tolist(),
        }
        if eq := bands_of(design):
            data["bands"] = [
                {
                    "type": part.type.replace("shelf", "_shelf"),
                    "freq_hz": part.frequency,
                    "gain_db": part.gain_db,
                    "q": part.q,
                }
                for part in eq.parts
                if isinstance(part, Band)
            ]
        return {design.file(self.suffix): (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()}


class SosCsv:
    """Second-order sections as CSV, for scipy and MATLAB.

    Rows of b0, b1, b2, a0 = 1, a1, a2 under a header, all digits; the gain is in the first row.

    Raises:
        InputError: on export, of what is no cascade of second-order sections.
    """

    suffix = ".csv"

    def export(self, design: Design) -> Mapping[str, bytes]:
        rows = [ORDER, *(",".join(map(exact, row)) for row in folded(design))]
        return {design.file(self.suffix): ("\n".join(rows) + "\n").encode()}
