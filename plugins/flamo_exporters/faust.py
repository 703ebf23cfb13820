"""Programs in Faust."""

from __future__ import annotations

from collections.abc import Mapping

from flamo.design import Design
from flamo_exporters.folded import exact


class Faust:
    """Program in Faust.

    A gain and a cascade of ``fi.tf2``, right at one sampling frequency only, which the program states. Compile with
    ``-double`` where there are filters of a low frequency: single precision loses digits there.

    Raises:
        InputError: on export, of what is no cascade of second-order sections.

    >>> from flamo.design import EqualizerDesign
    >>> from flamo.equalizer import Equalizer, Section
    >>> eq = Equalizer("pole", (Section(1.0, 0.0, 0.0, -0.5, 0.0, fs=48000),))
    >>> print(Faust().export(EqualizerDesign(eq, 48000))["pole.dsp"].decode(), end="")
    declare name "pole";
    declare sample_rate "48000";
    import("stdfaust.lib");
    process = *(1.0)
        : fi.tf2(1.0, 0.0, 0.0, -0.5, 0.0);
    """

    suffix = ".dsp"

    def export(self, design: Design) -> Mapping[str, bytes]:
        gain, sos = design.sections()
        stages = [f"*({exact(gain)})", *(f"fi.tf2({', '.join(map(exact, row[[0, 1, 2, 4, 5]]))})" for row in sos)]
        name = design.name.replace("\\", "/").replace('"', "'")  # strings of Faust have no escapes
        head = f'declare name "{name}";\ndeclare sample_rate "{design.fs:g}";\nimport("stdfaust.lib");\n'
        chain = "\n    : ".join(stages)
        return {design.file(self.suffix): f"{head}process = {chain};\n".encode()}
