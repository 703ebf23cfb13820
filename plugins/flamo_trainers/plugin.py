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
    yield Component(
        kind="trainer",
        name="eager",
        target="flamo_trainers.eager:EagerTrainer",
        summary="Gradient descent on a single pair of input and target, step by step.",
    )
    yield Component(
        kind="trainer",
        name="descent",
        target="flamo_trainers.engine:Engine",
        summary="The steps of one training: optimiser, schedule, clipping, best state.",
    )
    yield Component(
        kind="trainer",
        name="lm",
        target="flamo_trainers.levenberg_marquardt:LevenbergMarquardt",
        summary="Damped least squares: the Levenberg–Marquardt method with exact derivatives and several starts.",
    )
