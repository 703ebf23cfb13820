"""A package from a stranger, installed and uninstalled with pip."""

import json
import subprocess

import pytest
from strangers import ALLPASS, hook

from flamo.testing import write_plugin

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-filters"
version = "4.5.6"

[project.entry-points.flamo]
acme = "pkg_acme_filters.plugin"
"""


@pytest.mark.slow
def test_it_comes_with_pip_install_and_goes_with_pip_uninstall(python, tmp_path):
    def run(*arguments):
        return subprocess.run([python, *arguments], check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    def strangers():
        offers = json.loads(run("-m", "flamo", "list", "processor", "--json"))
        return [(o["qualified_name"], o["distribution"], o["version"]) for o in offers if o["distribution"] != "flamo"]

    target = "pkg_acme_filters.allpass:Allpass"
    source = write_plugin(tmp_path, hook(target=target), distribution="acme-filters", allpass=ALLPASS)
    (source / "pyproject.toml").write_text(
        PYPROJECT + '[tool.hatch.build.targets.wheel]\npackages = ["pkg_acme_filters"]\n'
    )
    assert strangers() == []
    run("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", str(source))
    assert strangers() == [("acme/allpass", "acme-filters", "4.5.6")]
    assert run("-c", "import flamo; print(flamo.get('processor', 'acme/allpass').__name__)") == "Allpass\n"
    run("-m", "pip", "uninstall", "-q", "-y", "acme-filters")
    assert strangers() == []
