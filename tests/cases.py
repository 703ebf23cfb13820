"""Every processor in the registry, in each of its variants: a newcomer's is there as soon as it is listed."""

import pytest
import torch

from flamo import registry

NFFT = 256
OURS = [offer for offer in registry.offers("processor") if offer.plugin.ours]
CLASSES = {offer.component.name: registry.load(offer) for offer in OURS}


def size_of(name, kwargs, small=False):
    """A size that the processor takes."""
    cls = CLASSES[name]
    if name == "householder_matrix" or kwargs.get("matrix_type", "random") != "random":
        return (2, 2) if small else (4, 4)
    channels = ((1,) if small else (2,)) if cls.diagonal else ((1, 1) if small else (2, 3))
    return (3 if small else 9, *channels) if name in ("filter", "parallel_filter") else channels


def build(name, dtype=torch.float64, **kwargs):
    p = CLASSES[name](size_of(name, kwargs), **{"nfft": NFFT, "dtype": dtype, **kwargs})
    p.param.data = p.param.data.float().to(dtype)  # values that float32 has too
    return p


BOTH = (False, True)


def cases():
    """Every processor, and each of its variants."""
    for name in CLASSES:
        kind = name.removeprefix("parallel_")
        if kind == "biquad":
            yield from ((name, {"filter_type": t, "n_sections": 3}) for t in ("lowpass", "highpass", "bandpass"))
        elif kind == "svf":
            types = (None, "lowpass", "highpass", "bandpass", "lowshelf", "highshelf", "peaking", "notch")
            yield from ((name, {"filter_type": t, "n_sections": 2}) for t in types)
        elif kind == "sos_filter":
            yield from ((name, {"n_sections": 3, "normalize_a0": n}) for n in (True, False))
        elif kind == "peq":
            yield from ((name, {"design": d, "n_bands": n}) for d in ("biquad", "svf") for n in (2, 5))
        elif kind == "parametric_eq":
            yield from ((name, {"n_bands": n}) for n in (1, 2, 6))
        elif kind in ("geq", "accurate_geq"):
            yield from ((name, {"octave_interval": n, "fs": 48000}) for n in (1, 3))
        elif kind in ("delay", "gain_delay"):
            yield from ((name, {"isint": i, "requires_grad": r, "max_len": 600}) for i in BOTH for r in BOTH)
        elif kind == "velvet_noise":
            yield from ((name, {"duration": 0.004, "rt60": t}) for t in (None, 0.01))
        elif kind == "matrix":
            yield from ((name, {"matrix_type": t}) for t in ("random", "orthogonal", "hadamard", "rotation"))
        else:
            yield name, {}


CASES = [pytest.param(name, kwargs, id="-".join(map(str, (name, *kwargs.values())))) for name, kwargs in cases()]
LEARNED = [case for case in CASES if case.values[1].get("matrix_type") != "hadamard"]


def draw(p):
    """Parameters away from initial ones that say little."""
    if type(p).__name__ == "ParametricEQ":
        p.assign_value(0.5 * torch.randn_like(p.param))
    if "SOSFilter" in type(p).__name__:
        a0 = 1.0 + torch.rand_like(p.param[:, :1])
        a0 = a0 if p.normalize_a0 else torch.ones_like(a0)
        p.param.data = torch.cat((torch.randn_like(p.param[:, :3]), a0, 0.4 * torch.rand_like(p.param[:, 4:])), 1)
    p.param.data = p.param.data.float().to(p.param.dtype)  # values that float32 has too
    return p
