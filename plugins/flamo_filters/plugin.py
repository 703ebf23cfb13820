"""What flamo_filters offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="processor",
        name="filter",
        target="flamo_filters.fir:Filter",
        summary="Matrix of finite impulse responses.",
        aliases=("fir",),
    )
    yield Component(
        kind="processor",
        name="parallel_filter",
        target="flamo_filters.fir:parallelFilter",
        summary="One finite impulse response for each channel.",
        aliases=("parallel_fir",),
    )
    yield Component(
        kind="processor",
        name="biquad",
        target="flamo_filters.biquad:Biquad",
        summary="Cascaded RBJ lowpass, highpass and bandpass sections.",
    )
    yield Component(
        kind="processor",
        name="parallel_biquad",
        target="flamo_filters.biquad:parallelBiquad",
        summary="Cascaded RBJ lowpass, highpass and bandpass sections, one cascade for each channel.",
    )
    yield Component(
        kind="processor",
        name="peq",
        target="flamo_filters.peq:PEQ",
        summary="Parametric equaliser around fixed band frequencies, as in FLAMO.",
    )
    yield Component(
        kind="processor",
        name="parallel_peq",
        target="flamo_filters.peq:parallelPEQ",
        summary="Parametric equaliser around fixed band frequencies, one for each channel.",
    )
    yield Component(
        kind="processor",
        name="parametric_eq",
        target="flamo_filters.parametric_eq:ParametricEQ",
        summary="Parametric equaliser whose bands move freely: frequency, gain and Q within bounds.",
    )
    yield Component(
        kind="processor",
        name="sos_filter",
        target="flamo_filters.sos:SOSFilter",
        summary="Cascaded sections whose coefficients are the parameters.",
    )
    yield Component(
        kind="processor",
        name="parallel_sos_filter",
        target="flamo_filters.sos:parallelSOSFilter",
        summary="Cascaded sections whose coefficients are the parameters, one cascade for each channel.",
    )
    yield Component(
        kind="processor",
        name="svf",
        target="flamo_filters.svf:SVF",
        summary="Cascaded state-variable sections, general or of one type.",
    )
    yield Component(
        kind="processor",
        name="parallel_svf",
        target="flamo_filters.svf:parallelSVF",
        summary="Cascaded state-variable sections, one cascade for each channel.",
    )
    yield Component(
        kind="processor",
        name="geq",
        target="flamo_filters.geq:GEQ",
        summary="Graphic equaliser of octave or third-octave bands, by command gains.",
    )
    yield Component(
        kind="processor",
        name="parallel_geq",
        target="flamo_filters.geq:parallelGEQ",
        summary="Graphic equaliser of octave or third-octave bands, one for each channel.",
    )
    yield Component(
        kind="processor",
        name="accurate_geq",
        target="flamo_filters.accurate_geq:AccurateGEQ",
        summary="Graphic equaliser of octave or third-octave bands, by target gains.",
    )
    yield Component(
        kind="processor",
        name="parallel_accurate_geq",
        target="flamo_filters.accurate_geq:parallelAccurateGEQ",
        summary="Graphic equaliser of octave or third-octave bands, by target gains, one for each channel.",
    )
