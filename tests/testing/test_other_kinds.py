"""Trainers, readers, exporters, recipes and commands: faults in the generated ones, and the checks that catch them."""

import re
from pathlib import Path

import pytest

from flamo import registry
from flamo.scaffold import FIRST, package_files
from flamo.testing import Case, CheckError, checks, make_plugin

SAMPLE = b"100: 3.0\n1000: -1.5\n"
END = "optimizer=Signs(learned(net), lr), stateful=stateful)\n"
TWICE = "    def step(self):\n        super().step()\n        return super().step()\n"
RANDOM = "parameter.grad.sign() * (__import__('secrets').randbits(40) / 2**34)"
FADING = 'alpha=-group["lr"] * vars(self).setdefault("rates", [2.0**-n for n in range(9)]).pop()'
FAULTS = {
    "trainer": [
        ("it derives from nothing", "(Engine):", ":", "follows_the_protocol"),
        ("it climbs", 'alpha=-group["lr"]', 'alpha=group["lr"]', "steps_lower_the_loss"),
        ("two steps are made for one", END, f"{END}\n{TWICE}", "steps_are_counted"),
        ("frozen parameters are set free", "(net, obj", "(net.requires_grad_(), obj", "steps_leave_frozen_parameters"),
        ("steps of random size", "parameter.grad.sign()", RANDOM, "steps_repeat_themselves"),
        ("a rate that is no part of the state", 'alpha=-group["lr"]', FADING, "goes_on_from_its_state"),
    ],
    "reader": [
        ("recognizes is missing", "def recognizes(", "def knows(", "follows_the_protocol"),
        ("a suffix without its dot", '(".txt",)', '("TXT",)', "suffixes_are_lower_case"),
        (
            "bytes that are no UTF-8 raise an error",
            '"utf-8-sig", errors="replace"',
            '"utf-8-sig"',
            "recognizes_without_raising",
        ),
        (
            "everything is recognised",
            "return re.fullmatch(",
            "return True or re.fullmatch(",
            "leaves_foreign_files_to_others",
        ),
        (
            "a mistake is told as a KeyError",
            'raise InputError(f"line {number}: must be',
            'raise KeyError(f"line {number}: must be',
            "refuses_in_one_line",
        ),
        ("frequencies and gains are swapped", "frequencies, gains)", "gains, frequencies)", "reads_its_sample"),
        (
            "a number that is none raises an error",
            "except (AttributeError, ValueError):",
            "except AttributeError:",
            "bears_damage",
        ),
        (
            "a byte order mark is taken for content",
            'lines = data.decode("utf-8-sig")',
            'lines = data.decode("utf-8")',
            "line_ends_do_not_matter",
        ),
    ],
    "exporter": [
        ("a suffix without its dot", 'suffix = ".tsv"', 'suffix = "TSV"', "follows_the_protocol"),
        ("text instead of bytes", ".encode()}", "}", "exports_an_equalizer"),
        (
            "the name of a design is taken as a path",
            're.sub(r"[^\\w.-]+", "_", design.name)',
            "design.name",
            "names_files_safely",
        ),
        (
            "the time stands in the file",
            "frequency\\tmagnitude",
            "{__import__('time').time_ns()}\\tmagnitude",
            "repeats_itself",
        ),
        (
            "a method that designs do not have",
            "h = design.response(frequency)[:, 0, 0]",
            "h = design.impulses(frequency)",
            "refuses_in_one_line",
        ),
    ],
    "recipe": [
        ("config is missing", "def config(", "def configuration(", "follows_the_protocol"),
        ("a number of numpy", '"f_min": low', '"f_min": __import__("numpy").float64(low)', "holds_plain_data"),
        ("a dtype that is none", '"dtype": "float64"', '"dtype": "double"', "makes_a_valid_configuration"),
        ("the seed is passed over", '"seed": seed', '"seed": 0', "passes_on_what_it_is_given"),
        (
            "something is kept from the first target",
            '"n_bands": 2,',
            '"n_bands": vars(self).setdefault("bands", len(curve.frequency)),',
            "repeats_itself",
        ),
        (
            "the section target itself, not a copy",
            '"target": dict(target)',
            '"target": target',
            "leaves_its_input_alone",
        ),
        ("a curve without room is told as a KeyError", "raise InputError(", "raise KeyError(", "refuses_in_one_line"),
        (
            "an option of the wrong type is noticed in config",
            '"starts": self.starts',
            '"starts": len(range(self.starts))',
            "checks_its_options",
        ),
        ("bounds that leave no room to learn", '"gain_max": self.gain_max', '"gain_max": 1e-9', "fits_its_curve"),
    ],
    "command": [
        (
            "a parameter of two types",
            "at: At =",
            "at: float | str =",
            "follows_the_protocol",
        ),
        (
            "an option without its help",
            'typer.Option(help="Frequency in Hz.")',
            "typer.Option()",
            "arguments_have_a_help",
        ),
        ("numpy at the top", "import typer\n", "import numpy\nimport typer\n", "helps_at_once"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "old", "new", "name"),
    [pytest.param(kind, *fault[1:], id=f"{kind}-{fault[0]}") for kind, faults in FAULTS.items() for fault in faults],
)
def test_a_fault_is_caught(kind, old, new, name):
    files, component = package_files("pkg_acme", kind), FIRST[kind][0]
    caught(kind, component, files[f"pkg_acme/{component}.py"], (old, new), name)


def caught(kind, component, source, change, name):
    """The check of that name passes, and fails after the change."""
    assert source.count(change[0]) == 1
    plugin = package_files("pkg_acme", kind)["pkg_acme/plugin.py"]
    for text, fails in ((source, False), (source.replace(*change), True)):
        with make_plugin(plugin, **{component: text}):
            case = Case(registry.get(kind, f"acme/{component}"), sample=SAMPLE if kind == "reader" else None)
            [check] = [check for check in checks(case) if check.name == name]
            if fails:
                with pytest.raises(CheckError, match=f"{name}: "):
                    check(case)
            else:
                check(case)


EPOCHS = (Path(__file__).parent.parent / "epochs.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("parameter -= ", "parameter += ", "lowers_the_loss"),
        (" if p.requires_grad]", "]", "leaves_frozen_parameters"),
        ("alpha * c(", "c(", "weighs_its_criteria"),
        ("[self.net] if asks", "[None] if asks", "shows_the_model"),
        ("gradient.sign()", "torch.rand_like(gradient) * __import__('random').random()", "repeats_itself"),
        ("def train(", "def run(", "follows_the_protocol"),
    ],
)
def test_a_fault_of_a_trainer_of_epochs_is_caught(old, new, name):
    caught("trainer", "sign_descent", EPOCHS, (old, new), name)


@pytest.mark.parametrize("kind", FAULTS)
def test_every_check_has_a_fault(kind):
    files, component = package_files("pkg_acme", kind), FIRST[kind][0]
    with make_plugin(files["pkg_acme/plugin.py"], **{component: files[f"pkg_acme/{component}.py"]}):
        case = Case(registry.get(kind, f"acme/{component}"), sample=SAMPLE)
        asked = {check.name for check in checks(case)} - {"summary_is_the_first_line"}
    assert asked - {"signature_is_explicit", "arguments_are_documented"} == {fault[3] for fault in FAULTS[kind]}


def test_the_table_in_the_documentation_has_every_fault():
    page = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(kind, name, what) for kind, faults in FAULTS.items() for what, _, _, name in faults]
