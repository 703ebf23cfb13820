"""``flamo acme …``: commands of plugins."""

import pytest

from flamo.plugin import Component
from flamo.testing import heavy_imports, make_plugin, write_plugin
from flamo.testing.distributions import plugin_code

TOOLS = '''
from typing import Annotated

import typer

from flamo.errors import InputError

app = typer.Typer(help="Tools of acme.")


@app.command()
def measure(path: str, times: Annotated[int, typer.Option(help="How often.")] = 1):
    """Measure a room."""
    typer.echo(f"{path} {times}")


@app.command()
def stop():
    raise InputError("line 3: no such room; name another")


def hello_world(name: str = "you"):
    """Greet."""
    typer.echo(f"hello {name}")


def fit():
    """Ours has that name."""
    typer.echo("acme's fit")


NUMBER = 3
'''


def command(name, target, summary="Greet."):
    return Component(kind="command", name=name, target=f"pkg_acme.tools:{target}", summary=summary)


CODE = plugin_code(
    command("acme", "app", "Tools of acme."),
    command("hello_world", "hello_world"),
    command("fit", "fit", "Ours has that name."),
    command("number", "NUMBER", "Three."),
    command("ghost", "ghost", "Nobody."),
)


@pytest.fixture(autouse=True)
def tools():
    with make_plugin(CODE, tools=TOOLS) as folder:
        yield folder


def run(inside, *arguments):
    done = inside(*arguments, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (("acme", "measure", "hall.wav", "--times", "3"), "hall.wav 3\n"),
        (("hello-world", "--name", "Bob"), "hello Bob\n"),
        (("hello_world",), "hello you\n"),
        (("acme/hello-world",), "hello you\n"),
        (("acme/fit",), "acme's fit\n"),
    ],
)
def test_a_command_runs_as_it_is_typed(inside, typed, printed):
    assert run(inside, *typed) == (0, printed, "")


def test_ours_keep_their_names(inside):
    assert "TARGET" in run(inside, "fit", "--help")[1]


def test_help_lists_them_by_the_shortest_name_that_means_them(inside):
    text = run(inside, "--help")[1]
    for name, summary in (("acme", "Tools of acme."), ("hello-world", "Greet."), ("acme/fit", "Ours has that name.")):
        [line] = [line for line in text.splitlines() if summary in line]
        assert line.split()[1] == name
    assert "Measure a room." in run(inside, "acme", "--help")[1]
    assert "How often." in run(inside, "acme", "measure", "-h")[1]


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        (("acme", "stop"), 2, "flamo: error: line 3: no such room; name another"),
        (("acme", "measure"), 2, "flamo: error: Missing argument 'path'"),
        (("acme", "mesure"), 2, "Did you mean 'measure'?"),
        (("helo-world",), 2, "unknown command 'helo-world'; did you mean 'hello-world'?"),
        (("number",), 1, "command 'acme/number' of plugin 'acme' of acme 1.2 cannot be used: it must be a typer.Typer"),
        (("ghost",), 1, "command 'acme/ghost' of plugin 'acme' of acme 1.2 cannot be loaded"),
    ],
)
def test_what_cannot_be_run_is_one_line(inside, typed, code, words):
    returned, printed, said = run(inside, *typed)
    assert (returned, printed, said.count("\n")) == (code, "", 1)
    assert words in said


def test_a_plugin_that_is_out_of_use_is_named(inside, fresh_registry, monkeypatch):
    monkeypatch.setenv("FLAMO_DISABLE_PLUGINS", "acme")
    assert "Not in use: acme (disabled)" in run(inside, "hello-world")[2]


def test_two_of_one_name_have_to_be_told_apart(inside):
    other = plugin_code(Component(kind="command", name="hello_world", target="pkg_other.t:hi", summary="Greet, too."))
    with make_plugin(other, plugin="other", distribution="other", t="def hi():\n    print('hi')\n"):
        text = run(inside, "--help")[1]
        assert "acme/hello-world" in text
        assert "other/hello-world" in text
        assert "say command 'acme/hello_world' or command 'other/hello_world'" in run(inside, "hello-world")[2]
        assert run(inside, "other/hello-world")[1] == "hi\n"


def test_nothing_is_imported_for_help(tmp_path, run_python):
    folder = write_plugin(tmp_path, CODE, tools="raise RuntimeError('imported')\n")
    assert "hello-world" in run_python("-m", "flamo", "--help", PYTHONPATH=str(folder)).stdout
    assert heavy_imports("from flamo.cli import app, main; import sys; sys.argv = ['flamo', '--help']") == {}
