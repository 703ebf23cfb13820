"""What a run will cost in memory, and how much of a response does not fit into nfft samples."""

from __future__ import annotations

import math
from copy import deepcopy

import torch

from flamo.core.shell import Shell
from flamo.experiment import Experiment


def parameter_counts(experiment: Experiment) -> tuple[int, int]:
    """Numbers that are learned, and numbers in all."""
    sizes = [(p.numel(), p.requires_grad) for p in experiment.model.parameters()]
    return sum(n for n, learned in sizes if learned), sum(n for n, _ in sizes)


def step_bytes(experiment: Experiment) -> int:
    """Bytes that one step keeps for its derivatives: every tensor saved on the way forward, each storage once."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        total = torch.stack(list(experiment().values())).sum()
    del total
    return sum(kept.values())


@torch.no_grad()
def aliasing_db(system: Shell) -> float:
    r"""Energy of what wraps around in time, relative to what does not, in dB; -inf where nothing does.

    The response over 2 nfft samples tells what lies beyond nfft; time anti-aliasing weakens it by ``alias_decay_db``.
    """
    decay_db = abs(float(system.alias_decay_db or 0.0))
    longer = deepcopy(system)
    nfft = int(system.nfft or 0)
    longer.set_nfft(2 * nfft)
    longer.set_alias_decay_db(2 * decay_db)
    spectrum = longer.get_core()(_ones(longer))
    decayed = torch.fft.irfft(spectrum.to(torch.complex128), n=2 * nfft, dim=1)
    inside, beyond = (part.square().sum().item() for part in decayed.split(nfft, dim=1))
    return 10 * math.log10(beyond / inside) if beyond > 0 and inside > 0 else -math.inf


def _ones(system: Shell) -> torch.Tensor:
    dtype = (system.dtype or torch.get_default_dtype()).to_complex()
    return torch.ones(1, system.grid.bins, int(system.input_channels or 0), dtype=dtype)
