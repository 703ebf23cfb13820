"""Throw-away distributions: folders that ``importlib.metadata`` finds as if they had been installed."""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flamo import registry
from flamo.plugin import Component

ALLPASS = '''
"""A small processor."""

from __future__ import annotations

import torch

from flamo.core.constraints import Interval
from flamo.core.dsp import DSP


class Allpass(DSP):
    """First-order allpass."""

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        nfft: int = 2048,
        requires_grad: bool = False,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(size, nfft, Interval(-0.99, 0.99), requires_grad, alias_decay_db, device, dtype)
        self.initialize_class()

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        w, c = self.operands(w, param)
        return (c + w) / (1 + c * w)
'''
_FIRST = Component(kind="processor", name="allpass", target="pkg_acme.allpass:Allpass", summary="First-order allpass.")


def plugin_code(*components: Component) -> str:
    """The source of a plugin module that offers components.

    >>> print(plugin_code(_FIRST).splitlines()[-1].strip()[:46])
    yield Component(kind='processor', name='allpas
    """
    lines = "".join(f"    yield {component!r}\n" for component in components) or "    yield from ()\n"
    return f"from flamo.plugin import Component, hookimpl\n\n\n@hookimpl\ndef flamo_components():\n{lines}"


def write_plugin(
    parent: Path,
    code: str | None = None,
    plugin: str = "acme",
    distribution: str = "acme",
    version: str = "1.2",
    module: str | None = None,
    metadata: str | None = "complete",
    **modules: str,
) -> Path:
    """Write a distribution with a package ``pkg_<distribution>`` and one entry point.

    Args:
        parent: folder to write into.
        code: of the plugin module; None offers one processor ``allpass``.
        plugin: name of the entry point.
        distribution: name of the distribution.
        version: its version.
        module: what the entry point names; None is the plugin module.
        metadata: ``complete``, or the text of other METADATA fields; None writes none.
        modules: source of further modules in the package, by name.

    Returns:
        What belongs on ``sys.path`` or in ``PYTHONPATH``.
    """
    folder, identifier = parent / distribution, re.sub(r"\W", "_", distribution).lower()
    info, package = folder / f"{identifier}-{version}.dist-info", folder / f"pkg_{identifier}"
    info.mkdir(parents=True)
    package.mkdir()
    if code is None:
        code, modules = plugin_code(_FIRST).replace("pkg_acme", package.name), {"allpass": ALLPASS, **modules}
    if metadata is not None:
        fields = f"Name: {distribution}\nVersion: {version}\n" if metadata == "complete" else metadata
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{fields}", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[flamo]\n{plugin} = {module or f'{package.name}.plugin'}\n", "utf-8")
    for name, text in {"__init__": "", "plugin": code, **modules}.items():
        (package / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


@contextmanager
def make_plugin(
    code: str | None = None,
    plugin: str = "acme",
    distribution: str = "acme",
    version: str = "1.2",
    module: str | None = None,
    metadata: str | None = "complete",
    **modules: str,
) -> Iterator[Path]:
    """A plugin for as long as a ``with`` block lasts: written to a temporary folder and found by real discovery.

    Args: as :func:`write_plugin`.

    >>> with make_plugin():
    ...     registry.get("processor", "acme/allpass").__name__
    'Allpass'
    """
    before = set(sys.modules)
    with tempfile.TemporaryDirectory() as parent:
        folder = write_plugin(Path(parent), code, plugin, distribution, version, module, metadata, **modules)
        sys.path.insert(0, str(folder))
        _look_again()
        try:
            yield folder
        finally:
            sys.path.remove(str(folder))
            for name in set(sys.modules) - before:
                if name.partition(".")[0] in {path.name for path in folder.iterdir()}:
                    del sys.modules[name]
            _look_again()


def _look_again() -> None:
    importlib.invalidate_caches()
    registry.plugins.cache_clear()
