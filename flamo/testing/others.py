"""What transforms, containers and losses have to keep, beside what every module has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from flamo.saving import load, save
from flamo.testing import modules
from flamo.testing.case import Case
from flamo.testing.check import require, require_near
from flamo.testing.examples import example


def keeps_items_apart(case: Case) -> None:
    """Each item of a batch is treated as if it were alone.

    Leave the first dimension to the batch: no mean over it, no state from one item to the next."""
    made, (x,) = example(case)
    alone = torch.cat([made(item) for item in x.split(1)])
    require_near(made(x), alone, 1e-9, "an item of a batch depends on the others")


def saves_and_loads(case: Case) -> None:
    """flamo.save writes it, and flamo.load gives the same back.

    Let constructor arguments be plain data or parts that are components, kept as attributes of the same name."""
    made, arguments = example(case)
    with TemporaryDirectory() as folder:
        save(made, Path(folder) / "one.safetensors")
        loaded: Any = load(Path(folder) / "one.safetensors")
    require_near(loaded(*arguments), made(*arguments), 1e-11, "it comes back with another result")


def is_one_number(case: Case) -> None:
    """A loss is a real scalar.

    End with .mean() or .sum() over all dimensions, of magnitudes where spectra are complex."""
    made, arguments = example(case)
    value = made(*arguments)
    require(tuple(value.shape) == (), f"the loss has the shape {tuple(value.shape)}")
    require(not value.is_complex(), "the loss is complex")


def is_least_for_equals(case: Case) -> None:
    """No prediction has a smaller loss than the target itself.

    Check the sign: a loss is made small."""
    made, (prediction, target) = example(case)
    equal, other = made(target.clone(), target), made(prediction, target)
    require(
        bool(equal <= other), f"the target itself has a loss of {equal.item():.3g}, noise one of {other.item():.3g}"
    )


def bears_silence(case: Case) -> None:
    """Silence has a finite loss and finite gradients.

    Add a small number before logarithms and roots, or clamp: sqrt and |·| of complex zeros have infinite slopes."""
    for prediction, target in ((0.0, 1.0), (1.0, 0.0), (0.0, 0.0)):
        made, arguments = example(case)
        x, y = (arguments[0] * prediction).requires_grad_(), arguments[1] * target
        value = made(x, y)
        require(bool(value.isfinite()), f"silence has a loss of {value.item()}")
        if value.requires_grad:
            value.backward()
            require(x.grad is None or bool(x.grad.isfinite().all()), "silence has a gradient that is not finite")


def asks_the_model(case: Case) -> None:
    """A loss with requires_model has a gradient in the model.

    Compute it from parameters of the model that is given, without .detach()."""
    made, arguments = example(case)
    made(*arguments).backward()
    found = [p for p in made.model.parameters() if p.grad is not None]
    require(bool(found), "no parameter of the model has a gradient")


def transforms(case: Case) -> Iterator[Any]:
    """Every check that such a transform is asked."""
    yield keeps_items_apart
    if case.offer and not case.target.__module__.startswith("torch."):
        yield saves_and_loads
    yield from modules.CHECKS


def containers(case: Case) -> Iterator[Any]:
    """Every check that such a container is asked."""
    yield from transforms(case)


def losses(case: Case) -> Iterator[Any]:
    """Every check that such a loss is asked."""
    yield is_one_number
    if getattr(case.target, "requires_model", False):
        yield asks_the_model
    else:
        yield is_least_for_equals
        yield bears_silence
    yield from modules.CHECKS
