"""The formatter has one layout: stable, without loss, and without a change of meaning."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.language.syntax import tree
from opord.language.syntax.formatter import WIDTH, NotFormatted, format_source
from opord.language.syntax.lexer import lex
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source
from tests.fuzz.seeds import seeds
from tests.language.kit import rebroken, respaced
from tests.random_contracts import random_contract

EXAMPLE = files("opord.examples.orders").joinpath("order.opord").read_text("utf-8")
SEEDS = [text for text in seeds() if not parse(Source("t", text))[1]]
GOOD = sorted((Path(__file__).parent / "good").rglob("*.opord"))


def without_spans(node: object) -> object:
    """Reduce a tree to its meaning: no spans, and only documentation and reasons from comments."""
    if isinstance(node, list):
        return [without_spans(each) for each in node]
    if isinstance(node, tuple):
        return True  # the span of a word that is present: `transient`, `keep`
    if isinstance(node, tree.Allow):
        return (node.rule.text, node.reason)
    if is_dataclass(node):
        names = [
            each.name for each in fields(node) if not each.name.endswith("span") and each.name != "comments"
        ]
        return (
            type(node).__name__,
            *(without_spans(getattr(node, name)) for name in names if name != "rest"),
        )
    return node


def meaning(text: str) -> object:
    file, findings = parse(Source("t", text))
    assert not findings
    return without_spans(file)


def comments(text: str) -> list[str]:
    return [each.text for each in parse(Source("t", text))[0].comments]


def tokens_of(text: str) -> list[str]:
    """Return the tokens without commas, because a new line can replace a comma."""
    return [each for each in lex(Source("t", text))[0].texts if each != ","]


def assert_formatted_well(text: str) -> None:
    once = format_source(text)
    assert format_source(once) == once
    assert meaning(once) == meaning(text)
    assert comments(once) == comments(text)
    assert tokens_of(once) == tokens_of(text)


def test_the_example_is_formatted() -> None:
    assert format_source(EXAMPLE) == EXAMPLE


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_contracts_are_formatted_well(path: Path) -> None:
    assert_formatted_well(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("role  a ,b", "role a, b\n"),
        ("record R{a:str,b:int=-1}", "record R { a: str, b: int = -1 }\n"),
        ("record R { a: str\n b: int }", "record R {\n  a: str\n  b: int\n}\n"),
        ("\n\n\nrole a\n\n\n\nrole b\n\n", "role a\n\nrole b\n"),
        ("state A->B|C{goto B}", "state A -> B | C { goto B }\n"),
        ("state A -> B {\n\n  goto B\n\n}", "state A -> B {\n  goto B\n}\n"),
        ("state A\n-> B\n| C {\ngoto B\n}", "state A\n  -> B\n  | C {\n  goto B\n}\n"),
        ("pure f() -> int\neffect g()", "pure   f() -> int\neffect g()\n"),
        ("pure f() -> int\n\neffect g()", "pure f() -> int\n\neffect g()\n"),
        ("role a # one\nevent bcd # two", "role a     # one\nevent bcd  # two\n"),
        (
            "state A -> B {\nlet x = a[ 1 : 2 ]+-b\ngoto B( x,.. )\n}",
            "state A -> B {\n  let x = a[1:2] + -b\n  goto B(x, ..)\n}\n",
        ),
        (
            'state A -> B {\n  goto B("a { b  +c }")\n}',
            'state A -> B {\n  goto B("a { b  +c }")\n}\n',
        ),
        (
            "state A -> B {\n  goto B(C {\nd: 1\n})\n}",
            "state A -> B {\n  goto B(C {\n    d: 1\n  })\n}\n",
        ),
        (
            "state A -> B {\n# note\n  on a -> goto B # go\n  # end\n}",
            "state A -> B {\n  # note\n  on a -> goto B  # go\n  # end\n}\n",
        ),
    ],
)  # fmt: skip
def test_the_layout_of_each_construct(before: str, after: str) -> None:
    assert format_source(before) == after
    assert format_source(after) == after


def test_a_long_line_is_broken_at_its_braces() -> None:
    text = (
        "action f(a: str) {"
        + ", ".join(f"in doubt check {'e' * 20}(a)" for _ in range(1))
        + ", key a, retry 5 times backoff 1s to 10m, timeout 10s }"
    )
    broken = format_source(text)
    assert all(len(line) <= WIDTH for line in broken.splitlines())
    assert_formatted_well(text)


POLICIES = "key order.id for 24h, retry 5 times backoff 1s to 1m, timeout 10s"
CHECK = "in doubt check find_charge(order.id) after 30s"
ARMS = (
    "ok r -> goto Charged(r), Declined(reason) -> goto Rejected(reason), Busy -> goto Rejected(unavailable)"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # what was written on one line stays there if it fits
        ("action f(a: str) { key a, timeout 10s }", "action f(a: str) { key a, timeout 10s }\n"),
        ("state A -> B { on x -> goto B }", "state A -> B { on x -> goto B }\n"),
        # what was opened over several lines stays open
        ("record R {\n  a: int, b: int }", "record R {\n  a: int, b: int\n}\n"),
        ("record R { a: int\n b: int }", "record R {\n  a: int\n  b: int\n}\n"),
        # what begins beside its brace, and breaks at commas, is joined
        ("record R { a: int,\n  b: int\n}", "record R { a: int, b: int }\n"),
        ("state A -> B { goto B\n}", "state A -> B { goto B }\n"),
        (
            "state A -> B { match commit f(x) { ok -> goto B,\n  No -> goto C } }",
            "state A -> B { match commit f(x) { ok -> goto B, No -> goto C } }\n",
        ),
        ("record R { a: int, # one\n  b: int }", "record R {\n  a: int,  # one\n  b: int\n}\n"),
        ("record R { a: int,\n  # two\n  b: int }", "record R {\n  a: int,\n  # two\n  b: int\n}\n"),
        # items that do not fit on one line fill lines; arms have a line each
        (
            f"action charge(order: Order) {{ {POLICIES} }}",
            f"action charge(order: Order) {{ {POLICIES} }}\n",
        ),
        (
            f"action charge_the_card(order: Order) -> Receipt {{ {POLICIES} }}",
            f"action charge_the_card(order: Order) -> Receipt {{\n  {POLICIES}\n}}\n",
        ),
        (
            f"action charge_card(order: Order) -> Receipt {{ {POLICIES}, {CHECK} }}",
            f"action charge_card(order: Order) -> Receipt {{\n  {POLICIES}\n  {CHECK}\n}}\n",
        ),
        (
            f"state A -> B {{ match commit f(x) {{ {ARMS} }} }}",
            "state A -> B {\n  match commit f(x) {\n    " + ARMS.replace(", ", "\n    ") + "\n  }\n}\n",
        ),
    ],
)  # fmt: skip
def test_lines_are_filled_and_only_what_does_not_fit_is_broken(before: str, after: str) -> None:
    assert format_source(before) == after
    assert_formatted_well(before)


def test_a_header_that_is_too_long_for_its_reason_keeps_its_parameters_together() -> None:
    reason = 'stands because "a person pays back what came late, by hand and with a note"'
    head = "action charge_a_card(id: str, cents: int, currency: str) -> str"
    short = f"{head} {reason} {{ key id, timeout 10s }}\n"
    formatted = f"{head} {reason} {{\n  key id, timeout 10s\n}}\n"
    assert format_source(short) == format_source(formatted) == formatted
    without = f"{head} {reason}\n"
    assert format_source(without) == without
    too_long = (
        f"action charge_a_card({', '.join(f'parameter_{n}: str' for n in range(6))}) {reason} {{ key id }}\n"
    )
    assert format_source(too_long).startswith("action charge_a_card(\n  parameter_0: str, ")


def test_an_item_that_is_broken_itself_leaves_each_item_a_line() -> None:
    inner = ", ".join(f"number_{n}" for n in range(14))
    text = f"state A -> B {{\n  let x = [[1], [{inner}], [2]]\n  goto B(x)\n}}"
    lines = format_source(text).splitlines()
    assert lines[1:4] == ["  let x = [", "    [1],", "    ["]
    assert lines[6:9] == ["    ],", "    [2]", "  ]"]
    assert_formatted_well(text)


def test_a_long_list_is_broken_at_its_parentheses() -> None:
    text = "event e(" + ", ".join(f"field_number_{n}: str" for n in range(9)) + ")"
    lines = format_source(text).splitlines()
    assert [line.count(":") for line in lines] == [0, 5, 4, 0]
    assert max(map(len, lines)) <= WIDTH
    assert_formatted_well(text)


def test_a_file_with_syntax_errors_is_left_alone() -> None:
    with pytest.raises(NotFormatted) as caught:
        format_source("state A -> {")
    assert [each.rule for each in caught.value.findings] == ["syntax"]


@given(
    st.sampled_from([EXAMPLE, *(path.read_text("utf-8") for path in GOOD)]), st.randoms(use_true_random=False)
)
def test_any_spacing_of_a_contract_is_formatted_well(text: str, random: object) -> None:
    numbers = iter(lambda: random.randrange(60), -1)  # type: ignore[attr-defined]
    assert_formatted_well(respaced(text, numbers))


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_any_line_breaks_of_a_random_contract_are_formatted_well(seed: int, random: Random) -> None:
    assert_formatted_well(rebroken(random_contract(Random(seed)), random))


@given(st.sampled_from([EXAMPLE, *SEEDS]), st.randoms(use_true_random=False))
def test_any_line_breaks_of_a_contract_are_formatted_well(text: str, random: Random) -> None:
    assert_formatted_well(rebroken(text, random))
