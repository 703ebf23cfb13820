from collections import OrderedDict

import pytest
import torch
from torch import nn

from flamo import dsp, system

NFFT = 16


def gain(outputs=2, inputs=2, **kwargs):
    return dsp.Gain((outputs, inputs), nfft=NFFT, **kwargs)


def named(*names):
    return OrderedDict((name, gain()) for name in names)


def spectrum(channels=2, *trailing):
    return torch.randn(3, NFFT // 2 + 1, channels, *trailing, dtype=torch.complex64)


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda: system.Series(gain(), gain()), ["0", "1"]),
        (lambda: system.Series(named("x", "y")), ["x", "y"]),
        (lambda: system.Series(gain(), system.Series(named("x", "y")), gain()), ["0", "x", "y", "3"]),
        (lambda: system.Series(OrderedDict(a=gain(), b=system.Series(gain(), gain()), c=gain())), ["a", "1", "2", "c"]),
        (lambda: system.Series(OrderedDict(a=gain(), b=nn.Sequential(named("x", "y")))), ["a", "x", "y"]),
        (lambda: system.Series(named("x"), gain()).prepend(gain()), ["2", "x", "1"]),
        (lambda: system.Series(gain(), gain()).prepend(named("q")), ["q", "0", "1"]),
        (lambda: system.Series(gain(), gain()).insert(1, gain()), ["0", "2", "1"]),
        (lambda: system.Series(gain(), gain()).insert(-1, named("q")), ["0", "q", "1"]),
        (lambda: system.Series(gain(), gain()).append(system.Series(gain(), gain())), ["0", "1", "2", "3"]),
    ],
)
def test_parts_are_taken_apart_and_keep_their_names(build, names):
    assert list(build()._modules) == names


def test_the_response_is_the_product():
    chain = system.Series(gain(3, 2), dsp.parallelGain((3,), nfft=NFFT), dsp.Filter((4, 1, 3), nfft=NFFT))
    x = spectrum()
    one_by_one = chain[2](chain[1](chain[0](x)))
    torch.testing.assert_close(chain(x), one_by_one)
    torch.testing.assert_close(chain.response().apply(x), one_by_one)
    torch.testing.assert_close(chain.probe(1.0 + 0j), chain.response().full()[0, 0])
    torch.testing.assert_close(chain.probe_w(1.0 + 0j), chain.response().full()[0, 0])


def test_a_part_may_come_twice():
    shared = gain()
    chain = system.Series(OrderedDict(a=shared, between=nn.Identity(), b=shared))
    x = spectrum()
    torch.testing.assert_close(chain(x), shared(shared(x)))
    torch.testing.assert_close(chain.response().apply(x), shared(shared(x)))
    torch.testing.assert_close(chain.probe(1j), chain.response().full()[0, 0].to(torch.complex64))


def test_any_module_stands_anywhere():
    linear = nn.Linear(3, 2, bias=False, dtype=torch.complex64)
    chain = system.Series(gain(3, 2), nn.Identity(), linear, dsp.Transform())
    x = spectrum()
    torch.testing.assert_close(chain(x), linear(chain[0](x)))
    torch.testing.assert_close(chain.probe(1j), linear.weight @ chain[0].param.to(torch.complex64))


def test_slices_iteration_and_names():
    chain = system.Series(named("a", "b", "c"))
    assert isinstance(chain[1:], system.Series)
    assert list(chain) == [chain.a, chain.b, chain.c]
    assert list(chain.state_dict()) == ["a.param", "b.param", "c.param"]


def test_parts_may_be_replaced():
    chain, x = system.Series(named("a", "b")), spectrum()
    kept = chain.b
    chain.b = nn.Identity()
    torch.testing.assert_close(chain(x), chain.a(x))
    chain.b = kept
    torch.testing.assert_close(chain(x), kept(chain.a(x)))


def test_external_parameters_nest_by_name():
    inner = system.Parallel(gain(), gain())
    chain = system.Series(OrderedDict(first=gain(), both=inner))
    x, external = spectrum(), torch.randn(2, 2, requires_grad=True)
    y = chain(x, {"both": {"branchB": external}})
    expected = inner.branchA(chain.first(x)) + inner.branchB(chain.first(x), external)
    torch.testing.assert_close(y, expected)
    y.abs().sum().backward()
    assert external.grad.abs().min() > 0


@pytest.mark.parametrize(
    ("external", "error", "message"),
    [
        ({"c": 0}, ValueError, "'c', which is not one of a, b"),
        ({"b": {"d": 0}}, ValueError, "takes none"),
        (torch.ones(2, 2), TypeError, "dict by name"),
    ],
)
def test_an_unknown_external_parameter_is_an_error(external, error, message):
    chain = system.Series(OrderedDict(a=gain(), b=nn.Identity()))
    with pytest.raises(error, match=message):
        chain(spectrum(), external)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: system.Series(named("x"), named("x")), ValueError, "'x' is taken"),
        (lambda: system.Series(gain(3, 2), gain(2, 2)), ValueError, r"0 \(Gain\) has 3, 1 \(Gain\) has 2"),
        (lambda: system.Series(gain(), dsp.Gain((2, 2), nfft=32)), ValueError, r"nfft differs: 0 \(Gain\) has 16, 1 "),
        (lambda: system.Series(gain(), gain(alias_decay_db=3.0)), ValueError, "alias_decay_db differs"),
        (lambda: system.Series(torch.ones(2)), TypeError, "Tensor"),
        (lambda: system.Series(gain()).insert(5, gain()), ValueError, "index"),
    ],
)
def test_parts_that_do_not_fit_are_named(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_a_refused_part_leaves_the_series_as_it_was():
    chain = system.Series(gain())
    with pytest.raises(ValueError, match="has 2"):
        chain.append(gain(2, 5))
    assert list(chain._modules) == ["0"]


def test_a_decay_in_float32_agrees_with_one_in_float64():
    assert len(system.Series(gain(alias_decay_db=30.1), gain(alias_decay_db=torch.tensor(30.1)))) == 2


def test_reconfiguration_reaches_every_part():
    chain = system.Series(gain(), nn.Identity(), system.Series(gain()))
    chain.set_nfft(64).set_alias_decay_db(12.0).set_dtype(torch.float64)
    assert (chain.nfft, chain.alias_decay_db, chain.dtype) == (64, 12.0, torch.float64)
    assert chain(torch.ones(1, 33, 2, dtype=torch.complex128)).dtype == torch.complex128
