import os
import subprocess
import sys
import warnings

import pytest
import torch
from hypothesis import settings
from plugin_of_acme import HOOK, PARTS

from flamo import registry
from flamo.cli import main
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


@pytest.fixture
def inside(monkeypatch, tmp_path, capsys):
    """The command line in this process, which has everything imported already: arguments → as ``run_python``."""

    def run(*arguments, check=True):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["flamo", *map(str, arguments)])
        capsys.readouterr()
        with warnings.catch_warnings(action="default"), pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        done = subprocess.CompletedProcess(arguments, ended.value.code, told.out, told.err)
        if check:
            done.check_returncode()
        return done

    return run
