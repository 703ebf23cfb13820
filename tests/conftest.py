import os
import subprocess
import sys

import pytest
import torch
from hypothesis import settings
from plugin_of_acme import HOOK, PARTS

from flamo import registry
from flamo.testing import make_plugin

settings.register_profile("thorough", max_examples=5000)  # pytest --hypothesis-profile=thorough


@pytest.fixture(autouse=True)
def _same_random_numbers():
    torch.manual_seed(0)


@pytest.fixture
def fresh_registry():
    """A registry that looks for plugins anew, before and after the test."""
    registry.plugins.cache_clear()
    yield registry
    registry.plugins.cache_clear()


@pytest.fixture
def run_python(tmp_path):
    """Run a fresh interpreter in an empty folder; returns the completed process."""

    def run(*arguments, check=True, **environment):
        command = [sys.executable, *arguments]
        env = {**os.environ, **environment}
        if "PYTHONPATH" in environment:  # before what this process was given
            env["PYTHONPATH"] = os.pathsep.join([environment["PYTHONPATH"], os.environ.get("PYTHONPATH", "")])
        return subprocess.run(command, check=check, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture
def acme():
    """The parts of a stranger's plugin, installed."""
    with make_plugin(HOOK, parts=PARTS):
        registry.get("processor", "acme/allpass")
        yield sys.modules["pkg_acme.parts"]
