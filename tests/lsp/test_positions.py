"""Positions are counted as the editor counts them, with any text before them on the line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.lsp.positions import Encoding, Lines

TEXT = "a😀b漢é\r\nzweite\rdritte\n\u2028x"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", [(0, 0), (0, 1), (0, 5), (0, 6), (0, 9), (0, 11)]),
        ("utf-16", [(0, 0), (0, 1), (0, 3), (0, 4), (0, 5), (0, 6)]),
        ("utf-32", [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]),
    ],
)
def test_each_encoding_counts_its_own_units(encoding: Encoding, expected: list[tuple[int, int]]) -> None:
    lines = Lines(TEXT, encoding)
    assert [lines.position(offset) for offset in range(6)] == expected


def test_lines_end_where_editors_end_them_and_nowhere_else() -> None:
    lines = Lines(TEXT)
    assert lines.position(TEXT.index("zweite")) == (1, 0)
    assert lines.position(TEXT.index("dritte")) == (2, 0)
    assert lines.position(TEXT.index("x")) == (3, 1)


def test_a_position_outside_of_the_text_is_cut() -> None:
    lines = Lines("ab\ncd")
    assert [lines.offset(0, 99), lines.offset(1, 99), lines.offset(9, 0), lines.offset(-1, 3)] == [2, 5, 5, 0]
    assert [lines.position(-5), lines.position(99)] == [(0, 0), (1, 2)]
    assert Lines("😀x").offset(0, 1) == 0


@given(st.text(alphabet="a漢😀é\r\n\u2028\x85 ", max_size=30), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_an_offset_converted_both_ways_is_the_same(text: str, encoding: Encoding) -> None:
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        back = lines.offset(*lines.position(offset))
        assert back == offset or text[back : offset + 1] == "\r\n"
