import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamo.core.stopping import EarlyStop

NAN = math.nan


@pytest.mark.parametrize(
    ("losses", "delta", "counters"),
    [
        ([1.0, 0.9, 0.8, 0.7], 0.01, [0, 0, 0, 0]),
        ([1.0, 0.995, 0.99, 0.985], 0.01, [0, 1, 2, 0]),  # what adds up counts; 1 % less is not less than 1 % less
        ([-1.0, -1.005, -2.0, -1.0], 0.01, [0, 1, 0, 1]),
        ([1.0, -1.0, -1.02, 0.0], 0.01, [0, 0, 0, 1]),
        ([NAN, NAN, 1.0, NAN, 1.0], 0.0, [1, 2, 0, 1, 2]),
        ([math.inf, 1.0, math.inf], 0.0, [1, 0, 1]),
        ([0.0, 0.0, -1e-9], 0.01, [0, 1, 0]),
    ],
)
def test_every_loss_that_is_no_improvement_counts(losses, delta, counters):
    stop = EarlyStop(patience=99, delta=delta)
    assert [(stop(loss), stop.counter)[1] for loss in losses] == counters


@given(st.lists(st.floats(-100, 100)), st.integers(1, 5), st.floats(1e-6, 1e6))
def test_the_scale_of_the_loss_does_not_matter(losses, patience, scale):
    stops = [EarlyStop(patience), EarlyStop(patience)]
    assert [stops[0](loss) for loss in losses] == [stops[1](2.0 ** round(math.log2(scale)) * loss) for loss in losses]


def test_it_goes_on_from_its_state():
    stop, other = EarlyStop(3), EarlyStop(3)
    for loss in (2.0, 1.0, 3.0):
        stop(loss)
    other.load_state_dict(stop.state_dict())
    assert (other.best, other.counter) == (1.0, 1)
    assert [other(2.0), other(2.0)] == [False, True]


def test_means_of_a_window_are_compared():
    stop = EarlyStop(patience=2, window=3)
    losses = (9.0, 0.0, 6.0, 6.0, 3.0, 3.0, 6.0, 6.0)  # means of three: 5, 4, 5, 4, 4, 5
    assert [stop(loss) for loss in losses] == [False] * 5 + [True] * 3
    assert (stop.best, stop.counter) == (4.0, 4)
    other = EarlyStop(patience=2, window=3)
    other.load_state_dict(stop.state_dict())
    assert (other(-99.0), other.counter) == (False, 0)


@pytest.mark.parametrize("arguments", [(0,), (1.5,), (2, math.nan), (2, "much")])
def test_a_wrong_argument_is_refused(arguments):
    with pytest.raises((ValueError, TypeError), match="patience"):
        EarlyStop(*arguments)
