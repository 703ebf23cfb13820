"""What holds for every processor of ours, found through the registry, beside what the kit asks of all."""

import inspect

import numpy as np
import pytest
import torch
from cases import CASES, CLASSES, LEARNED, NFFT, build, draw
from scipy import linalg, optimize, signal
from truth import EQ, digital, highshelf, impulse_response, lowshelf, on_grid, peak_error, peaking

pytestmark = pytest.mark.filterwarnings("ignore:a delay of")  # some are longer than nfft, and wrap

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
    bounds = zip(p.f_min, p.f_max, p.q_min, p.q_max, p.gain_max, strict=True)
    for kind, (f, q, g), (f_min, f_max, q_min, q_max, gain_max) in zip(types, sigmoid(raw), bounds, strict=True):
        frequency, quality = f_min * (f_max / f_min) ** f, q_min * (q_max / q_min) ** q
        sections.append(EQ[kind](2 * np.pi * frequency / p.fs, gain_max * (2 * g - 1), quality))
    return impulse_response(np.array(sections))


def by_coefficients(p, raw):
    return impulse_response(raw / raw[:, 3:4])


def by_state_variables(p, raw):
    sections = []
    for freq, res, *mix in raw.T:
        omega, r = np.pi * sigmoid(freq), np.log1p(np.exp(res)) / np.log(2)
        g = 10 ** -np.log1p(np.exp(mix[0]))
        low, band, high = {
            None: (mix[0] + 1, mix[1] + 2, mix[2] + 1),
            "lowpass": (1, 0, 0),
            "highpass": (0, 0, 1),
            "bandpass": (0, 1, 0),
            "lowshelf": (1, 2 * r * np.sqrt(g), g),
            "highshelf": (g, 2 * r * np.sqrt(g), 1),
            "peaking": (1, 2 * r * np.sqrt(g), 1),
            "notch": (1, 2 * r * np.sqrt(g), 1),
        }[p.filter_type]
        damping = 1 / r if p.filter_type == "peaking" else r
        sections.append(digital([high, band, low], [1, 2 * damping, 1], omega))
    return impulse_response(np.array(sections))


def bands_of(p):
    step = 2 ** (1 / p.octave_interval)
    centers = 31.25 * step ** np.arange(1, 9 * p.octave_interval + 1)
    return centers, (centers[0] / np.sqrt(step), centers[-1] * np.sqrt(step))


def graphic(p, commands_db):
    """The sections of a graphic equaliser, as RBJ sections of the bandwidth that its peaks have."""
    centers, corners = bands_of(p)
    low, high = (2 * np.pi * f / p.fs for f in corners)
    sections = [lowshelf(low, commands_db[1], np.sqrt(0.5)), highshelf(high, commands_db[-1], np.sqrt(0.5))]
    for f, gain_db in zip(centers, commands_db[2:-1], strict=True):
        omega = 2 * np.pi * f / p.fs
        sections.append(peaking(omega, gain_db, np.sin(omega) / 2 / np.tan(omega / 2 * 1.7 / np.sqrt(2.7))))
    return 10 ** (commands_db[0] / 20), np.array(sections)


def by_command_gains(p, raw):
    gain, sections = graphic(p, 20 * np.log10(raw))
    return gain * impulse_response(sections)


def by_target_gains(p, raw):
    """Command gains by scipy's bounded least squares."""
    centers, _ = bands_of(p)
    points = np.round(np.geomspace(1, p.fs / 2.1, 101))
    target = np.interp(points, [1, *centers, p.fs / 2.1], 20 * np.log10(raw))
    ten = graphic(p, np.full(len(centers) + 3, 10.0))[1]
    columns = [signal.sosfreqz(section[None], points, fs=p.fs)[1] for section in (ten[0], *ten[2:], ten[1])]
    interaction = np.stack([np.ones(101), *(2 * np.log10(np.abs(c)) for c in columns)], 1)
    bound = np.array([np.inf, *[20.0] * (len(centers) + 2)])
    commands = optimize.lsq_linear(interaction, target, (-bound, bound), tol=1e-14).x
    gain, sections = graphic(p, commands)
    return gain * impulse_response(sections)


