"""The checks of each kind, and how pytest runs them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flamo.testing import commands, components, exporters, others, processors, readers, recipes, trainers
from flamo.testing.case import Case
from flamo.testing.check import Check

KINDS: Mapping[str, Callable[[Case], Iterator[Any]]] = {
    "processor": processors.checks,
    "transform": others.transforms,
    "container": others.containers,
    "loss": others.losses,
    "trainer": trainers.checks,
    "reader": readers.checks,
    "exporter": exporters.checks,
    "recipe": recipes.checks,
    "command": commands.checks,
}

CALLED = ("trainer", "command")
"""Kinds that get their arguments from the checks, or are not built."""


def checks(case: Case) -> Iterator[Check]:
    """The checks that a component is asked, in an order in which the first to fail says most.

    A trainer gets the systems that it trains from the checks. Other components whose constructor needs arguments are
    asked only what can be asked without one of them.

    >>> from flamo import Gain
    >>> [check.name for check in checks(Case(Gain))][:3]
    ['signature_is_explicit', 'arguments_are_documented', 'summary_is_the_first_line']
    """
    yield from map(Check, components.checks(case))
    if case.kind in CALLED or not case.needs:
        yield from map(Check, KINDS.get(case.kind, _none)(case))


def _none(case: Case) -> Iterator[Any]:
    yield from ()


def parametrize_with_checks(cases: Iterable[Any], *, expected_failed_checks: Mapping[str, str] | None = None) -> Any:
    """A decorator for pytest: the test runs once for each component and each of its checks.

    Args:
        cases: classes, partials of them, or :class:`Case`.
        expected_failed_checks: reasons by the names of checks that all of the cases fail. They are marked ``xfail``,
            strictly: where one passes, it is an error.

    Raises:
        InputError: a class that no installed plugin offers, and that is no Case with a kind.
        ValueError: a name in expected_failed_checks that is no check of these cases.

    >>> from flamo import Gain, parallelGain
    >>> @parametrize_with_checks([Gain, parallelGain])
    ... def test_gains(case, check):
    ...     check(case)
    """
    import pytest

    expected = dict(expected_failed_checks or {})
    made = [case if isinstance(case, Case) else Case(case) for case in cases]
    asked = [(case, check) for case in made for check in checks(case)]
    _check_names(expected, {check.name for _, check in asked})
    return pytest.mark.parametrize(
        ("case", "check"),
        [
            pytest.param(
                case,
                check,
                id=f"{case.label}-{check.name}",
                marks=[pytest.mark.xfail(reason=expected[check.name], strict=True)] if check.name in expected else [],
            )
            for case, check in asked
        ],
    )


def _check_names(expected: Mapping[str, str], known: set[str]) -> None:
    for name, reason in expected.items():
        if name not in known:
            hint = difflib.get_close_matches(name, known, 1)
            did = f"did you mean {hint[0]!r}?" if hint else f"known are {', '.join(sorted(known))}"
            raise ValueError(f"expected_failed_checks: {name!r} is no check of these; {did}")
        if not reason:
            raise ValueError(f"expected_failed_checks: {name!r} needs a reason")
