"""The house: who may import whom, and one name for one thing."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import flamo
from flamo import registry

ROOT = Path(__file__).parent.parent
PLUGINS = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir() and path.name.startswith("flamo_")}
FACADE = ("flamo.processor", "flamo.optimize", "flamo.functional", "flamo.auxiliary")


def module_name(path):
    parts = path.relative_to(ROOT / "plugins" if "plugins" in path.parts else ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imports(path):
    """The modules that a file imports anywhere in it, function bodies included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


SOURCES = {module_name(p): p for folder in ("flamo", "flamo_contrib", "plugins") for p in (ROOT / folder).rglob("*.py")}
IMPORTS = {name: set(imports(path)) for name, path in SOURCES.items()}


def offenders(importing, imported):
    """Pairs of modules where one that may not imports another."""
    return {
        (source, target)
        for source, targets in IMPORTS.items()
        for target in targets
        if re.match(rf"({importing})(\.|$)", source) and re.match(rf"({imported})(\.|$)", target)
    }


STRANGERS = "|".join(sorted(PLUGINS))
OUTER = "|".join(map(re.escape, FACADE))


@pytest.mark.parametrize(
    ("importing", "imported"),
    [
        (
            r"flamo\.(core|kernels|registry|discovery|plugin|cli|fit|targets|plot|run_folder|testing|scaffold)",
            STRANGERS,
        ),
        (STRANGERS, OUTER),
        (rf"{STRANGERS}|flamo\.(core|kernels|registry|discovery|plugin|cli|fit)", "flamo_contrib"),
        ("flamo_contrib", rf"{OUTER}|flamo\.(registry|discovery|cli|fit)"),
        (STRANGERS, r"flamo\.(registry|discovery|cli|fit)"),
        (r"flamo\.(core|kernels)", r"flamo\.(registry|discovery|cli|fit)"),
        (r"flamo\.(core|kernels|registry|discovery|plugin|cli|fit)", OUTER),
        (r"flamo\.kernels", r"flamo\.core"),
    ],
)
def test_no_arrow_points_the_wrong_way(importing, imported):
    assert offenders(importing, imported) == set()


def test_the_test_of_the_arrows_can_fail():
    assert ("flamo.processor.dsp", "flamo_gains.gain") in offenders("flamo.processor", STRANGERS)


def test_lazy_names_are_those_of_the_facade_and_of_the_stub():
    stub = set(re.findall(r"import (\w+) as \1", (ROOT / "flamo" / "__init__.pyi").read_text()))
    assert stub == set(flamo.__all__)
    for name in flamo.__all__:
        assert getattr(flamo, name) is not None
    for module in ("dsp", "system"):
        public = {n for n in vars(importlib.import_module(f"flamo.processor.{module}")) if not n.startswith("_")}
        assert public <= set(flamo.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Reverb'"):
        _ = flamo.Reverb


def test_classic_spellings():
    namespace = {}
    exec(
        "from flamo.processor import dsp, system\nfrom flamo import dsp as d2, system as s2\nimport flamo\n"
        "from flamo.processor.system import Shell\nimport flamo.optimize.loss\nfrom flamo import Biquad, Trainer\n"
        "from flamo.processor import Biquad as B2\nfrom flamo.optimize import mse_loss\n",
        namespace,
    )
    assert namespace["dsp"] is namespace["d2"] is flamo.dsp
    assert namespace["Biquad"] is namespace["B2"] is flamo.dsp.Biquad


def test_every_class_of_the_facade_that_is_a_component_is_the_one_of_the_registry():
    for offer in registry.offers("processor"):
        if offer.plugin.name == "contrib":
            continue
        assert getattr(flamo.dsp, registry.load(offer).__name__) is registry.load(offer)


def test_files_are_short():
    too_long = {name: n for name, p in SOURCES.items() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400}
    assert too_long == {}
