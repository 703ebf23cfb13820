"""What flamo_exporters offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


def _exporter(name: str, target: str, summary: str, *aliases: str) -> Component:
    return Component(
        kind="exporter", name=name, target=f"flamo_exporters.{target}", summary=summary, aliases=tuple(aliases)
    )


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield _exporter(
        "equalizer_apo",
        "parametric:EqualizerApo",
        "Text of Equalizer APO, and of the many players that read it: a preamp and parametric filters.",
        "eqapo",
        "autoeq",
        "peace",
    )
    yield _exporter("rew", "parametric:Rew", "Filter settings of Room EQ Wizard.", "rew_filters")
    yield _exporter(
        "graphic_eq",
        "graphic_eq:GraphicEq",
        "One line of 127 gains, for Wavelet, JamesDSP and Equalizer APO.",
        "wavelet",
        "jamesdsp",
    )
    yield _exporter("camilladsp", "camilladsp:CamillaDsp", "YAML of CamillaDSP 4: filters and pipeline.", "camilla")
    yield _exporter("minidsp", "coefficients:MiniDsp", "Biquad coefficients for miniDSP's advanced mode.")
    yield _exporter("sos_json", "coefficients:SosJson", "Second-order sections as JSON, with gain and bands.", "json")
    yield _exporter(
        "sos_csv", "coefficients:SosCsv", "Second-order sections as CSV, for scipy and MATLAB.", "sos", "csv"
    )
    yield _exporter("cpp", "cpp:Cpp", "Header of C++17 without dependencies.", "hpp", "cxx")
    yield _exporter("faust", "faust:Faust", "Program in Faust.", "dsp")
    yield _exporter(
        "fir_minimum", "wav:FirMinimum", "FIR filter of minimum phase with the same magnitude, as WAV.", "minimum_phase"
    )
    yield _exporter(
        "fir_linear", "wav:FirLinear", "FIR filter of linear phase with the same magnitude, as WAV.", "linear_phase"
    )
    yield _exporter("impulse_response", "wav:ImpulseResponse", "Impulse response of any system, as WAV.", "wav", "ir")
