"""Ten headphones: ten filters each, nearer to the target than those that AutoEq publishes."""

import numpy as np
import pytest
from equalisers import HEADPHONES, deviation, fitted, response_db

AUTOEQ = """\
bands:
  - {type: lowshelf, frequency: 105, q: 0.7, gain_db: [-20, 20]}
  - {type: peaking, frequency: [20, 10000], q: [0.18, 6], gain_db: [-20, 20], count: 8}
  - {type: highshelf, frequency: 10000, q: 0.7, gain_db: [-20, 20]}
"""
WIDE = {"frequency": (20.0, 20000.0), "q": (0.1, 10.0)}


@pytest.fixture(scope="module", params=["to 10 kHz", "to 20 kHz", "AutoEq's limits"])
def results(request, tmp_path_factory):
    """Name, highest frequency, and filters with their errors and those of AutoEq's."""
    device = tmp_path_factory.mktemp("device") / "autoeq.yaml"
    device.write_text(AUTOEQ)
    high = 20000 if request.param == "to 20 kHz" else 10000
    limits = {"device": device} if request.param == "AutoEq's limits" else {}
    found = fitted(HEADPHONES, range=f"20:{high}", **limits)
    errors = []
    for file, filters in zip(HEADPHONES, found, strict=True):
        frequency, target, published = np.loadtxt(file, delimiter=",", skiprows=1).T
        band = (frequency >= 20) & (frequency <= high)
        ours = response_db(filters.equalizer.parts, frequency[band])
        errors.append((deviation(ours, target[band]), deviation(published[band], target[band])))
    return request.param, found, np.array(errors)


def test_the_errors_are_those_asked_for(results):
    name, _, errors = results
    rms, largest = errors[:, 0].mean(0)
    assert rms < {"to 10 kHz": 0.10, "to 20 kHz": 0.13, "AutoEq's limits": 0.14}[name]  # asked for: 0.12, 0.14, 0.15
    assert name != "to 10 kHz" or largest < 0.45  # asked for: 0.50


def test_every_headphone_is_better_than_published(results):
    _, _, errors = results
    assert (errors[:, 0, 0] < errors[:, 1, 0]).all()


def test_every_number_is_within_its_limits(results):
    name, found, _ = results
    for filters in found:
        for band in filters.equalizer.parts:
            peak = band.type == "peaking"
            if name == "AutoEq's limits":
                low, high = (20, 10000) if peak else (105, 105) if band.type == "lowshelf" else (10000, 10000)
                assert (0.18 <= band.q <= 6) if peak else band.q == 0.7
            else:
                (low, high), (q_low, q_high) = WIDE["frequency"], WIDE["q"]
                low, high = {"lowshelf": (low, 1000), "highshelf": (1000, high)}.get(band.type, (low, high))
                assert q_low <= band.q <= q_high
            assert low <= band.frequency <= high
            assert abs(band.gain_db) <= 20


def test_bands_that_may_be_exchanged_are_in_order(results):
    _, found, _ = results
    for filters in found:
        peaks = [band.frequency for band in filters.equalizer.parts if band.type == "peaking"]
        assert peaks == sorted(peaks)


def test_rounding_costs_little_and_no_filter_works_against_another(results):
    _, found, _ = results
    assert all(filters.rounding_cost < 0.005 for filters in found)  # asked for: 0.02
    assert [note for filters in found for note in filters.notes()] == []


def test_the_errors_that_are_told_are_those_of_the_rounded_filters(results):
    _, found, errors = results
    told = np.array([filters.errors() for filters in found])
    np.testing.assert_allclose(told, errors[:, 0], atol=1e-6)
