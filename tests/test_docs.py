"""What a plugin author reads is what is: hooks, kinds, protocols, commands and environment variables."""

import inspect
import re
from functools import partial
from pathlib import Path

import pytest
from typer.main import get_group

from flamo import protocols, registry
from flamo.cli import app
from flamo.discovery import discover
from flamo.plugin import API, KINDS, Component, Hooks
from flamo.testing import Case, checks, make_plugin

ROOT = Path(__file__).parent.parent
DOCS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}


def sections(page):
    """The text below each heading of the second level."""
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOCS[page], re.MULTILINE | re.DOTALL))


def signature(function):
    """Names and defaults: ``name(first, second=1)``."""
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    shown = [str(p) for p in parameters if p.name not in ("self", "args", "kwargs")]
    return f"{function.__name__}({', '.join(shown)})"


# -- hooks and kinds -----------------------------------------------------------------------------------------------


def test_every_hook_is_documented_as_it_is():
    hooks = [hook for name, hook in vars(Hooks).items() if not name.startswith("_")]
    assert hooks
    for hook in hooks:
        returned = str(inspect.signature(hook).return_annotation)
        assert f"`{signature(hook)} -> {returned}`" in DOCS["plugins"]


def test_what_a_component_is_made_of_is_documented():
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(Component).parameters.values()]
    assert f"`Component(*, {', '.join(map(str, parameters))})`" in DOCS["plugins"]
    assert f"`FLAMO_API = {API}`" in DOCS["plugins"]


def test_every_kind_has_its_section():
    assert list(sections("kinds")) == [*KINDS]


PROTOCOLS = {kind: [getattr(protocols, kind.title())] for kind in KINDS}
PROTOCOLS["trainer"].append(protocols.Stepper)


@pytest.mark.parametrize("kind", KINDS)
def test_every_protocol_is_documented_as_it_is(kind):
    text = sections("kinds")[kind]
    for protocol in PROTOCOLS[kind]:
        for name, member in vars(protocol).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                assert f"`{signature(member)}`" in text
        for name in vars(protocol).get("__annotations__", {}):
            assert f"`{name}`" in text


def test_no_protocol_is_left_out():
    written = {name for name, value in vars(protocols).items() if getattr(value, "_is_protocol", False)}
    assert written - {"Protocol"} == {p.__name__ for listed in PROTOCOLS.values() for p in listed}


# -- examples ------------------------------------------------------------------------------------------------------

BLOCKS = dict(re.findall(r"```python\n# acme/(\w+)\.py\n(.*?)```", DOCS["kinds"], re.DOTALL))
MODULES = {name: code.replace("acme.", "pkg_acme.") for name, code in BLOCKS.items()}
SAMPLE = b"100=3 1000=-1.5\n10000=2\n"


@pytest.fixture(scope="module")
def acme():
    code = MODULES["plugin"]
    with make_plugin(code, **{name: text for name, text in MODULES.items() if name != "plugin"}):
        yield {o.component.kind: registry.load(o) for o in registry.offers() if o.plugin.name == "acme"}


def test_the_page_has_a_complete_example_of_every_kind(acme):
    assert [*acme] == [*KINDS]


def _mixed(container, processor):
    return container(processor(nfft=64))


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_passes_its_checks(kind, acme):
    target = acme[kind]
    if kind == "container":
        target = partial(_mixed, target, acme["processor"])
    asked = list(checks(Case(target, kind=kind, sample=SAMPLE if kind == "reader" else None)))
    assert len(asked) > 3
    for check in asked:
        check(Case(target, kind=kind, sample=SAMPLE if kind == "reader" else None))


def test_the_examples_work_together(acme, inside, tmp_path):
    (tmp_path / "wanted.pairs").write_bytes(SAMPLE)
    inside("fit", "wanted.pairs", "--recipe", "acme/tilt", "-o", "tilt", "--set", "exports=[acme/taps]")
    assert len((tmp_path / "tilt/exports/tilt.taps").read_text().splitlines()) == 512
    config = """
        flamo: 1
        nfft: 256
        system: {acme/mix: {part: {acme/allpass: {learn: true}}}}
        output: {acme/compressed: {power: 0.5}}
        target: flat
        losses: [mse, {acme/log_energy: {weight: 0.1}}]
        optimizer: {acme/descent: {lr: 0.01}}
        stop: {steps: 5}"""
    (tmp_path / "mix.yaml").write_text(inspect.cleandoc(config))
    assert "loss:" in inside("fit", "mix.yaml", "-o", "mix").stdout
    (tmp_path / "other.pairs").write_bytes(b"100=3 1000=-2.5\n")
    assert inside("acme", "wanted.pairs", "other.pairs").stdout == "1.00 dB at 1000 Hz\n"


# -- commands and environment --------------------------------------------------------------------------------------


def commands():
    """Every command of ours with its arguments and its options."""
    for name, command in get_group(app).commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        yield name, arguments, {o for p in command.params if p not in arguments for o in p.opts} - {"-v", "--verbose"}


def test_every_command_and_every_option_is_documented():
    documented = {}
    for heading, text in sections("command-line").items():
        name = heading.removeprefix("flamo ").split()[0]
        first_cells = "".join(re.findall(r"^\|(.*?) \|", text, re.MULTILINE))
        documented[name] = set(re.findall(r"(?<=`)--?[a-z][a-z-]*", first_cells))
    assert documented == {name: options for name, _, options in commands()}


def test_every_command_is_documented_with_its_arguments():
    for name, arguments, _ in commands():
        shown = [p.metavar or (p.name.upper() if p.required else f"[{p.name.upper()}]") for p in arguments]
        assert " ".join(["flamo", name, *shown]) in sections("command-line")


def test_every_environment_variable_is_documented():
    sources = [
        path.read_text(encoding="utf-8")
        for f in ("flamo", "flamo_contrib", "plugins")
        for path in (ROOT / f).rglob("*.py")
    ]
    read = {name for text in sources for name in re.findall(r"environ(?:\.get\(|\[)[\"'](\w+)", text)}
    assert {"FLAMO_STRICT", "FLAMO_DISABLE_PLUGINS"} <= read
    for name in read:
        assert re.search(rf"^\| `{name}=", DOCS["plugins"], re.MULTILINE) or f"`{name}`" in DOCS["performance"], name


def test_a_plugin_of_the_page_on_discovery_is_one():
    [code] = re.findall(r"```python\n(.*?)```", DOCS["plugins"], re.DOTALL)
    with make_plugin(code, plugin="page", distribution="page"):
        [plugin] = [plugin for plugin in discover() if plugin.name == "page"]
    assert (plugin.status, [c.name for c in plugin.components]) == ("ok", ["allpass"])
