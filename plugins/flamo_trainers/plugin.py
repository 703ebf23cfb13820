"""What flamo_trainers offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="trainer",
        name="trainer",
        target="flamo_trainers.trainer:Trainer",
        summary="Gradient descent in epochs over a training and a validation set.",
        aliases=("epochs",),
    )
