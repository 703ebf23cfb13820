"""What flamo_gains offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="processor",
        name="gain",
        target="flamo_gains.gain:Gain",
        summary="Matrix of gains that mixes N_in channels into N_out.",
    )
    yield Component(
        kind="processor",
        name="parallel_gain",
        target="flamo_gains.gain:parallelGain",
        summary="One gain for each channel.",
    )
    yield Component(
        kind="processor",
        name="matrix",
        target="flamo_gains.matrix:Matrix",
        summary="Matrix of gains of one structure: random, orthogonal, Hadamard or a rotation.",
    )
    yield Component(
        kind="processor",
        name="householder_matrix",
        target="flamo_gains.householder:HouseholderMatrix",
        summary="Reflection at a hyperplane, applied in O(N).",
    )
