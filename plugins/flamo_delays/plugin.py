"""What flamo_delays offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="processor",
        name="delay",
        target="flamo_delays.delay:Delay",
        summary="Matrix of delays, in whole samples or fractions of them.",
    )
    yield Component(
        kind="processor",
        name="parallel_delay",
        target="flamo_delays.delay:parallelDelay",
        summary="One delay for each channel.",
    )
    yield Component(
        kind="processor",
        name="gain_delay",
        target="flamo_delays.gain_delay:GainDelay",
        summary="Matrix of delays, each with a gain.",
    )
    yield Component(
        kind="processor",
        name="parallel_gain_delay",
        target="flamo_delays.gain_delay:parallelGainDelay",
        summary="One delay with a gain for each channel.",
    )
