"""The clause `in transaction`: how it is written, what it becomes, and which findings it has."""

from __future__ import annotations

import pytest

from opord.content import content, contract_digest
from opord.contract import NOWHERE, TRANSACTION_LIMIT, Action, Repeat
from opord.language import CheckResult, check_text
from opord.language.diagnostics.model import Diagnostic
from opord.language.flow.graph import Graph
from opord.language.syntax.formatter import format_source
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source

REST = """
failure StockError { SoldOut, Busy transient }
initial state Reserving -> Reserved | Refused {
  commit reserve(id) else { SoldOut -> goto Refused, Busy -> goto Refused }
  goto Reserved
}
final state Reserved success
final state Refused cancelled
"""


def contract(header: str) -> str:
    return f"contract C(id: str) key id\n{header}\n{REST}"


def checked(clauses: str) -> CheckResult:
    return check_text(contract(f"action reserve(id: str) fails StockError {clauses}"))


def action(clauses: str) -> Action:
    found = checked(clauses)
    assert found.diagnostics == []
    return found.model.actions[0]


# --- what it becomes ------------------------------------------------------------------------------


def test_an_action_in_transaction_may_be_tried_again_and_is_never_in_doubt() -> None:
    reserve = action("in transaction")
    assert (reserve.transaction, reserve.doubt, reserve.key) == (True, Repeat(NOWHERE), None)
    assert reserve.doubt.place == NOWHERE
    assert reserve.transaction_place.line == 2
    assert action("{ in doubt ask }").transaction is False


def test_nothing_but_its_failures_has_to_be_handled() -> None:
    graph = Graph(checked("in transaction { timeout 1s }").model)
    assert [ref.variant for ref in graph.calls.failures("reserve")] == ["SoldOut", "Busy"]


def test_a_key_stays_and_the_longest_timeout_is_two_seconds() -> None:
    reserve = action("in transaction { key id, timeout 2s, retry 3 times }")
    assert reserve.key is not None
    assert reserve.timeout == TRANSACTION_LIMIT


def test_the_clause_is_part_of_the_content_and_left_out_without_it() -> None:
    with_it, without = (
        checked("in transaction { key id }").model,
        checked("{ key id, in doubt repeat }").model,
    )
    assert contract_digest(with_it) != contract_digest(without)
    told, silent = (content(each)["actions"][0] for each in (with_it, without))
    assert told == {**silent, "transaction": True}


@pytest.mark.parametrize(
    "header",
    [
        "action reserve(id: str) in transaction fails StockError undoes other",
        "action reserve(id: str) undoes other in transaction fails StockError",
        'action reserve(id: str) -> list[str] fails StockError in transaction stands because "so" { timeout 1s }',
    ],
)
def test_clauses_come_in_any_order_and_the_formatter_keeps_them(header: str) -> None:
    file, findings = parse(Source("c.opord", header))
    assert findings == []
    assert getattr(file.declarations[0], "transaction", None) is not None
    assert format_source(header.replace(" in ", "  in   ")) == f"{header}\n"


def test_a_header_that_is_too_long_is_broken_at_its_parameters() -> None:
    parameters = ", ".join(f"parameter_{number}: str" for number in range(6))
    formatted = format_source(f"action reserve({parameters}) fails StockError in transaction")
    first, *_, last = formatted.splitlines()
    assert (first, last) == ("action reserve(", ") fails StockError in transaction")


# --- how it is not written ------------------------------------------------------------------------

OTHERWISE = {
    "an article": ("action reserve(id: str) in a transaction", "OP046"),
    "whose transaction": ("action reserve(id: str) in the database transaction", "OP046"),
    "several": ("action reserve(id: str) in transactions", "OP046"),
    "a slip": ("action reserve(id: str) in transation", "OP046"),
    "another preposition": ("action reserve(id: str) within transaction", "OP046"),
    "one word": ("action reserve(id: str) transactional", "OP046"),
    "no preposition": ("action reserve(id: str) transaction", "OP046"),
    "twice": ("action reserve(id: str) in transaction in transaction", "OP035"),
    "half of it": ("action reserve(id: str) in", "OP010"),
    "a line of its own": ("action reserve(id: str)\n  in transaction", "OP045"),
    "alone in braces": ("action reserve(id: str) { in transaction }", "OP046"),
    "last in braces": ("action reserve(id: str) { key id, in transaction }", "OP046"),
    "first in braces": ("action reserve(id: str) { in transaction, key id }", "OP046"),
    "between in braces": (
        "action reserve(id: str) {\n  key id\n  in a transaction\n  timeout 1s\n}",
        "OP046",
    ),
}


def the_finding(header: str) -> Diagnostic:
    _, findings = parse(Source("c.opord", header))
    (finding,) = findings
    return finding


def mended(header: str, finding: Diagnostic) -> str:
    (edit,) = finding.fix
    source = Source("c.opord", header)
    start = source.offset(edit.place.line, edit.place.column)
    end = source.offset(edit.place.end_line, edit.place.end_column)
    return header[:start] + edit.text + header[end:]


@pytest.mark.parametrize(("header", "code"), OTHERWISE.values(), ids=OTHERWISE.keys())
def test_other_spellings_have_one_finding_and_its_safe_edit_mends_them(header: str, code: str) -> None:
    finding = the_finding(header)
    assert finding.code.id == code
    assert finding.help
    assert finding.fix[0].safe
    file, left = parse(Source("c.opord", mended(header, finding)))
    assert left == []
    assert mended(header, finding).splitlines()[0].startswith("action reserve(id: str) in transaction")
    assert len(getattr(file.declarations[0], "policies", ())) == header.count("key") + header.count("timeout")


@pytest.mark.parametrize(
    "header", ["effect look(id: str) in transaction", "pure f(id: str) -> int in transaction"]
)
def test_other_calls_do_not_take_it_and_only_the_author_knows_what_was_meant(header: str) -> None:
    finding = the_finding(header)
    assert (finding.code.id, finding.fix[0].safe) == ("OP031", False)
    assert mended(header, finding) == header.removesuffix(" in transaction")


def test_a_doubt_in_the_header_is_told_where_policies_stand() -> None:
    finding = the_finding("action reserve(id: str) in doubt ask")
    assert (finding.code.id, finding.fix) == ("OP010", ())
    assert "{ in doubt ask }" in finding.help


# --- which findings it has ------------------------------------------------------------------------


def codes(clauses: str) -> list[str]:
    return [each.code.id for each in checked(clauses).diagnostics]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ("{ in doubt repeat }", ["OP513"]),
        ("{ in doubt ask within 2d }", ["OP513"]),
        ("{ in doubt skip }", ["OP513"]),
        ("{ timeout 2001ms }", ["OP514"]),
        ("{ key }", ["OP515"]),
        ("{ key for 3d }", ["OP515"]),
        ("{ key id for 3d }", ["OP515"]),
        ("{ key id }", []),
        ("{ repeatable }", []),
    ],
)
def test_policies_that_cannot_be_meant_are_refused(policies: str, expected: list[str]) -> None:
    assert codes(f"in transaction {policies}") == expected


def test_a_final_failure_needs_no_settles_because_no_doubt_has_to_be_ended() -> None:
    assert codes("{ key id, timeout 1s, retry 2 times }") == ["OP808"]
    assert codes("in transaction { key id, timeout 1s, retry 2 times }") == []


def test_it_is_proved_to_happen_at_most_once_without_a_key() -> None:
    text = contract("action reserve(id: str) fails StockError in transaction")
    assert (
        check_text(f"{text}ensure reserve at most once\nensure every run ends within 2s\n").diagnostics == []
    )
