"""Our own components pass the kit that strangers are given: a newcomer's is there as soon as it is listed."""

from collections import OrderedDict
from functools import partial

import torch
from cases import CLASSES, cases, size_of

from flamo import dsp, registry, system
from flamo.testing import Case, parametrize_with_checks

SHORT = {"max_len": 20}  # delays, whose state space has a state for each sample
CASES = [
    partial(CLASSES[name], size_of(name, kwargs), **{**kwargs, **(SHORT if "max_len" in kwargs else {})})
    for name, kwargs in cases()
]
CONSTANT = [case for case in CASES if case.keywords.get("matrix_type") == "hadamard"]
ROTATION = [case for case in CASES if case.keywords.get("matrix_type") == "rotation"]
WHOLE = [case for case in CASES if case.keywords.get("isint") and "Gain" not in case.func.__name__]
FRACTIONS = [case for case in CASES if case.keywords.get("isint") is False]
SPECIAL = (*CONSTANT, *ROTATION, *WHOLE, *FRACTIONS)


@parametrize_with_checks([case for case in CASES if case not in SPECIAL])
def test_processors(case, check):
    check(case)


@parametrize_with_checks(
    WHOLE, expected_failed_checks={"gradient_reaches_the_parameter": "rounded delays have no gradient"}
)
def test_whole_delays(case, check):
    check(case)


@parametrize_with_checks(
    FRACTIONS,
    expected_failed_checks={"state_space_is_the_transfer_function": "fractions of samples have no finite state space"},
)
def test_fractional_delays(case, check):
    check(case)


@parametrize_with_checks(
    CONSTANT,
    expected_failed_checks={
        "gradient_reaches_the_parameter": "a Hadamard matrix is a constant",
        "follows_its_parameter": "a Hadamard matrix is a constant",
        "physical_values_come_back": "a Hadamard matrix cannot be set",
    },
)
def test_matrices_without_a_parameter_that_counts(case, check):
    check(case)


@parametrize_with_checks(
    ROTATION, expected_failed_checks={"physical_values_come_back": "angles are not found from a matrix"}
)
def test_rotations(case, check):
    check(case)


def named(kind):
    """The components of a kind, ours and nobody else's."""
    return {o.component.name: registry.load(o) for o in registry.offers(kind) if o.plugin.ours}


TRANSFORMS = named("transform")


@parametrize_with_checks([partial(cls, alias_decay_db=20.0) if "Anti" in cls.__name__ else cls for cls in TRANSFORMS.values()])
def test_transforms(case, check):
    check(case)


NFFT = {"nfft": 64, "dtype": torch.float64}


def parts():
    return dsp.Gain((2, 2), **NFFT), dsp.parallelDelay((2,), max_len=9, isint=True, **NFFT)


def series():
    return OrderedDict(zip("ab", parts(), strict=True))


def loop():
    return system.Recursion(*parts())
