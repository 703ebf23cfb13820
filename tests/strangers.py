"""What the plugins of strangers are made of, good and bad, for flamo.testing.write_plugin."""

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
