"""A filter of sections computes its response when it is needed, and not before."""

import copy

import pytest
import torch

import flamo_filters.sections
from flamo import dsp, system
from flamo.core.response import Response
from flamo.kernels import backend

NFFT = 256
BINS = NFFT // 2 + 1

pytest.importorskip("numba")


@pytest.fixture(autouse=True)
def _everything_pays(monkeypatch):
    monkeypatch.setattr(backend, "PAYS", 0)


@pytest.fixture
def computed(monkeypatch):
    """The number of whole responses that were computed, in a list."""
    count, cascade = [0], flamo_filters.sections.cascade

    def counted(*arguments):
        count[0] += 1
        return cascade(*arguments)

    monkeypatch.setattr(flamo_filters.sections, "cascade", counted)
    return count


FILTERS = [
    lambda learns: dsp.parallelGEQ((3,), nfft=NFFT, requires_grad=learns, dtype=torch.float64),
    lambda learns: dsp.Biquad((3, 1), n_sections=2, nfft=NFFT, requires_grad=learns, dtype=torch.float64),
    lambda learns: dsp.parallelAccurateGEQ((3,), nfft=NFFT, requires_grad=learns, dtype=torch.float64),
]


def spectrum(module, items=1, *more):
    return torch.randn(items, BINS, module.input_channels, *more, dtype=torch.complex128)


def product(module, x):
    """By the response of a copy that remembers nothing."""
    h = copy.deepcopy(module).freq_response(module.param)
    return torch.einsum("fn,bfn...->bfn...", h, x) if module.diagonal else torch.einsum("fmn,bfn...->bfm...", h, x)


@pytest.mark.parametrize("make", FILTERS)
def test_a_spectrum_goes_through_a_filter_that_learns_without_its_response(make, computed):
    module = make(True)
    x = spectrum(module)
    for _ in range(3):
        y = module(x)
    assert computed == [0]
    (found,) = torch.autograd.grad(y.abs().sum(), module.param)
    (exact,) = torch.autograd.grad(product(module, x).abs().sum(), module.param)
    torch.testing.assert_close(y, product(module, x))
    torch.testing.assert_close(found, exact)


@pytest.mark.parametrize("make", FILTERS)
def test_a_frozen_filter_computes_its_response_when_it_is_used_again(make, computed):
    module = make(False)
    x = spectrum(module)
    counts = []
    for _ in range(4):
        torch.testing.assert_close(module(x), product(module, x))
        counts.append(computed[0] - len(counts) - 1)  # the product of the test computes one as well
    assert counts == [0, 1, 1, 1]
    with torch.no_grad():
        module.param.mul_(0.9)
    torch.testing.assert_close(module(x), product(module, x))
    assert computed[0] - 5 == 1


@pytest.mark.parametrize("shape", [(2,), (1, 4), (3, 2)])
@pytest.mark.parametrize("make", FILTERS)
def test_several_spectra_share_a_response(make, shape, computed):
    module = make(True)
    x = spectrum(module, *shape)
    torch.testing.assert_close(module(x), product(module, x))
    assert computed == [2]


def test_a_spectrum_that_learns_gets_its_gradient():
    module = dsp.parallelGEQ((3,), nfft=NFFT, requires_grad=True, dtype=torch.float64)
    gain = dsp.parallelGain((3,), nfft=NFFT, requires_grad=True, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: module(x)[:, 5:9].abs(), spectrum(module).requires_grad_())
    system.Series(gain, module)(spectrum(module)).abs().sum().backward()
    assert gain.param.grad.abs().min() > 0


@pytest.mark.parametrize(("times", "items"), [(1, 1), (2, 1), (1, 2)])
def test_what_is_remembered_serves_everyone(computed, times, items):
    """First used in inference mode, or within a transform, then in training."""
    module = dsp.parallelGEQ((3,), nfft=NFFT, dtype=torch.float64)
    gain = dsp.parallelGain((3,), nfft=NFFT, requires_grad=True, dtype=torch.float64)
    x = spectrum(module, items)
    with torch.inference_mode():
        for _ in range(times):
            first = module(x)
    slope = torch.func.grad(lambda factor: module(factor * x).abs().sum())(torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(slope, first.abs().sum())
    module(gain(x)).abs().sum().backward()
    assert gain.param.grad.abs().min() > 0
    assert computed == [1]
    copy.deepcopy(module.response().tensor)  # torch refuses to copy what a transform has marked


def test_a_response_that_is_first_needed_within_a_transform_serves_everyone():
    """Of a filter that was frozen before: by then it is remembered."""
    module = dsp.parallelGEQ((3,), nfft=NFFT, dtype=torch.float64)
    x, h = spectrum(module), module.response()
    slope = torch.func.grad(lambda factor: h.apply(factor * x).abs().sum())(torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(slope, module(x).abs().sum())
    copy.deepcopy(module.response().tensor)


def test_a_spectrum_of_other_bins_is_told():
    """And one bin serves all, as in any product."""
    module = FILTERS[0](True)
    full = copy.deepcopy(module).freq_response(module.param)[None]
    x = spectrum(module)
    torch.testing.assert_close(module.response().apply(x[:, :1]), full * x[:, :1])
    for other in (x[:, 1:], torch.cat((x, x), 1)):
        with pytest.raises(RuntimeError, match="must match"):
            module.response().apply(other)


def test_layouts_are_known_without_computing(computed):
    matrix, line = (make(True).response() for make in (FILTERS[1], FILTERS[0]))
    assert (matrix.diagonal, matrix.constant, matrix.input_channels, matrix.output_channels) == (False, False, 1, 3)
    assert (line.diagonal, line.input_channels, line.output_channels, line.learns) == (True, 3, 3, True)
    assert computed == [0]
    assert matrix.tensor.shape == matrix.shape == (1, BINS, 3, 1)
    assert line.tensor.shape == line.shape == (1, BINS, 3)
    assert computed == [2]


@pytest.mark.parametrize("first", [True, False])
def test_a_response_goes_through_a_filter_that_learns(computed, first):
    """As the delays of a network do, on either side of it; a response that learns itself is multiplied."""
    module = FILTERS[0](True)
    delays = dsp.parallelDelay((3,), max_len=20, isint=True, nfft=NFFT, dtype=torch.float64)
    for learns in (False, True):
        d = Response(delays.response().tensor.detach().requires_grad_(learns))
        h = module.response()
        total = (d @ h if first else h @ d).tensor
        expected = d.tensor * copy.deepcopy(module).freq_response(module.param)
        assert computed == [3 if learns else 1]  # one by the test
        torch.testing.assert_close(total, expected)
        for t in (module.param, d.tensor) if learns else (module.param,):
            found, exact = (torch.autograd.grad(y.abs().sum(), t, retain_graph=True)[0] for y in (total, expected))
            torch.testing.assert_close(found, exact)


@pytest.mark.parametrize("other", [torch.ones(1, 1, 3), torch.ones(1, 1, 3, 3), torch.ones(2, BINS, 3)])
def test_other_responses_are_multiplied(other):
    module = FILTERS[0](True)
    h, full = module.response(), copy.deepcopy(module).freq_response(module.param)[None]
    other = Response(other.to(torch.complex128))
    torch.testing.assert_close((h @ other).full(), torch.diag_embed(full) @ other.full())
    torch.testing.assert_close((other @ h).full(), other.full() @ torch.diag_embed(full))
