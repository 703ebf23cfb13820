"""Our own components pass the kit that strangers are given: a newcomer's is there as soon as it is listed."""

from collections import OrderedDict
from functools import partial

import torch
from cases import CLASSES, cases, size_of
from losses import ALL

import flamo
from flamo import dsp, registry, system
from flamo.testing import Case, parametrize_with_checks

SHORT = {"max_len": 20}  # delays, whose state space has a state for each sample


def variants():
    """Every processor in each of its variants; of a twin, which differs in its layout only, the first one."""
    seen = set()
    for name, kwargs in cases():
        if not (name in seen and name.startswith("parallel_")):
            yield partial(CLASSES[name], size_of(name, kwargs), **kwargs | (SHORT if "max_len" in kwargs else {}))
        seen.add(name)


CASES = [*variants()]
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


def classes(kind):
    """The components of a kind, ours and nobody else's."""
    return [registry.load(offer) for offer in registry.offers(kind) if offer.plugin.ours]


@parametrize_with_checks(
    [partial(cls, alias_decay_db=20.0) if "AntiAlias" in cls.__name__ else cls for cls in classes("transform")]
)
def test_transforms(case, check):
    check(case)


def test_every_container_and_loss_has_a_variant_that_works():
    made = {case.offer and case.offer.component.name for case in LOSSES}
    assert made == {offer.component.name for offer in registry.offers("loss") if offer.plugin.ours}
    assert {function.__name__ for function in CONTAINERS} == {
        offer.component.name for offer in registry.offers("container") if offer.plugin.ours
    }


NFFT = {"nfft": 64, "alias_decay_db": 20.0, "dtype": torch.float64}


def parts():
    delays = dsp.parallelDelay((2,), max_len=9, isint=True, **NFFT)
    return delays, dsp.Matrix((2, 2), matrix_type="orthogonal", requires_grad=True, **NFFT)


def series():
    return system.Series(OrderedDict(zip("ab", parts(), strict=True)))


def parallel():
    return system.Parallel(*parts())


def recursion():
    delays, matrix = parts()
    return system.Recursion(delays, system.Series(matrix, dsp.parallelGain.from_physical(gain=[0.5, 0.7], **NFFT)))


def shell():
    return system.Shell(recursion(), dsp.FFT(64), dsp.iFFTAntiAlias(64, alias_decay_db=20.0))


CONTAINERS = (series, parallel, recursion, shell)


@parametrize_with_checks([*classes("container"), *(Case(function, kind="container") for function in CONTAINERS)])
def test_containers(case, check):
    check(case)


LOSSES = [
    *map(Case, ALL.values()),
    Case(flamo.mse_loss),
    Case(partial(flamo.masked_mse_loss, nfft=600, n_samples=50)),
    Case(flamo.sparsity_loss),
    Case(flamo.CurveError),
]


@parametrize_with_checks(LOSSES)
def test_losses(case, check):
    check(case)


@parametrize_with_checks(classes("trainer"))
def test_trainers(case, check):
    check(case)


@parametrize_with_checks([*classes("reader"), *classes("exporter"), *classes("recipe")])
def test_readers_exporters_and_recipes(case, check):
    check(case)
