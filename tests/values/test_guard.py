"""What is accepted from outside: only JSON that can be kept and read back exactly."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.values import canonical
from opord.values.guard import INT_MAX, INT_MIN, LIMIT_BYTES, LIMIT_DEPTH, BadValue, check_plain, parse

REFUSED = [
    # text                              path            what is told
    ('{"a": {"b": [{"x": 1, "x": 2}]}}', "a.b[0]", "`x` is given twice"),
    ('{"": 1, "": 1}', "", "`` is given twice"),
    ("[1e400]", "[0]", "too large for a float"),
    ("[-1e400]", "[0]", "too large for a float"),
    ('{"n": NaN}', "n", "NaN is not a JSON number"),
    ('{"n": -Infinity}', "n", "-Infinity is not a JSON number"),
    ("9223372036854775808", "", "outside the 64-bit range"),
    ("-9223372036854775809", "", "outside the 64-bit range"),
    ('{"n": ' + "9" * 5000 + "}", "n", "outside the 64-bit range"),
    (r'{"odd name": {"b": "\u0000"}}', '["odd name"].b', "a NUL character"),
    (r'["\ud83d"]', "[0]", r"half of a surrogate pair (\ud83d)"),
    (r'{"\udc00": 1}', "", "half of a surrogate pair"),
    ("[1,]", "", "not JSON"),
    ("", "", "not JSON"),
    ("{'a': 1}", "", "not JSON"),
    ("1 2", "", "not JSON"),
    ("\ufeff1", "", "byte order mark"),
    ("\ud800", "", "not UTF-8"),
    (b"\xff", "", "not UTF-8: byte 0 is 0xff"),
]


@pytest.mark.parametrize(("text", "path", "message"), REFUSED)
def test_data_that_cannot_be_kept_exactly_is_refused_with_its_path(
    text: str | bytes, path: str, message: str
) -> None:
    with pytest.raises(BadValue) as caught:
        parse(text)
    assert caught.value.path == path
    assert message in caught.value.message


@pytest.mark.parametrize(
    "text", [str(INT_MIN), str(INT_MAX), "-0", "1e308", '"\\ud83d\\ude00"', "null", '"\\\\u0000"']
)
def test_data_just_within_the_limits_is_accepted(text: str) -> None:
    assert parse(text) == json.loads(text)


def test_a_text_of_one_mebibyte_is_accepted_and_one_byte_more_is_not() -> None:
    text = '"' + "é" * (LIMIT_BYTES // 2 - 1) + '"'
    assert len(text.encode()) == LIMIT_BYTES
    assert parse(text) == parse(text.encode())
    for longer in (text + " ", (text + " ").encode()):
        with pytest.raises(BadValue, match="longer than 1,048,576 bytes"):
            parse(longer)


def test_levels_are_counted() -> None:
    assert parse("[" * LIMIT_DEPTH + "]" * LIMIT_DEPTH)
    for levels in (LIMIT_DEPTH + 1, 100_000):
        with pytest.raises(BadValue, match="more than 64 levels"):
            parse("[" * levels + "]" * levels)


@pytest.mark.parametrize(
    ("plain", "path"),
    [
        ({"a": (1,)}, "a"),
        ({1: 2}, ""),
        ([{"x": {1}}], "[0].x"),
        ([float("nan")], "[0]"),
        ([2**63], "[0]"),
        (["\0"], "[0]"),
        ([type("Text", (str,), {})("x")], "[0]"),
        (object(), ""),
    ],
)
def test_data_made_in_python_meets_the_same_rules(plain: Any, path: str) -> None:
    with pytest.raises(BadValue) as caught:
        check_plain(plain)
    assert caught.value.path == path


plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(INT_MIN, INT_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(plain_data)
def test_canonical_text_reads_back_as_the_same_and_is_written_the_same(plain: Any) -> None:
    text = canonical.dumps(plain)
    for again in (parse(text), canonical.loads(text), parse(json.dumps(plain))):
        assert repr(_sorted(again)) == repr(_sorted(plain))
        assert canonical.dumps(again) == text


def test_canonical_text_is_sorted_by_code_point_and_has_no_spaces() -> None:
    plain = {"é": 1.0, "a": -0.0, "Z": [1e16, 2], "\U0001f600": None, "\uffff": "ß"}
    assert canonical.dumps(plain) == '{"Z":[1e16,2],"a":-0.0,"é":1.0,"\uffff":"ß","\U0001f600":null}'
    assert canonical.digest("ß") == canonical.digest("ß".encode())


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_random_bytes_raise_only_bad_value(text: str | bytes) -> None:
    with contextlib.suppress(BadValue):
        check_plain(parse(text))


def _sorted(plain: Any) -> Any:
    if isinstance(plain, dict):
        return sorted((name, repr(_sorted(value))) for name, value in plain.items())
    return [_sorted(item) for item in plain] if isinstance(plain, list) else plain
