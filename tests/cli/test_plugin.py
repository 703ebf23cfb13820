"""``flamo new-plugin`` and ``flamo check-plugin``, and many plugins at once."""

import json
import time

import pytest

from flamo.cli.plugin import Kind
from flamo.plugin import Component
from flamo.scaffold import FIRST, package_files, write_package
from flamo.testing import write_plugin
from flamo.testing.distributions import plugin_code

INFO = {
    "METADATA": "Metadata-Version: 2.1\nName: acme\nVersion: 0.1.0\n",
    "entry_points.txt": "[flamo]\nacme = acme.plugin",
}


@pytest.fixture
def flamo(run_python):
    return lambda *arguments, **kwargs: run_python("-m", "flamo", *arguments, **kwargs)


def installed(folder):
    """What pip would write for the package in a folder."""
    info = folder / "acme-0.1.0.dist-info"
    info.mkdir()
    for name, text in INFO.items():
        (info / name).write_text(text)
    return str(folder)


def test_a_new_plugin_passes_its_tests_and_checks_at_once(flamo, run_python, tmp_path):
    """That it does so for every kind, installed with pip, is said in packaging/test_every_kind.py."""
    told = flamo("new-plugin", "acme").stdout
    assert "cd acme" in told
    path = installed(tmp_path / "acme")
    listed = flamo("list", "--plugin", "acme", "--json", PYTHONPATH=path)
    [row] = json.loads(listed.stdout)
    assert (row["kind"], row["qualified_name"], row["version"]) == ("processor", "acme/one_pole", "0.1.0")
    checked = flamo("check-plugin", "acme", PYTHONPATH=path)
    assert checked.stdout.endswith("checks, none failed\n")
    assert "skipped" not in checked.stdout
    tested = run_python(
        "-W", "error", "-m", "pytest", "-q", "acme", "--rootdir=acme", "-cacme/pyproject.toml", PYTHONPATH=path
    )
    assert " passed" in tested.stdout


def test_a_package_is_complete_and_its_init_is_a_docstring():
    assert [kind.value for kind in Kind] == [*FIRST]
    for kind in FIRST:
        files = package_files("acme", kind)
        assert set(files) >= {"pyproject.toml", "README.md", "acme/__init__.py", "acme/plugin.py"}
        assert any(name.startswith("tests/test_") for name in files)
        assert files["acme/__init__.py"].count('"""') == 2
        assert len(files["acme/__init__.py"].splitlines()) == 1
        assert not any("{{" in text for text in files.values())


def test_all_is_written_or_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flamo.scaffold.shutil.move", full)
    with pytest.raises(ValueError, match=r"acme: cannot be written: No space left"):
        write_package(tmp_path, "acme")
    assert list(tmp_path.iterdir()) == []


def checked(flamo, folder, *arguments, name="acme"):
    """The results of a failing check, by subject and check."""
    done = flamo("check-plugin", name, "--json", *arguments, check=False, PYTHONPATH=str(folder))
    assert done.returncode == 1, done.stderr
    return {(row["subject"], row["check"]): (row["status"], row["message"]) for row in json.loads(done.stdout)}


def test_torch_at_discovery_is_found_with_the_module_that_imports_it(flamo, tmp_path):
    code = "from pkg_acme import helper\n" + plugin_code()
    results = checked(flamo, write_plugin(tmp_path, code, helper="import torch"))
    status, message = results["plugin acme", "is_light"]
    assert status == "failed"
    assert "torch (by pkg_acme.helper)" in message


BAD = '''
from torch import nn


class Bad(nn.Module):
    """Another summary."""

    def __init__(self, gain=1.0, **kwargs):
        super().__init__()

    def forward(self, prediction, target):
        print("hello")
        return (prediction - target).abs().mean()


class Needy(Bad):
    """Needy."""

    def __init__(self, taps):
        super().__init__()
'''


def test_what_only_an_author_can_mend_is_found(flamo, tmp_path):
    offers = [
        Component(kind="loss", name=name, target=target if ":pi" in target else f"pkg_acme_x.{target}", summary="Bad.")
        for name, target in (
            ("bad", "bad:Bad"),
            ("ghost", "ghost:Ghost"),
            ("needy", "bad:Needy"),
            ("number", "math:pi"),
        )
    ]
    results = checked(
        flamo, write_plugin(tmp_path, plugin_code(*offers), distribution="acme-x", bad=BAD), name="acme-x"
    )
    for check, message in {
        "signature_is_explicit": "its constructor takes **kwargs",
        "arguments_are_documented": "its docstring says nothing of gain",
        "prints_nothing": "it prints 'hello",
        "summary_is_the_first_line": "the docstring begins with 'Another summary.', the summary is 'Bad.'",
    }.items():
        status, said = results["loss acme/bad", check]
        assert status == "failed"
        assert message in said
    assert results["loss acme/bad", "is_one_number"] == ("ok", "")
    assert "No module named 'pkg_acme_x.ghost'" in results["loss acme/ghost", "loads"][1]
    needs = "its constructor needs taps: test it with Case(partial(Needy, taps=…))"
    assert results["loss acme/number", "loads"][1] == "math:pi is no class; name one in plugin.py"
    assert results["loss acme/needy", "all_others"] == ("skipped", needs)


def test_a_broken_plugin_fails_with_its_reason(flamo, tmp_path):
    results = checked(flamo, write_plugin(tmp_path, "raise RuntimeError('no such codec')"))
    assert results == {("plugin acme", "is_found"): ("failed", "RuntimeError: no such codec")}


def test_fifty_plugins_are_listed_quickly_and_a_slow_one_is_named(flamo, tmp_path):
    folders = [str(write_plugin(tmp_path / "many", plugin=f"acme{n}", distribution=f"acme-{n}")) for n in range(50)]

    def listed():
        start = time.perf_counter()
        done = flamo("list", PYTHONPATH=":".join(folders))
        return time.perf_counter() - start, done

    listed()  # compiles them
    seconds, done = min((listed() for _ in range(3)), key=lambda pair: pair[0])
    assert done.stdout.count(" allpass ") == 50
    assert done.stderr == ""
    assert seconds < 3.0  # 0.6 s where nothing else runs
    folders.append(str(write_plugin(tmp_path, "import time; time.sleep(0.7)\n" + plugin_code(), "lazy", "acme-lazy")))
    _, done = listed()
    assert "flamo: warning: plugin 'lazy' of acme-lazy 1.2 took 0." in done.stderr
    assert done.stderr.count("\n") == 1
    [row] = [row for row in flamo("plugins", PYTHONPATH=folders[-1]).stdout.splitlines() if row.startswith("lazy")]
    assert row.split()[:5] == ["lazy", "acme-lazy", "1.2", "ok", "0"]
    assert int(row.split()[5]) >= 700
    assert row.split()[6] == "ms"