TRUTH = {
    "gain": lambda p, raw: np.array([raw]),
    "filter": lambda p, raw: raw,
    "sos_filter": by_coefficients,
    "svf": by_state_variables,
    "geq": by_command_gains,
    "accurate_geq": by_target_gains,
    "biquad": by_butterworth,
    "peq": by_prototypes_of_the_classic_peq,
    "parametric_eq": by_prototypes,
}


# The whole response, where it has no impulse response of finite length or is no matter of one channel pair.


def delayed(p, grid):
    gain, times = p.param.detach().numpy() if "Gain" in type(p).__name__ else (1.0, p.param.detach().numpy())
    samples = (np.log1p(np.exp(times)) if p.requires_grad else times) * p.fs / p.unit
    samples = np.round(samples) if p.isint else samples
    omega = 2 * np.pi * np.arange(grid.bins) / grid.nfft
    return gain * grid.gamma**samples * np.exp(-1j * omega.reshape(-1, *[1] * samples.ndim) * samples)


def mixed(p, grid):
    raw, n = p.param.detach().numpy(), p.size[-1]
    if p.matrix_type == "orthogonal":
        matrix = linalg.expm(np.triu(raw, 1) - np.triu(raw, 1).T)
    elif p.matrix_type == "hadamard":
        matrix = linalg.hadamard(n) / np.sqrt(n)
    elif p.matrix_type == "rotation":
        planes = [np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) for t in raw[0, : int(np.log2(n))]]
        matrix = np.kron(*planes)
    else:
        matrix = raw
    return np.broadcast_to(matrix, (grid.bins, *matrix.shape))


def reflected(p, grid):
    u = p.param.detach().numpy() / np.linalg.norm(p.param.detach().numpy())
    return np.broadcast_to(np.eye(len(u)) - 2 * u @ u.T, (grid.bins, len(u), len(u)))


def pulses(p, grid):
    gains, places = p.param.detach().numpy(), p.positions.numpy()
    omega = 2 * np.pi * np.arange(grid.bins) / grid.nfft
    w = grid.gamma * np.exp(-1j * omega.reshape(-1, *[1] * (gains.ndim - 1)))
    return sum(g * w**k for g, k in zip(gains, places, strict=True))


WHOLE = {
    "velvet_noise": pulses,
    "delay": delayed,
    "gain_delay": delayed,
    "matrix": mixed,
    "householder_matrix": reflected,
}


def expected_responses(name, p, grid):
    """(F, N_out, N_in), or (F, N), channel by channel."""
    kind, raw = name.removeprefix("parallel_"), p.param.detach().numpy()
    if kind in WHOLE:
        return WHOLE[kind](p, grid)
    truth = TRUTH[kind]
    shape = p.size[len(p.axes) :]
    response = np.empty((grid.bins, *shape), dtype=complex)
    for index in np.ndindex(shape):
        h = truth(p, raw[(..., *index)])
        response[(slice(None), *index)] = on_grid(h, grid.nfft, grid.gamma)
    return response


@pytest.mark.parametrize("alias_decay_db", [0.0, 30.0])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_the_response_is_the_fft_of_an_impulse_response_made_another_way(name, kwargs, alias_decay_db):
    p = draw(build(name, alias_decay_db=alias_decay_db, **kwargs))
    assert peak_error(p.freq_response(p.param), expected_responses(name, p, p.grid)) < 1e-9


@pytest.mark.parametrize("alias_decay_db", [0.0, 30.0])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_probes_on_the_unit_circle_are_the_response(name, kwargs, alias_decay_db):
    p = draw(build(name, alias_decay_db=alias_decay_db, **kwargs))
    z = torch.exp(2j * torch.pi * torch.tensor(7 / NFFT, dtype=torch.float64))
    assert peak_error(p.probe(z), p.response().full().expand(1, 129, -1, -1)[0, 7].detach()) < 1e-12


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_the_state_is_the_parameter(name, kwargs):
    drawn = {"velvet_noise": ["positions"]}  # what is random and not learned
    assert list(build(name, **kwargs).state_dict()) == ["param", *drawn.get(name.removeprefix("parallel_"), [])]


