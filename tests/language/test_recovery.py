"""Any text gives a tree, findings at their places, and no more findings than mistakes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.language.diagnostics.model import FINDINGS_MAX
from opord.language.syntax import tree
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source

from importlib.resources import files  # isort: skip

EXAMPLE = files("opord.examples.orders").joinpath("order.opord").read_text("utf-8")
PIECES = re.findall(r"\s+|\w+|[^\w\s]", EXAMPLE)
STRAY = ["(", ")", "{", "}", "[", "]", '"', ",", "->", "\n", "else", "in", "not", "#", "..", "|", "if", "😀"]


def findings_of(text: str) -> list[tuple[int, str]]:
    return [(each.place.line, each.code.id) for each in parse(Source("t", text))[1]]


def test_five_mistakes_are_five_findings() -> None:
    text = """\
contract A(x int)
record B { a: , b: str }
event f(x: str) bye manager
state Q -> R {
  let = 3
  goto R
}
final state R sucess
"""
    assert [line for line, _ in findings_of(text)] == [1, 2, 3, 5, 8]


def test_an_unclosed_brace_is_found_where_the_next_declaration_begins() -> None:
    text = "phase P {\n  state A -> B {\n    goto B\n  state B -> C {\n    goto C\n  }\n}\nfinal state C success\n"
    file, findings = parse(Source("t", text))
    assert [(each.place.line, each.code.id) for each in findings] == [(2, "OP011")]
    phase, final = file.declarations
    assert isinstance(phase, tree.Phase)
    assert [state.name.text for state in phase.states] == ["A", "B"]
    assert isinstance(final, tree.State)


def test_an_unclosed_parenthesis_spoils_only_its_line() -> None:
    assert findings_of("state A -> B {\n  on x(\n  on y -> goto B(\n  on z -> goto B\n}\nrole r") == [
        (2, "OP011"),
        (3, "OP011"),
    ]


def test_the_text_after_a_broken_line_is_still_read() -> None:
    file, findings = parse(Source("t", "state A -> B {\n  let x = = 3\n  let y = 4\n  goto B\n}"))
    (state,) = file.declarations
    assert len(findings) == 1
    assert isinstance(state, tree.State)
    assert [type(each).__name__ for each in state.body or []] == ["Unparsed", "Let", "Goto"]


def test_a_broken_expression_in_a_text_spoils_only_that_expression() -> None:
    assert findings_of('state A -> B {\n  goto B("a {b c} d {e}", f)\n}') == [(2, "OP010")]


def test_the_example_may_end_after_any_character() -> None:
    for end in range(len(EXAMPLE)):
        parse(Source("t", EXAMPLE[:end]))


@given(st.lists(st.tuples(st.integers(0, len(PIECES) - 1), st.sampled_from(STRAY) | st.none()), max_size=6))
def test_a_damaged_example_still_gives_a_tree(damage: list[tuple[int, str | None]]) -> None:
    pieces = list(PIECES)
    for at, piece in damage:
        pieces[at] = piece or ""
    file, findings = parse(Source("t", "".join(pieces)))
    assert file.declarations
    for finding in findings:
        assert finding.place.line >= 1
        assert (finding.place.end_line, finding.place.end_column) >= (
            finding.place.line,
            finding.place.column,
        )


@given(st.text(max_size=300))
def test_any_text_gives_a_tree(text: str) -> None:
    parse(Source("t", text))


@given(st.lists(st.sampled_from(PIECES + STRAY), max_size=80))
def test_any_sequence_of_words_of_the_language_gives_a_tree(pieces: list[str]) -> None:
    parse(Source("t", " ".join(pieces)))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10000,
        "[" * 10000,
        "not " * 10000,
        "- " * 10000,
        '"{' * 10000,
        "a" + " + a" * 10000,
        "a" + ".b" * 10000,
        "a" + " with { b: 1 }" * 10000,
        "A { a: " * 10000,
        "if a then " * 10000,
    ],
    ids=lambda text: text[:12],
)
def test_a_deep_expression_is_a_finding(text: str) -> None:
    codes = [code for _, code in findings_of(f"state A -> B {{\n  let x = {text}\n}}")]
    assert "OP009" in codes
    assert len(codes) <= 3


@pytest.mark.parametrize(
    "text",
    [
        "if a {\n" * 10000,
        "if a { } " + "else if a { }\n" * 10000,
        "match a {\n b -> " * 10000,
        "if a {\n" * 10000 + "}" * 10000,
    ],
    ids=["if", "else if", "match", "closed if"],
)
def test_deep_statements_are_a_finding(text: str) -> None:
    codes = [code for _, code in findings_of(f"state A -> B {{\n{text}\n}}")]
    assert "OP009" in codes


@pytest.mark.parametrize("text", ["list[" * 10_000, "secret " * 10_000], ids=["list", "secret"])
def test_a_deep_type_is_a_finding(text: str) -> None:
    assert "OP009" in [code for _, code in findings_of(f"record A {{ x: {text}")]


def test_the_number_of_findings_is_limited() -> None:
    assert len(findings_of('"\n' * 10_000)) <= FINDINGS_MAX
