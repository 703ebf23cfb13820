"""What holds for every processor, found through the registry: a newcomer's is tested as soon as it is listed."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from scipy import signal
from truth import EQ, digital, impulse_response, on_grid, peak_error

from flamo import registry

NFFT = 256
OURS = [offer for offer in registry.offers("processor") if offer.plugin.ours]
CLASSES = {offer.component.name: registry.load(offer) for offer in OURS}


def channels(cls, wide=True):
    return (2,) if cls.diagonal else ((2, 3) if wide else (1, 1))


def build(name, dtype=torch.float64, **kwargs):
    cls = CLASSES[name]
    taps = (9,) if name.endswith("filter") else ()
    return cls((*taps, *channels(cls)), nfft=NFFT, dtype=dtype, **kwargs)


def cases():
    """Every processor, and each of its variants."""
    for name in CLASSES:
        if name.endswith("biquad"):
            yield from ((name, {"filter_type": t, "n_sections": 3}) for t in ("lowpass", "highpass", "bandpass"))
        elif name.endswith("peq"):
            yield from ((name, {"design": d, "n_bands": n}) for d in ("biquad", "svf") for n in (2, 5))
        elif name == "parametric_eq":
            yield from ((name, {"n_bands": n}) for n in (1, 2, 6))
        else:
            yield name, {}


CASES = [pytest.param(name, kwargs, id="-".join(map(str, (name, *kwargs.values())))) for name, kwargs in cases()]

# The impulse response of one channel pair, from its raw parameters, by scipy: no code of ours.


def by_butterworth(p, raw):
    """RBJ lowpass and highpass sections with α = sin ω/√2 are second-order Butterworth sections."""
    if p.filter_type == "bandpass":
        return by_iirpeak(p, raw)
    sections = [signal.butter(2, fraction, p.filter_type, output="sos")[0] for fraction, _ in raw]
    return np.prod([abs(gain) for _, gain in raw]) * impulse_response(np.array(sections))


def by_iirpeak(p, raw):
    sections, total = [], 1.0
    for low, high, gain in raw:
        center, octaves = np.pi * (low + high) / 2, np.log2(high / low)
        bandwidth = 2 * np.arctan(np.sin(center) * np.sinh(np.log(2) / 2 * octaves * center / np.sin(center)))
        sections.append(np.concatenate(signal.iirpeak(center / np.pi, center / bandwidth)))
        total *= abs(gain)
    return total * impulse_response(np.array(sections))


def by_prototypes_of_the_classic_peq(p, raw):
    bias = np.geomspace(p.f_min, p.f_max, p.n_bands)
    types = ["lowshelf", *["peaking"] * (p.n_bands - 2), "highshelf"]
    make = classic_svf if p.design == "svf" else classic_rbj
    return impulse_response(np.array([make(p, *band) for band in zip(types, bias, raw, strict=True)]))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def classic_rbj(p, kind, bias, raw):
    shift, r, gain_db = raw
    omega = min(sigmoid(shift) + 2 * np.pi * bias / p.fs, 2 * np.pi * p.f_max / p.fs)
    a = 10 ** (gain_db / 40)
    slope = r if kind == "peaking" else 1 / np.sqrt((a + 1 / a) * (1 / r - 1) + 2)  # the shelf slope S as Q
    return EQ[kind](omega, gain_db, slope)


def classic_svf(p, kind, bias, raw):
    shift, r, gain_db = raw
    fraction = 2 * bias / p.fs
    omega = np.pi * sigmoid(shift + np.log(fraction / (1 - fraction)))
    g = 10 ** (gain_db / 20)
    low, high = {"peaking": (1, 1), "lowshelf": (g, 1), "highshelf": (1, g)}[kind]
    return digital([high, 2 * r * np.sqrt(g), low], [1, 2 * r, 1], omega)


def by_prototypes(p, raw):
    types = ["peaking"] if p.n_bands == 1 else ["lowshelf", *["peaking"] * (p.n_bands - 2), "highshelf"]
    sections = []
    for kind, (f, q, g) in zip(types, sigmoid(raw), strict=True):
        frequency, quality = p.f_min * (p.f_max / p.f_min) ** f, p.q_min * (p.q_max / p.q_min) ** q
        sections.append(EQ[kind](2 * np.pi * frequency / p.fs, p.gain_max * (2 * g - 1), quality))
    return impulse_response(np.array(sections))


TRUTH = {
    "gain": lambda p, raw: np.array([raw]),
    "filter": lambda p, raw: raw,
    "biquad": by_butterworth,
    "peq": by_prototypes_of_the_classic_peq,
    "parametric_eq": by_prototypes,
}


def expected_responses(name, p, grid):
    """(F, N_out, N_in), or (F, N), channel by channel."""
    truth, raw = TRUTH[name.removeprefix("parallel_")], p.param.detach().numpy()
    shape = p.size[len(p.axes) :]
    response = np.empty((grid.bins, *shape), dtype=complex)
    for index in np.ndindex(shape):
        h = truth(p, raw[(..., *index)])
        response[(slice(None), *index)] = on_grid(h, grid.nfft, grid.gamma)
    return response


def draw(p):
    """Parameters away from the initial ones, with impulse responses that end within the length of the truth."""
    if type(p).__name__ == "ParametricEQ":
        p.assign_value(0.5 * torch.randn_like(p.param))
    return p


@pytest.mark.parametrize("alias_decay_db", [0.0, 30.0])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_the_response_is_the_fft_of_an_impulse_response_made_another_way(name, kwargs, alias_decay_db):
    p = draw(build(name, alias_decay_db=alias_decay_db, **kwargs))
    assert peak_error(p.freq_response(p.param), expected_responses(name, p, p.grid)) < 1e-9


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_float32_is_nearly_as_exact(name, kwargs):
    p = draw(build(name, **kwargs))
    exact = p.freq_response(p.param)
    single = copy.deepcopy(p).float()
    assert single.freq_response(single.param).dtype == torch.complex64
    assert peak_error(single.freq_response(single.param), exact) < 1e-5


@pytest.mark.parametrize("alias_decay_db", [0.0, 30.0])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_transfer_on_the_grid_is_the_response(name, kwargs, alias_decay_db):
    p = draw(build(name, alias_decay_db=alias_decay_db, **kwargs))
    assert peak_error(p.transfer(p.grid.points()), p.freq_response(p.param).detach()) < 1e-12
    z = torch.exp(2j * torch.pi * torch.tensor(7 / NFFT, dtype=torch.float64))
    assert peak_error(p.probe(z), p.response().full().expand(1, 129, -1, -1)[0, 7].detach()) < 1e-12


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_gradcheck(name, kwargs):
    p = draw(CLASSES[name](*small(name), nfft=8, dtype=torch.float64, alias_decay_db=10.0, **kwargs))
    x = torch.randn(1, 5, p.input_channels, dtype=torch.complex128)
    param = p.param.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda q: p(x, q), param)


def small(name):
    cls = CLASSES[name]
    return ((3, *channels(cls, False)),) if name.endswith("filter") else (channels(cls, False),)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_two_backward_passes_in_a_row(name, kwargs):
    p = build(name, requires_grad=True, **kwargs)
    x = torch.randn(2, 129, p.input_channels, dtype=torch.complex128)
    gradients = []
    for _ in range(2):
        p.zero_grad()
        p(x).abs().square().sum().backward()
        gradients.append(p.param.grad.clone())
    torch.testing.assert_close(*gradients)
    assert gradients[0].isfinite().all()


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_copies_are_equal_and_independent(name, kwargs):
    p = build(name, **kwargs)
    x = torch.randn(2, 129, p.input_channels, dtype=torch.complex128)
    y = p(x)
    for copied in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert repr(copied) == repr(p)
        torch.testing.assert_close(copied(x), y)
        copied.param.data.add_(0.1)
        assert not torch.allclose(copied(x), y)
        torch.testing.assert_close(p(x), y)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_the_state_is_the_parameter_and_loads_strictly(name, kwargs):
    p, other = build(name, **kwargs), build(name, **kwargs)
    assert list(p.state_dict()) == ["param"]
    other.load_state_dict(p.state_dict(), strict=True)
    torch.testing.assert_close(other.freq_response(other.param), p.freq_response(p.param))


@pytest.mark.parametrize("name", CLASSES)
def test_it_builds_with_its_defaults_and_double(name):
    p = CLASSES[name]()
    assert p.double().param.dtype == torch.float64
    assert p.freq_response(p.param).dtype == torch.complex128
    assert p.freq_response(p.param).isfinite().all()


@pytest.mark.parametrize("name", CLASSES)
def test_the_signature_is_explicit_and_documented(name):
    documentation = "".join(inspect.getdoc(cls) or "" for cls in CLASSES[name].__mro__[:3])
    for argument in inspect.signature(CLASSES[name]).parameters.values():
        assert argument.kind is argument.POSITIONAL_OR_KEYWORD
        assert argument.name in documentation


@pytest.mark.parametrize("name", CLASSES)
def test_a_wrong_size_is_named(name):
    with pytest.raises(ValueError, match="size"):
        CLASSES[name]((1, 1, 1, 1))
