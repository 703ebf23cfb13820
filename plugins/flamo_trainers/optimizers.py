"""Optimisers and schedules of torch by name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler

from flamo_trainers.uncompiled import LBFGS, SGD, Adam, AdamW

OPTIMIZERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD, "lbfgs": LBFGS}
SCHEDULES = {
    "step": lr_scheduler.StepLR,
    "multistep": lr_scheduler.MultiStepLR,
    "exponential": lr_scheduler.ExponentialLR,
    "cosine": lr_scheduler.CosineAnnealingLR,
    "one_cycle": lr_scheduler.OneCycleLR,
    "plateau": lr_scheduler.ReduceLROnPlateau,
}
Schedule = lr_scheduler.LRScheduler | lr_scheduler.ReduceLROnPlateau
Group = dict[str, Any]
"""What torch takes as a parameter group: ``params`` and the options of its own."""

_NOT_OPTIONS = {"params", "optimizer", "last_epoch", "verbose"}


def make(
    optimizer: str,
    groups: list[Group],
    options: Mapping[str, Any] = {},
    schedule: str | None = None,
    schedule_options: Mapping[str, Any] = {},
) -> tuple[Optimizer, Schedule | None]:
    """An optimiser of torch and the schedule of its learning rate.

    Args:
        optimizer: ``adam``, ``adamw``, ``sgd`` or ``lbfgs`` (with a strong Wolfe line search, unless the options
            say otherwise).
        groups: parameter groups.
        options: of the optimiser, as torch names them.
        schedule: ``step``, ``multistep``, ``exponential``, ``cosine``, ``one_cycle``, ``plateau`` or None.
        schedule_options: of the schedule; ``max_lr`` of ``one_cycle`` is each group's ``lr`` if it is left out.

    Raises:
        ValueError: an unknown name (says the nearest and all), a missing option, a value that torch refuses.

    >>> groups = [{"params": [nn.Parameter(torch.ones(1))]}]
    >>> optimizer, schedule = make("sgd", groups, {"lr": 0.1}, "cosine", {"T_max": 9})
    >>> type(optimizer).__name__, type(schedule).__name__
    ('SGD', 'CosineAnnealingLR')
    """
    if optimizer == "lbfgs":  # a checkpoint gives its state the type of the first parameter: the widest loses nothing
        groups = [{**g, "params": sorted(g["params"], key=lambda p: -p.element_size())} for g in groups]
    trial = [{**group, "params": [_trial()]} for group in groups]
    _try(_build(optimizer, trial, options, schedule, schedule_options), optimizer, schedule)
    return _build(optimizer, groups, options, schedule, schedule_options)


def _build(
    name: str,
    groups: list[Group],
    options: Mapping[str, Any],
    schedule: str | None,
    schedule_options: Mapping[str, Any],
) -> tuple[Optimizer, Schedule | None]:
    what, kind = f"optimizer {name!r}", _named("optimizer", name, OPTIMIZERS)
    options = {**({"line_search_fn": "strong_wolfe"} if name == "lbfgs" else {}), **options}
    for group in groups:  # torch looks at the options of all, but not at those of a group
        own = {**options, **{n: v for n, v in group.items() if n != "params"}}
        _check_names(what, own, kind)
        with _reworded(what):
            kind([_trial()], **own)
    with _reworded(what):
        optimizer = kind(groups, **options)
    if schedule is None:
        return optimizer, None
    if schedule == "one_cycle":
        schedule_options = {"max_lr": [group["lr"] for group in optimizer.param_groups], **schedule_options}
    what, kind = f"schedule {schedule!r}", _named("schedule", schedule, SCHEDULES)
    _check_names(what, schedule_options, kind)
    with _reworded(what):
        return optimizer, kind(optimizer, **schedule_options)


def _try(made: tuple[Optimizer, Schedule | None], name: str, schedule: str | None) -> None:
    """One step of both on numbers that do not matter: many a wrong value shows only there."""

    def closure() -> float:
        made[0].zero_grad()
        loss = sum(group["params"][0].square().sum() for group in made[0].param_groups)
        loss.backward()
        return loss.item()

    with _reworded(f"optimizer {name!r}"):
        made[0].step(closure)
    with _reworded(f"schedule {schedule!r}"):
        advance(made[1], 1.0)


def _trial() -> nn.Parameter:
    return nn.Parameter(torch.ones(1, dtype=torch.float64))


def advance(schedule: Schedule | None, loss: float) -> None:
    """One step of a schedule, if there is one; only that of a plateau looks at the loss."""
    if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
        schedule.step(loss)
    elif schedule is not None:
        schedule.step()


def group_parameters(parameters: Mapping[str, nn.Parameter], patterns: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """Parameter groups by patterns of names (as of files: ``*.delays``); the first that fits counts.

    A name is that of :func:`parameter_names`, with or without ``.param`` at its end. Parameters that no pattern fits
    come first, in a group without options.

    Raises:
        ValueError: a pattern that fits no name.

    >>> gain, delay = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(2))
    >>> groups = group_parameters({"gain.param": gain, "loop.delays.param": delay}, {"*.delays": {"lr": 1e-4}})
    >>> [len(group["params"]) for group in groups], groups[1]["lr"]
    ([1, 1], 0.0001)
    """
    left = dict(parameters)
    groups = []
    for pattern, options in patterns.items():
        if not any(_fits(name, pattern) for name in parameters):
            raise ValueError(f"groups: {pattern!r} fits no parameter that learns; there are {listed(parameters)}")
        taken = [name for name in left if _fits(name, pattern)]
        groups.append({**options, "params": [left.pop(name) for name in taken]})
    return [group for group in ({"params": list(left.values())}, *groups) if group["params"]]


def parameter_names(net: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters by name; what a Shell adds in front of those of its core is left out.

    >>> list(parameter_names(nn.Sequential(nn.Linear(1, 1))))
    ['0.weight', '0.bias']
    """
    return {name.replace("_Shell__core.", ""): parameter for name, parameter in net.named_parameters()}


def listed(names: Iterable[str], most: int = 6) -> str:
    """The first few names, without ``.param``."""
    short = [name.removesuffix(".param") for name in names]
    rest = f" and {len(short) - most} more" if len(short) > most else ""
    return ", ".join(short[:most]) + rest


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.removesuffix(".param"), pattern)


def _named(what: str, name: str, choices: Mapping[str, Any]) -> Any:
    if name not in choices:
        raise ValueError(f"unknown {what} {name!r}{_nearest(name, choices)}")
    return choices[name]


def _check_names(what: str, options: Mapping[str, Any], kind: type) -> None:
    known = {n: p for n, p in inspect.signature(kind).parameters.items() if n not in _NOT_OPTIONS}
    for name in options:
        if name not in known:
            raise ValueError(f"{what} has no option {name!r}{_nearest(name, known)}")
    missing = [name for name, p in known.items() if p.default is p.empty and name not in options]
    if missing:
        raise ValueError(f"{what} needs the option {' and '.join(missing)}")


def _nearest(name: str, choices: Iterable[str]) -> str:
    names = list(choices)
    close = difflib.get_close_matches(str(name), names, 1)
    return (f"; did you mean {close[0]!r}?" if close else ";") + f" There are {', '.join(names)}"


@contextmanager
def _reworded(what: str) -> Iterator[None]:
    """What torch says of wrong values, whatever it raises, as a ValueError that names the part."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError) as error:
        raise ValueError(f"{what}: {error}") from error
