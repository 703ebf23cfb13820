import copy
import pickle

import pytest
import torch

from flamo.core.constraints import Chain, Clamp, Decibels, Identity, Interval, LogInterval, Rows, Softplus

VALUES = {
    Identity(): (-3.0, 0.0, 7.0),
    Clamp(0.0, 1.0): (0.0, 0.25, 1.0),
    Interval(-20.0, 20.0): (-19.9, 0.0, 12.0),
    LogInterval(20.0, 20000.0): (21.0, 1000.0, 19990.0),
    Softplus(): (1e-3, 1.0, 50.0),
    Decibels(): (-100.0, 0.0, 40.0),
    Chain((Decibels(), Clamp(-60.0, 60.0))): (-60.0, 0.0, 6.0),
    Rows((Interval(0.0, 1.0), Softplus(), Identity()), dim=-1): (0.5, 2.0, -1.0),
}


@pytest.mark.parametrize("constraint", VALUES, ids=repr)
def test_the_inverse_is_one(constraint):
    values = torch.tensor(VALUES[constraint], dtype=torch.float64)
    torch.testing.assert_close(constraint(constraint.inverse(values)), values)


@pytest.mark.parametrize("constraint", VALUES, ids=repr)
def test_a_constraint_is_a_value(constraint):
    assert pickle.loads(pickle.dumps(constraint)) == constraint == copy.deepcopy(constraint)
    assert eval(repr(constraint)) == constraint


@pytest.mark.parametrize("constraint", VALUES, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_finite_everywhere(constraint, dtype):
    raw = torch.tensor([[0.0] * 3, [-1e3] * 3, [1e3] * 3], dtype=dtype, requires_grad=True)
    value = constraint(raw)
    value.sum().backward()
    assert value.isfinite().all()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize(
    ("constraint", "value", "message"),
    [
        (Interval(-20.0, 20.0), 21.0, "21 is outside the range -20 to 20"),
        (LogInterval(20.0, 200.0), 19.0, "19 is outside the range 20 to 200"),
        (Clamp(0.0, 1.0), float("nan"), "nan is outside the range 0 to 1"),
        (Softplus(), -1.0, "-1 is outside"),
    ],
)
def test_a_value_out_of_range_is_named_with_the_range(constraint, value, message):
    with pytest.raises(ValueError, match=message):
        constraint.inverse(torch.tensor([value]))


@pytest.mark.parametrize("kind", [Clamp, Interval, LogInterval])
def test_bounds_out_of_order_are_named(kind):
    with pytest.raises(ValueError, match="low=2"):
        kind(2.0, 1.0)
    with pytest.raises(ValueError, match="positive"):
        LogInterval(0.0, 1.0)


def test_rows_of_another_number_are_refused():
    with pytest.raises(ValueError):
        Rows((Softplus(), Softplus()), dim=-1)(torch.zeros(3))
