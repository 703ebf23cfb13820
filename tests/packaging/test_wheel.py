"""What is built is what is here: an editable install would hide a folder that is missing from the wheel."""

import json
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = [Path(p) for p in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
ENTRY_POINTS = PROJECT["project"]["entry-points"]["flamo"]
DEPENDENCIES = sysconfig.get_path("purelib")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    name = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()[-1]
    zipfile.ZipFile(folder / name).extractall(folder / "unpacked")
    return folder / "unpacked"


def run(wheel, code):
    """Run code with nothing on the path but the unpacked wheel and the dependencies."""
    setup = (
        "import sys; sys.path = [p for p in sys.path if p and 'site-packages' not in p]; "
        f"sys.path[:0] = [{str(wheel)!r}, {DEPENDENCIES!r}]\n"
    )
    return subprocess.run(
        [sys.executable, "-S", "-c", setup + code], cwd=wheel, check=True, capture_output=True, text=True
    ).stdout


def test_folders_packages_and_entry_points_agree():
    folders = {p for p in (*(ROOT / "plugins").iterdir(), ROOT / "flamo_contrib") if (p / "plugin.py").exists()}
    assert {ROOT / p for p in PACKAGES} == {ROOT / "flamo", *folders}
    modules = {"flamo.core.plugin", *(f"{f.name}.plugin" for f in folders)}
    assert set(ENTRY_POINTS.values()) == modules
    for name, module in ENTRY_POINTS.items():
        assert module in (f"flamo_{name}.plugin", f"flamo.{name}.plugin")


def test_the_wheel_holds_every_file(wheel):
    for package in PACKAGES:
        here = {
            p.relative_to(ROOT / package)
            for p in (ROOT / package).rglob("*")
            if p.suffix in (".py", ".pyi", ".csv", ".md", ".html", ".jinja")
        }
        there = {p.relative_to(wheel / package.name) for p in (wheel / package.name).rglob("*")}
        assert here <= there


def test_the_wheel_alone_lists_and_loads_everything(wheel):
    code = """
import json, flamo
from flamo import registry
found = [[o.qualified_name, sys.modules[registry.load(o).__module__].__file__] for o in registry.offers()]
print(json.dumps([flamo.__file__, flamo.__version__, *found]))
"""
    origin, built, *components = json.loads(run(wheel, code))
    assert origin.startswith(str(wheel))
    assert built == PROJECT["project"]["version"] == version("flamo")
    assert all(file.startswith(str(wheel)) for name, file in components if name != "core/identity")  # that is torch's
    assert {name for name, _ in components} >= {"filters/biquad", "core/shell", "losses/mse", "trainers/trainer"}


def test_the_wheel_alone_fits_its_example(wheel, tmp_path):
    code = f"""
from flamo.cli import main
sys.argv = ["flamo", "fit", "headphone", "--steps", "2", "-o", {str(tmp_path / "run")!r}]
main()
"""
    assert run(wheel, code).splitlines()[10].split()[:2] == ["10", "highshelf"]
    assert "Figures" in (tmp_path / "run" / "report.html").read_text()


def test_pinned_versions_cover_every_dependency():
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    wanted = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["test"]
    assert {name.split(">=")[0].lower() for name in wanted} <= pinned
