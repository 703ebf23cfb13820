"""What the core offers: transforms and containers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="transform",
        name="transform",
        target="flamo.core.transforms:Transform",
        summary="Any function of the signal, at the ends of a system.",
    )
    yield Component(
        kind="transform",
        name="fft",
        target="flamo.core.transforms:FFT",
        summary="Real FFT along time.",
    )
    yield Component(
        kind="transform",
        name="ifft",
        target="flamo.core.transforms:iFFT",
        summary="Inverse real FFT along time.",
    )
    yield Component(
        kind="transform",
        name="fft_antialias",
        target="flamo.core.transforms:FFTAntiAlias",
        summary="Real FFT after the inverse of the anti-aliasing decay.",
    )
    yield Component(
        kind="transform",
        name="ifft_antialias",
        target="flamo.core.transforms:iFFTAntiAlias",
        summary="Inverse real FFT, then the inverse of the anti-aliasing decay.",
    )
    yield Component(
        kind="transform",
        name="magnitude",
        target="flamo.core.magnitude:Magnitude",
        summary="Magnitude of a spectrum.",
    )
    yield Component(
        kind="transform",
        name="decibels",
        target="flamo.core.magnitude:Level",
        summary="Magnitude of a spectrum in decibels.",
    )
    yield Component(
        kind="transform",
        name="identity",
        target="torch.nn:Identity",
        summary="A placeholder identity operator that is argument-insensitive.",
    )
    yield Component(
        kind="container",
        name="series",
        target="flamo.core.series:Series",
        summary="Processors one after the other.",
    )
    yield Component(
        kind="container",
        name="parallel",
        target="flamo.core.parallel:Parallel",
        summary="Two branches side by side, summed or concatenated.",
    )
    yield Component(
        kind="container",
        name="recursion",
        target="flamo.core.recursion:Recursion",
        summary="A feedback loop in closed form.",
    )
    yield Component(
        kind="container",
        name="shell",
        target="flamo.core.shell:Shell",
        summary="A system with its input and output layers.",
    )
