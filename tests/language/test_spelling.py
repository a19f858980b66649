"""Expressions are spelt as in a contract: on one line, without control characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.contract import Place
from opord.language.diagnostics.model import StoryStep
from opord.language.diagnostics.render import human
from opord.language.spelling import spell_constant
from opord.language.syntax.cursor import EXPECTED
from opord.language.syntax.escapes import escape, unescape

SAMPLE = EXPECTED  # any code works


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        ("plain", '"plain"'),
        ("two\nlines", '"two\\nlines"'),
        ("a\ttab", '"a\\ttab"'),
        ('a "quote"', '"a \\"quote\\""'),
        ("a\\slash", '"a\\\\slash"'),
        ("a {brace}", '"a \\{brace}"'),
        ("\x1b[31mred\x07", '"\\u{1B}[31mred\\u{7}"'),
        ("\u202eright to left", '"\\u{202E}right to left"'),
        ("größe 𝄞", '"größe 𝄞"'),
    ],
)
def test_a_text_is_spelt_as_in_a_contract(value: str, spelt: str) -> None:
    assert spell_constant(value) == spelt


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_spelt_expression_reads_back_unchanged(text: str) -> None:
    written = escape(text)
    assert written.isprintable()
    assert unescape(written, 0, lambda span, said, advice: pytest.fail(said)) == text


def test_control_characters_in_a_file_name_are_not_printed() -> None:
    place = Place("a\x1b[2Jb\n.opord", 1, 1, 1, 2)
    finding = SAMPLE.at(place, "wrong", story=(StoryStep("1 Here", place),))
    shown = human.render([finding], {})
    assert "\x1b" not in shown
    assert "a\ufffd[2Jb\ufffd.opord:1:1" in shown
