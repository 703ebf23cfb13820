"""What flamo_readers offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="reader",
        name="curve",
        target="flamo_readers.curve:CurveReader",
        summary="Curve in dB over frequency, from delimited text.",
        aliases=("text", "csv", "autoeq", "crinacle", "rew", "frd", "asr"),
    )
    yield Component(
        kind="reader",
        name="graphic_eq",
        target="flamo_readers.graphic_eq:GraphicEQ",
        summary="Curve of a GraphicEQ line: frequencies and gains, linear over log f between them.",
        aliases=("wavelet",),
    )
    yield Component(
        kind="reader",
        name="equalizer_apo",
        target="flamo_readers.equalizer_apo:EqualizerAPO",
        summary="Filters of Equalizer APO or REW, one a line.",
        aliases=("rew_filters",),
    )
    yield Component(
        kind="reader",
        name="camilladsp",
        target="flamo_readers.camilladsp:CamillaDSP",
        summary="Filters of a configuration of CamillaDSP, in the order of its pipeline.",
    )
    yield Component(
        kind="reader",
        name="minidsp",
        target="flamo_readers.minidsp:MiniDSP",
        summary="Sections of miniDSP: coefficients in text, with its signs of a1 and a2.",
    )
    yield Component(
        kind="reader",
        name="sos_json",
        target="flamo_readers.sos:SOSJSON",
        summary="Second-order sections in JSON, with their sampling frequency and a gain.",
        aliases=("flamo_sos",),
    )
    yield Component(
        kind="reader",
        name="sos_csv",
        target="flamo_readers.sos:SOSCSV",
        summary="Second-order sections in a table with columns b0, b1, b2, a0, a1, a2.",
    )
