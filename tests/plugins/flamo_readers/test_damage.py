"""Damaged files, and files of anything: read, or refused in one line."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamo import registry
from flamo.curves import Curve
from flamo.equalizer import Equalizer
from flamo.errors import InputError

FORMATS = Path(__file__).parents[2] / "data" / "formats"
FILES = [path.read_bytes()[:1500] for path in sorted(FORMATS.iterdir())]
READERS = [offer.component.name for offer in registry.offers("reader") if offer.plugin.ours]
WORDS = [
    b"",
    b"\n",
    b"\0",
    b"-",
    b"1e999",
    b"nan",
    b"0",
    b",",
    b"\t",
    b'"',
    b"\xff",
    b"Q",
    b"dB",
    b": ",
    b"{",
    b"&a *a",
    b"_",
]


@st.composite
def damaged(draw):
    """One of the files, cut somewhere, with other words in some places."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 6))] = draw(st.sampled_from(WORDS) | st.binary(max_size=4))
    return bytes(data[: draw(st.none() | st.integers(0, len(data)))])


@pytest.mark.filterwarnings("ignore::flamo.errors.InputWarning")
@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=5000)
@given(data=damaged() | st.binary(max_size=200))
def test_what_is_damaged_is_read_or_refused_in_one_line(name, data):
    reader = registry.get("reader", name)()
    assert reader.recognizes(data) in (True, False)
    try:
        value = reader.read(data, "k")
    except InputError as refused:
        assert str(refused).isprintable()  # noqa: PT017
    else:
        assert isinstance(value, Curve | Equalizer)
        if isinstance(value, Curve):
            assert list(value.frequency) == sorted(set(value.frequency))
            assert len(value.frequency) == len(value.gain_db) > 0
