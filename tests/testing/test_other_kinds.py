"""Trainers, readers and exporters: faults in the generated ones, and the checks that catch them."""

import pytest

from flamo import registry
from flamo.scaffold import FIRST, package_files
from flamo.testing import Case, CheckError, checks, make_plugin

SAMPLE = b"100: 3.0\n1000: -1.5\n"
FAULTS = {
    "trainer": [
        ("parameter -= ", "parameter += ", "lowers_the_loss"),
        (" if p.requires_grad]", "]", "leaves_frozen_parameters"),
        ("alpha * c(", "c(", "weighs_its_criteria"),
        ("[self.net] if asks", "[None] if asks", "shows_the_model"),
        ("gradient.sign()", "torch.rand_like(gradient) * __import__('random').random()", "repeats_itself"),
        ("def train(", "def run(", "follows_the_protocol"),
    ],
    "reader": [
        ("def recognizes(", "def knows(", "follows_the_protocol"),
        ('(".txt",)', '("TXT",)', "suffixes_are_lower_case"),
        ('"utf-8-sig", errors="replace"', '"utf-8-sig"', "recognizes_without_raising"),
        ("return re.fullmatch(", "return True or re.fullmatch(", "leaves_foreign_files_to_others"),
        ('raise InputError(f"line {number}: must be', 'raise KeyError(f"line {number}: must be', "refuses_in_one_line"),
        ("frequencies, gains)", "gains, frequencies)", "reads_its_sample"),
        ("except (AttributeError, ValueError):", "except AttributeError:", "bears_damage"),
        ('lines = data.decode("utf-8-sig")', 'lines = data.decode("utf-8")', "line_ends_do_not_matter"),
    ],
    "exporter": [
        ('suffix = ".tsv"', 'suffix = "TSV"', "follows_the_protocol"),
        (".encode()}", "}", "exports_an_equalizer"),
        ('re.sub(r"[^\\w.-]+", "_", design.name)', "design.name", "names_files_safely"),
        ("frequency\\tmagnitude", "{__import__('time').time_ns()}\\tmagnitude", "repeats_itself"),
        ("h = design.response(frequency)[:, 0, 0]", "h = design.impulses(frequency)", "refuses_in_one_line"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "old", "new", "name"), [(kind, *fault) for kind, faults in FAULTS.items() for fault in faults]
)
def test_a_fault_is_caught(kind, old, new, name):
    files, component = package_files("pkg_acme", kind), FIRST[kind][0]
    source = files[f"pkg_acme/{component}.py"]
    assert old in source
    for text, fails in ((source, False), (source.replace(old, new), True)):
        with make_plugin(files["pkg_acme/plugin.py"], **{component: text}):
            case = Case(registry.get(kind, f"acme/{component}"), sample=SAMPLE if kind == "reader" else None)
            [check] = [check for check in checks(case) if check.name == name]
            if fails:
                with pytest.raises(CheckError, match=f"{name}: "):
                    check(case)
            else:
                check(case)


@pytest.mark.parametrize("kind", FAULTS)
def test_every_check_has_a_fault(kind):
    files, component = package_files("pkg_acme", kind), FIRST[kind][0]
    with make_plugin(files["pkg_acme/plugin.py"], **{component: files[f"pkg_acme/{component}.py"]}):
        case = Case(registry.get(kind, f"acme/{component}"), sample=SAMPLE)
        asked = {check.name for check in checks(case)} - {"summary_is_the_first_line"}
    assert asked - {"signature_is_explicit", "arguments_are_documented"} == {fault[2] for fault in FAULTS[kind]}