@pytest.mark.parametrize(("name", "kwargs"), LEARNED)
def test_gradients_reach_every_entry_that_counts(name, kwargs):
    p = draw(build(name, **{**kwargs, "requires_grad": True}))
    y = p(torch.randn(2, 129, p.input_channels, dtype=torch.complex128))
    (torch.randn_like(y) * y).real.sum().backward()
    assert p.param.grad.isfinite().all()
    idle = {"orthogonal": 10, "rotation": 14}.get(kwargs.get("matrix_type"), 0)  # of 16: triangle, angles
    if "delay" in name and kwargs["isint"]:
        idle = p.size[-1] * (1 if p.diagonal else p.size[-2])
    if name.endswith("peq") and kwargs["design"] == "biquad":
        idle = p.param[-1, 0].numel()  # the last band starts at its upper bound, and moves only upwards
    if "svf" in name:
        idle = {None: 0, "lowpass": 3, "highpass": 3, "bandpass": 3}.get(p.filter_type, 2) * p.param[0].numel()
    assert int((p.param.grad == 0).sum()) == idle


@pytest.mark.parametrize(("name", "kwargs"), [case for case in CASES if hasattr(CLASSES[case.values[0]], "sos")])
def test_sos_is_ready_for_scipy(name, kwargs):
    p = draw(build(name, **kwargs))
    sos = p.sos()
    shape = p.size[len(p.axes) :]
    assert (sos.dtype, sos.shape[: len(shape)], sos.shape[-1]) == (torch.float64, shape, 6)
    assert (sos[..., 3] == 1).all()
    expected = p.freq_response(p.param).detach()
    for index in np.ndindex(shape):
        _, h = signal.sosfreqz(sos[index], 2 * np.pi * np.arange(129) / NFFT)
        assert peak_error(h, expected[(slice(None), *index)]) < 1e-9


WRONG = {
    "size": [((1, 1, 1, 1, 1), "size"), (3, "size"), ((0,), "size|least 1"), (("a", "b"), "size")],
    "nfft": [(0, "nfft"), (10.5, "nfft"), ("long", "nfft")],
    "alias_decay_db": [(float("inf"), "alias_decay_db"), ("60 dB", "alias_decay_db")],
    "dtype": [(torch.int64, "dtype must be torch.float32 or torch.float64"), ("float32", "dtype must be")],
    "map": [(3, "map must be callable"), ("exp", "map must be callable")],
    "map_gain": [(3, "map_gain must be callable")],
    "map_delay": [("exp", "map_delay must be callable")],
    "n_sections": [(0, "n_sections"), (1.5, "n_sections")],
    "n_bands": [(0, "n_bands"), ("many", "n_bands")],
    "octave_interval": [(0, "interval"), ("third", "octave_interval")],
    "filter_type": [("comb", "filter_type must be .*lowpass, highpass")],
    "design": [("comb", "design must be one of biquad, svf")],
    "matrix_type": [("comb", "matrix_type must be one of random, orthogonal, hadamard, rotation")],
    "fs": [(0, "fs"), (-1.0, "fs"), ("48k", "fs")],
    "max_len": [(0, "max_len"), ("long", "max_len")],
    "unit": [(0, "unit"), ("ms", "unit")],
    "duration": [(0.0, "duration"), (1e-6, "no pulse")],
    "density": [(-1.0, "density"), (1e6, "density")],
    "rt60": [(0.0, "rt60")],
    "f_min": [(0.0, "f_min"), (30000.0, "f_min")],
    "f_max": [(10.0, "f_max"), (-1.0, "f_max")],
    "q_min": [(0.0, "q_min"), (100.0, "q_min")],
    "gain_max": [(-1.0, "gain_max")],
    "gain_min": [(30.0, "gain_min")],
    "types": [(("notch",), "types")],
    "start_freq": [(0.0, "start_freq"), (17000.0, "start_freq")],
    "end_freq": [(1.0, "end_freq"), (40000.0, "fs must be at least")],
}


@pytest.mark.parametrize("name", CLASSES)
def test_every_wrong_argument_is_named(name):
    for argument in inspect.signature(CLASSES[name]).parameters:
        for value, message in WRONG.get(argument, []):
            with pytest.raises((ValueError, TypeError), match=message):
                CLASSES[name](**{argument: value})


def test_every_argument_has_wrong_values():
    taken = {argument for cls in CLASSES.values() for argument in inspect.signature(cls).parameters}
    free = {"requires_grad", "device", "isint", "normalize_a0", "iter", "q_max"}
    assert taken - free <= set(WRONG)
