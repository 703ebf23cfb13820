"""The kit itself: what it is told, and what it says."""

import sys
import warnings
from functools import partial
from importlib.metadata import entry_points

import pytest
import torch
from torch import nn

from flamo import dsp, registry
from flamo.errors import InputError
from flamo.testing import Case, CheckError, checks, heavy_imports, make_plugin, parametrize_with_checks
from flamo.testing.check import Check
from flamo.testing.kit import KINDS


def verdict(case, name):
    [check] = [check for check in checks(case) if check.name == name]
    check(case)


def marks(decorator):
    """The marks of a parametrised test, by the name of the check."""
    return {parameter.values[1].name: parameter.marks for parameter in decorator.args[1]}


def test_what_is_expected_to_fail_is_marked_strictly_with_its_reason():
    made = marks(parametrize_with_checks([dsp.Gain], expected_failed_checks={"pickles": "it is too heavy"}))
    [mark] = made["pickles"]
    assert (mark.name, mark.kwargs) == ("xfail", {"reason": "it is too heavy", "strict": True})
    assert not any(marks for name, marks in made.items() if name != "pickles")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"pickle": "heavy"}, "'pickle' is no check of these; did you mean 'pickles'?"),
        ({"xyz": "heavy"}, "known are agrees_in_float32, arguments"),
        ({"pickles": ""}, "'pickles' needs a reason"),
    ],
)
def test_expectations_that_cannot_be_meant_are_refused(expected, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        parametrize_with_checks([dsp.Gain], expected_failed_checks=expected)


def test_a_class_that_nobody_offers_needs_a_kind():
    class Mine(dsp.Gain):
        """Mine."""

    with pytest.raises(InputError, match=r"Mine is no component .* say Case\(Mine, kind='processor'\)"):
        Case(Mine)
    names = [check.name for check in checks(Case(Mine, kind="processor"))]
    assert "is_linear" in names
    assert "saves_and_loads" not in names  # files name components


def test_every_kind_has_checks_that_say_what_to_do():
    cases = [Case(dsp.Gain, kind=kind, sample=b"x") for kind in KINDS]
    for check in {check.name: check for case in cases for check in checks(case)}.values():
        assert check.about.endswith("."), check.name
        assert check.advice.endswith("."), check.name


def test_a_component_that_needs_arguments_is_asked_what_can_be_asked():
    names = [check.name for check in checks(Case(registry.get("loss", "masked_mse")))]
    assert names == ["signature_is_explicit", "arguments_are_documented", "summary_is_the_first_line"]
    case = Case(partial(registry.get("loss", "masked_mse"), 600, 50))
    assert "is_one_number" in [check.name for check in checks(case)]
    assert case.label == "masked_mse_loss-600-50"


def test_a_check_leaves_generator_and_warnings_as_they_are():
    def noisy(case):
        """Ask.

        Do."""
        warnings.warn("loud", stacklevel=2)
        torch.manual_seed(5)

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    Check(noisy)(Case(dsp.Gain))
    assert torch.equal(torch.rand(3), expected)


class Negative(nn.Module):
    def forward(self, prediction, target):
        return -(prediction - target).abs().mean()


class Root(nn.Module):
    def forward(self, prediction, target):
        return (prediction - target).abs().square().mean().sqrt()


class Item(nn.Module):
    def forward(self, prediction, target):
        return torch.tensor((prediction - target).abs().mean().item(), dtype=torch.float64)


class Columns(nn.Module):
    def forward(self, prediction, target):
        return (prediction - target).abs().mean(1)


@pytest.mark.parametrize(
    ("cls", "check"),
    [(Negative, "is_least_for_equals"), (Root, "bears_silence"), (Item, "differentiates"), (Columns, "is_one_number")],
)
def test_a_bad_loss_is_caught(cls, check):
    with pytest.raises(CheckError, match=f"{cls.__name__}, {check}: "):
        verdict(Case(cls, kind="loss"), check)


class Mean(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


def test_a_transform_that_mixes_items_is_caught():
    with pytest.raises(CheckError, match="an item of a batch depends on the others"):
        verdict(Case(Mean, kind="transform"), "keeps_items_apart")


def test_a_plugin_is_there_for_a_block_and_gone_after_it():
    for _ in range(2):
        with make_plugin(version="3.4") as folder:
            assert registry.find("processor", "acme/allpass").plugin.version == "3.4"
            assert registry.get("processor", "allpass").__module__ == "pkg_acme.allpass"
        assert not folder.exists()
        assert "pkg_acme.allpass" not in sys.modules
        assert str(folder) not in sys.path
        assert "acme" not in {plugin.name for plugin in registry.plugins()}
        assert "acme" not in {entry.name for entry in entry_points(group="flamo")}


def test_the_plugin_of_the_kit_passes_its_checks():
    with make_plugin():
        case = Case(registry.get("processor", "allpass"))
        for check in checks(case):
            check(case)


def test_who_imports_something_heavy_is_said():
    with make_plugin("from pkg_acme import middle", middle="import torch"):
        assert heavy_imports("import pkg_acme.plugin")["torch"] == "pkg_acme.middle"
    assert heavy_imports("import flamo; raise SystemExit(3)") == {}
    assert heavy_imports("import numpy as np", heavy=["numpy"]) == {"numpy": "__main__"}
    assert heavy_imports("try: import torch\nexcept ImportError: pass", heavy=["scipy"]) in ({}, {"scipy": "torch"})
