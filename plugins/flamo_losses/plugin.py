"""What flamo_losses offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="loss",
        name="mse",
        target="flamo_losses.mse:mse_loss",
        summary="Mean squared error of the prediction summed over channels.",
    )
