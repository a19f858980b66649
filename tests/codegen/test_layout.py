"""Docstrings of generated code: whatever a comment says, they are one literal that shows it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.codegen.layout import WIDTH, docstring
from opord.values.visible import readable


def written(text: str, depth: int = 1) -> str:
    """Return the value of the docstring that is written for a text."""
    lines = docstring(text, depth)
    assert all(line.isprintable() for line in lines)
    code = "\n".join(["def f():", *lines] if depth else lines)
    return ast.get_docstring(ast.parse(code).body[0] if depth else ast.parse(code)) or ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ('ends in """', 'ends in """'),
        ('""""', '""""'),
        ('quoted "', 'quoted "'),
        ("back\\", "back\\"),
        ("\\x41 \\N{DASH} \\u202e", "\\x41 \\N{DASH} \\u202e"),
        ("\x1b[31m \u202e \x85 \x00", "\\x1b[31m \\u202e \\x85 \\x00"),
        ("a\tb", "a    b"),
        ("one\n\ntwo \u2028 three", "one\n\ntwo \\u2028 three"),
    ],
)
def test_a_docstring_shows_its_text(text: str, shown: str) -> None:
    assert written(text) == shown


@given(st.text(st.sampled_from("a \"\\'\n{}\x1b\u202e\t\x00-\ud800"), max_size=300), st.integers(0, 3))
def test_any_text_is_one_literal(text: str, depth: int) -> None:
    lines = docstring(text, 1 if depth else 0)
    if not lines:
        assert readable(text).strip() == ""
        return
    assert "".join(written(text, 1 if depth else 0).split()) == "".join(readable(text).split())
    assert all(len(line) <= WIDTH or " " not in line.strip() for line in lines[1:-1])
