"""Whatever stands in a configuration, it is read or refused in words; nothing hangs."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamo.config.loading import changed
from flamo.config.reading import parse
from flamo.errors import InputError
from flamo.experiment import make_experiment
from flamo.fit import make_engine

EXAMPLES = [file.read_text() for file in (Path(__file__).parents[2] / "docs/examples").glob("*.yaml")]
SMALL = re.sub(r"nfft: \d+", "nfft: 2048", EXAMPLES[0])
TOKENS = [
    "",
    " ",
    "\n",
    "  ",
    ":",
    ": ",
    "-",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    "&a ",
    "*a",
    "!!int ",
    "|",
    "null",
    "-1",
]
TOKENS += [
    "1e999",
    ".nan",
    ".inf",
    "'",
    '"',
    "\t",
    "no",
    "~",
    "0",
    "3.5",
    "[]",
    "{}",
    "size",
    "series",
    "gain",
    "\x00",
    "é",
    "<<: ",
]
EDIT = st.tuples(st.integers(0, 2000), st.integers(0, 12), st.sampled_from(TOKENS) | st.text(max_size=5))


def edited(text, edits):
    for place, length, token in edits:
        place %= len(text) + 1
        text = text[:place] + token + text[place + length :]
    return text


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=20_000)
@given(st.sampled_from(EXAMPLES), st.lists(EDIT, min_size=1, max_size=4))
def test_an_edited_configuration_is_checked_or_refused(text, edits):
    with suppress(InputError):
        changed(parse(edited(text, edits), "x.yaml"), (), None, Path()).checked()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=20_000)
@given(st.lists(EDIT, min_size=1, max_size=2))
@pytest.mark.filterwarnings("ignore:a delay of")
def test_one_that_passes_the_checks_is_built_or_refused(edits):
    text = edited(SMALL, edits)
    if any(float(number) > 3000 for number in re.findall(r"\d+", text.replace("fs: 48000", ""))):
        return  # what is only large may be meant
    with suppress(InputError):
        file = changed(parse(text, "x.yaml"), (), None, Path())
        config = file.checked()
        with file.located():
            make_engine(make_experiment(config))
