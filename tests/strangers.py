"""Distributions of strangers: folders that importlib.metadata finds on the path."""

import textwrap

HOOK = """
    from flamo.plugin import Component, hookimpl

    @hookimpl
    def flamo_components():
        yield Component(kind="processor", name={name!r}, target={target!r}, summary="An allpass.")"""

ALLPASS = """
    from flamo import dsp

    class Allpass(dsp.DSP):
        '''An allpass.'''

        def __init__(self, size=(1, 1)):
            super().__init__(size)
            self.initialize_class()

        def transfer(self, w, param=None):
            w, c = self.operands(w, param)
            return (c + w) / (1 + c * w)
"""


def hook(name="allpass", target="pkg_acme.allpass:Allpass"):
    """The code of a plugin that offers one processor."""
    return HOOK.format(name=name, target=target)


def write_distribution(
    parent, code, plugin="acme", distribution="acme", version="1.2", module=None, metadata="complete", **modules
):
    """A distribution with a package ``pkg_<distribution>`` and one entry point; returns what to put on the path."""
    folder, identifier = parent / distribution, distribution.replace("-", "_").lower()
    info, package = folder / f"{identifier}-{version}.dist-info", folder / f"pkg_{identifier}"
    info.mkdir(parents=True)
    package.mkdir()
    if metadata is not None:
        fields = f"Name: {distribution}\nVersion: {version}\n" if metadata == "complete" else metadata
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{fields}")
    (info / "entry_points.txt").write_text(f"[flamo]\n{plugin} = {module or f'{package.name}.plugin'}\n")
    for name, text in {"__init__": "", "plugin": code, **modules}.items():
        (package / f"{name}.py").write_text(textwrap.dedent(text))
    return folder
