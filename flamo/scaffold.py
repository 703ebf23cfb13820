"""New plugin packages, from templates."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import sys
import tempfile
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from flamo import registry
from flamo.errors import InputError
from flamo.files import PREFIX

FIRST = {
    "processor": ("one_pole", "OnePole", "One-pole lowpass for each channel."),
    "loss": ("level_error", "LevelError", "Mean absolute error of the magnitude in dB."),
    "trainer": ("sign_descent", "SignDescent", "Descent by the sign of the gradient."),
    "reader": ("lines", "Lines", "Curve of lines 'frequency: gain'."),
    "exporter": ("table", "Table", "Table of frequency, magnitude in dB and phase in degrees."),
    "recipe": ("tone", "Tone", "Tone control: a low shelf and a high shelf."),
    "command": ("levels", "levels", "Print the level of curves at a frequency."),
}
"""By kind, what the first component of a package is: its name, class and summary."""


def write_package(parent: Path, name: str, kind: str = "processor") -> Path:
    """Write a plugin package into a new folder, completely or not at all.

    Args:
        parent: where the folder goes.
        name: of the plugin, its import package and its folder; its distribution has - for _.
        kind: of its first component, one of ``FIRST``.

    Raises:
        InputError: a name that a package or plugin cannot have, an existing folder, or one that cannot be written.
    """
    _check_name(name)
    folder = parent / name
    if folder.exists():
        raise InputError(f"{name}: exists already; choose another name, or another folder to work in")
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as temporary:
            staged = Path(temporary) / name
            for path, text in package_files(name, kind).items():
                (staged / path).parent.mkdir(parents=True, exist_ok=True)
                (staged / path).write_text(text, encoding="utf-8")
            shutil.move(staged, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return folder


def package_files(name: str, kind: str) -> dict[str, str]:
    """The files of a package by their paths."""
    component, cls, summary = FIRST[kind]
    templates = Environment(loader=PackageLoader("flamo", "templates/plugin"), undefined=StrictUndefined)
    templates.keep_trailing_newline = True
    values = {
        "name": name,
        "distribution": name.replace("_", "-"),
        "kind": kind,
        "component": component,
        "cls": cls,
        "summary": summary,
    }
    files = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{name}/__init__.py": "__init__.py",
        f"{name}/plugin.py": "plugin.py",
        f"{name}/{component}.py": f"{kind}.py",
        f"tests/test_{component}.py": f"test_{kind}.py",
    }
    return {path: templates.get_template(f"{source}.jinja").render(values) for path, source in files.items()}


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) or keyword.iskeyword(name):
        raise InputError(
            f"{name[:80]!r} cannot be the name of a package: lower case letters, digits and _, a letter first"
        )
    if name in {plugin.name for plugin in registry.plugins()}:
        raise InputError(f"{name!r} is the name of an installed plugin; 'flamo plugins' shows them all")
    if name in sys.stdlib_module_names or name in ("tests", "flamo") or _importable(name):
        raise InputError(f"{name!r} is the name of an installed package; choose one that is free")


def _importable(name: str) -> bool:
    """Whether a module of that name is found already; one that is being written in this folder is not meant."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None
