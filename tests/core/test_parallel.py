import pytest
import torch
from torch import nn

from flamo import dsp, system

NFFT = 16


def gain(outputs=2, inputs=2, **kwargs):
    return dsp.Gain((outputs, inputs), nfft=NFFT, **kwargs)


@pytest.mark.parametrize("sum_output", [True, False])
def test_branches_are_summed_or_put_side_by_side(sum_output):
    both = system.Parallel(gain(), dsp.parallelGain((2,), nfft=NFFT), sum_output)
    x = torch.randn(3, 9, 2, dtype=torch.complex64)
    a, b = both.branchA(x), both.branchB(x)
    expected = a + b if sum_output else torch.cat((a, b), 2)
    torch.testing.assert_close(both(x), expected)
    torch.testing.assert_close(both.response().apply(x), expected)
    assert both.output_channels == expected.shape[2]
    torch.testing.assert_close(both.probe(1j), both.response().full()[0, 0].to(torch.complex64))
    torch.testing.assert_close(both.probe_w(1j), both.probe(-1j))


def test_a_branch_may_be_any_module():
    x = torch.randn(3, 9, 2, dtype=torch.complex64)
    both = system.Parallel(gain(), nn.Identity())
    torch.testing.assert_close(both(x), both.branchA(x) + x)
    torch.testing.assert_close(both.response().apply(x), both.branchA(x) + x)


def test_external_parameters_by_branch():
    both, x = system.Parallel(gain(), gain()), torch.randn(3, 9, 2, dtype=torch.complex64)
    external = torch.eye(2)
    torch.testing.assert_close(both(x, {"branchA": external}), x + both.branchB(x))
    torch.testing.assert_close(both.response({"branchA": external}).apply(x), x + both.branchB(x))
    with pytest.raises(ValueError, match="branchC"):
        both(x, {"branchC": external})


@pytest.mark.parametrize(
    ("branches", "sum_output", "message"),
    [
        ((gain(2, 2), gain(2, 3)), True, r"branchA \(Gain\) has 2, branchB \(Gain\) has 3"),
        ((gain(2, 2), gain(3, 2)), True, "has 2, .* has 3"),
        ((gain(2, 2), gain(2, 3)), False, "has 2, .* has 3"),
        ((gain(), dsp.Gain((2, 2), nfft=32)), True, "nfft differs"),
    ],
)
def test_branches_that_do_not_fit_are_named(branches, sum_output, message):
    with pytest.raises(ValueError, match=message):
        system.Parallel(*branches, sum_output)
