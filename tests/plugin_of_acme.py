"""What a stranger's plugin may offer: written as that stranger would."""

HOOK = """
    from flamo.plugin import Component, hookimpl

    @hookimpl
    def flamo_components():
        def offer(kind, name, target):
            return Component(kind=kind, name=name, target=f"pkg_acme.parts:{target}", summary=f"{target}.")

        yield offer("processor", "allpass", "Allpass")
        yield offer("processor", "absorption", "Absorption")
        yield offer("transform", "scaled", "Scaled")
        yield offer("container", "split", "Split")
        yield offer("container", "reverb", "Reverb")
        yield offer("container", "gain", "Impostor")
        yield offer("processor", "series", "Allpass")
"""

PARTS = """
    from __future__ import annotations

    from typing import Optional

    import torch
    from torch import nn

    from flamo import dsp, system

    class Allpass(dsp.DSP):
        '''Allpass.'''

        def __init__(self, size=(1, 1), **kwargs):
            super().__init__(size, **kwargs)
            self.initialize_class()

        def transfer(self, w, param=None):
            w, c = self.operands(w, param)
            return (c + w) / (1 + c * w)

    class Absorption(dsp.DSP):
        '''Absorption.'''

        diagonal = True

        def __init__(self, delays: torch.Tensor, shape="flat", nfft: int = 64, config: Unknown = None):
            self.delays, self.shape = delays, shape
            super().__init__((len(delays),), nfft=nfft)
            self.map = lambda param: torch.sigmoid(param)
            self.initialize_class()

        def transfer(self, w, param=None):
            w, c = self.operands(w, param)
            return c ** (self.delays / 100) + torch.zeros_like(w)

    class Scaled(nn.Module):
        '''Scaled.'''

        def __init__(self, factor: float, device=None):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            return self.factor * x

    class Split(nn.Module):
        '''Split.'''

        def __init__(self, branches: list[nn.Module], named: dict[str, nn.Module], last: Optional[nn.Module] = None):
            super().__init__()
            self.branches, self.named, self.last = nn.ModuleList(branches), nn.ModuleDict(named), last

        def forward(self, x, ext_param=None):
            y = sum(branch(x) for branch in (*self.branches, *self.named.values()))
            return y if self.last is None else self.last(y)

    class Reverb(system.Series):
        '''Reverb.'''

        def __init__(self, delays: list[int], nfft: int = 64):
            n = len(delays)
            line = dsp.parallelDelay.from_physical(samples=delays, isint=True, nfft=nfft)
            loop = system.Recursion(line, dsp.Matrix((n, n), matrix_type="orthogonal", nfft=nfft))
            super().__init__(dsp.Gain((n, 1), nfft=nfft), loop)

    class Impostor(nn.Identity):
        '''Impostor.'''
"""
