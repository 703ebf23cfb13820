import json
import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from flamo.config.reading import MAX_BYTES, MAX_DEPTH, parse, read_document
from flamo.errors import InputError
from flamo.run_folder import as_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("1_000", 1000),
        ("0x10", 16),
        ("012", 12),
        (".inf", math.inf),
        ("no", "no"),
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("~", None),
        ("'3'", "3"),
        ("2020-01-01", "2020-01-01"),
        ("12:30", "12:30"),
        ("=", "="),
        ("[1, 2.0, {a: null}]", [1, 2.0, {"a": None}]),
    ],
)
def test_plain_words_mean_what_yaml_1_2_says(text, value):
    read = parse(f"key: {text}", "x.yaml").data["key"]
    assert (read, type(read)) == (value, type(value))


def test_every_key_and_item_has_its_line():
    document = parse("# comment\nsystem:\n  series:\n    - gain: {size: [1, 1]}\n    - matrix:\n", "x.yaml")
    assert document.line(("system",)) == 2
    assert document.line(("system", "series", 1, "matrix")) == 5
    assert document.line(("system", "series", 0, "gain", "size", 1)) == 4
    assert document.line(("system", "series", 1, "matrix", "missing")) == 5  # the nearest above


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "line 2: 'a' stands here a second time"),
        ("a: [1, 2", "line 1: not YAML: expected ',' or ']'"),
        ("a:\n\tb: 1", "line 2: not YAML: found character '\\t'"),
        ("a: &x [1]\nb: *x", "an alias repeats this value"),
        ("a: !!python/object:os.system {}", "line 1: tag tag:yaml.org,2002:python/object:os.system is not known"),
        ("a: !foo 3", "tag !foo is not known"),
        ("? [a]\n: 3", "a key must be text"),
        ("3: 4", "a key must be text, got 3"),
        ("a: 1\n---\nb: 2", "line 2: not YAML: but found another document"),
        ("a: !!int x", "'x' is no int"),
        ("a: " + "9" * 5000, "is no int"),
        ("[" * 5000, f"nested more than {MAX_DEPTH} deep"),
        ("a: " + "[" * 150 + "]" * 150, f"nested more than {MAX_DEPTH} deep"),
        ("a: \x00", "not YAML"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(text, message):
    with pytest.raises(InputError) as refused:
        parse(text, "x.yaml")
    assert str(refused.value).startswith("x.yaml")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_json_is_read_with_lines_and_its_own_rules():
    document = parse('{"a":\t[1,\n  2e1, "\\ud83d\\ude00"]}', "x.json", is_json=True)
    assert document.data == {"a": [1, 20.0, "\N{GRINNING FACE}"]}
    assert document.line(("a", 1)) == 2
    with pytest.raises(InputError, match=r"x\.json, line 2: not JSON"):
        parse('{"a": 1,\n b: 2}', "x.json", is_json=True)
    with pytest.raises(InputError, match="'a' stands here a second time"):
        parse('{"a": 1, "a": 2}', "x.json", is_json=True)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_document(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_document(tmp_path / "binary.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(InputError, match="larger than 1 MB"):
        read_document(tmp_path / "huge.yaml")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    assert read_document(tmp_path / "bom.yaml").data == {"a": 1}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=3))
def test_what_is_written_is_read_back(data):
    assert parse(as_yaml(data), "x.yaml").data == data
    assert parse(json.dumps(data), "x.json", is_json=True).data == data


@given(st.text(alphabet=st.sampled_from(" \n\t-:,[]{}#&*!|>'\"%@`ab01.~?\\"), max_size=60) | st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    with suppress(InputError):
        parse(text, "x.yaml")


@settings(max_examples=50)
@given(PLAIN)
def test_plain_data_is_read_as_another_reader_does(data):
    text = json.dumps({"a": data})
    assert parse(text, "x.yaml").data == YAML(typ="safe", pure=True).load(text)
