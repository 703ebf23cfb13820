"""What flamo_contrib offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="processor",
        name="velvet_noise",
        target="flamo_contrib.velvet_noise:VelvetNoise",
        summary="Matrix of velvet-noise filters: sparse pulses at random places, whose gains may be learned.",
    )
    yield Component(
        kind="processor",
        name="parallel_velvet_noise",
        target="flamo_contrib.velvet_noise:ParallelVelvetNoise",
        summary="One velvet-noise filter for each channel.",
    )
