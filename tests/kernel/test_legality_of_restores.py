"""What the verifier says of commits after a restore: by the own key, a computed key, or none.

The rule of a restore is in its record. Older records name none: what was legal then stays legal.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from opord.kernel.legality import verify
from opord.kernel.program import Program
from opord.loading import load_sources
from tests.kernel.journals import Journal, due

TICKET = """
contract Ticket(id: str) key id version 1
failure Refused { No(reason: str), Never settles, Busy transient }
effect find(call: str) -> str?
action book(id: str) -> str fails Refused { key, retry 2 times backoff 1s to 2s }
action lodge(id: str) -> str fails Refused { key, in doubt check find("x {call.key}") }
action pay(id: str) -> str fails Refused { key id, retry 2 times backoff 1s to 2s }
initial state Booking -> Lodging | Gone {
  let a = commit book(id) else { No(reason) -> goto Gone(reason), Never -> goto Gone("never"), Busy -> goto Gone("busy") }
  goto Lodging
}
state Lodging -> Paying | Gone {
  let a = commit lodge(id) else { No(reason) -> goto Gone(reason), Never -> goto Gone("never"), Busy -> goto Gone("busy") }
  goto Paying
}
state Paying -> Done | Gone {
  let a = commit pay(id) else { No(reason) -> goto Gone(reason), Never -> goto Gone("never"), Busy -> goto Gone("busy") }
  goto Done
}
final state Done success
final state Gone(reason: str) failure
"""

BOOK = {"call": "book", "key": "Ticket/t1/1"}
LODGE = {"call": "lodge", "key": "Ticket/t1/2"}
PAY = {"call": "pay", "key": "t1"}
YES, NO = {"ok": "yes"}, {"failed": {"type": "Refused.No", "reason": "no funds"}}
NEVER, BUSY = {"failed": {"type": "Refused.Never"}}, {"failed": {"type": "Refused.Busy"}}
BY_RESTORE = {"attempt": 1, "reason": "restored", "by": "restore", "rule": 2}


@cache
def ticket() -> Program:
    return load_sources([("ticket.opord", TICKET)])


def restored(rule: int | None) -> Journal:
    journal = Journal(ticket(), "Ticket/t1").add(
        "started", name="Ticket", version=1, input={"id": "t1"}, to="Booking", data={}
    )
    return restore(journal, 1, rule)


def restore(journal: Journal, at: float, rule: int | None) -> Journal:
    said: dict[str, Any] = {"rule": rule} if rule is not None else {}
    return journal.add("restored", at, since=due(at, 0), until=due(30 * 86_400, 0), actor="ann", **said)


def booking(rule: int | None) -> Journal:
    return restored(rule).add("intent", 2, **BOOK, args={"id": "t1"}, now=due(2, 0))


def booked(rule: int | None) -> Journal:
    return (
        booking(rule)
        .add("doubt", 2, **BOOK, **BY_RESTORE)
        .add("resolved", 3, call="book", verdict="happened", by="person", actor="ann", outcome=YES)
        .add("outcome", 3, **BOOK, attempt=1, by="person", outcome=YES)
    )


def lodging(rule: int | None) -> Journal:
    return (
        booked(rule)
        .add("transition", 3, from_="Booking", to="Lodging", cause="commit book", data={})
        .add("intent", 4, **LODGE, args={"id": "t1"}, now=due(4, 0))
    )


def paying(rule: int | None) -> Journal:
    return (
        lodging(rule)
        .add("doubt", 4, **LODGE, **BY_RESTORE)
        .add("resolved", 5, call="lodge", verdict="happened", by="person", actor="ann", outcome=YES)
        .add("outcome", 5, **LODGE, attempt=1, by="person", outcome=YES)
        .add("transition", 5, from_="Lodging", to="Paying", cause="commit lodge", data={})
        .add("intent", 6, **PAY, args={"id": "t1"}, now=due(6, 0))
    )


def found(journal: Journal, status: str = "running") -> list[tuple[int | None, str]]:
    said = verify(journal.program, journal.row(status), journal.records(), journal.inbox)
    return [(problem.seq, problem.what) for problem in said if problem.seq is not None]


OWN = {
    "called at once": lambda rule: booking(rule).add("outcome", 3, **BOOK, attempt=1, by="call", outcome=YES),
    "called at once, and refused for good": lambda rule: booking(rule).add(
        "outcome", 3, **BOOK, attempt=1, by="call", outcome=NO
    ),
    "repeated in doubt, with nobody asked": lambda rule: booking(rule)
    .add("doubt", 2, **BOOK, **BY_RESTORE)
    .add("attempt", 3, **BOOK, attempt=2),
    "denied by a check that asks by the key": lambda rule: lodging(rule)
    .add("doubt", 4, **LODGE, **BY_RESTORE)
    .add("resolved", 5, call="lodge", verdict="did_not_happen", by="check"),
    "confirmed by a check that asks by the key": lambda rule: lodging(rule)
    .add("doubt", 4, **LODGE, **BY_RESTORE)
    .add("outcome", 5, **LODGE, attempt=1, by="check", outcome=YES),
    "a final failure under a computed key": lambda rule: paying(rule).add(
        "outcome", 7, **PAY, attempt=1, by="call", outcome=NO
    ),
    "a late final failure under a computed key": lambda rule: paying(rule)
    .add("doubt", 7, **PAY, attempt=1, reason="lost", rule=2)
    .add("evidence", 8, call="pay", intent=13, attempt=1, outcome=NO, learned_by="w0", answered=[1])
    .add("outcome", 8, **PAY, attempt=1, by="evidence", outcome=NO),
}  # fmt: skip
"""What was legal after a restore of an older Opord, and is not any more."""


@pytest.mark.parametrize("what", OWN)
def test_what_is_done_by_a_key_that_says_nothing_is_a_problem(what: str) -> None:
    assert found(OWN[what](2)), what


@pytest.mark.parametrize("what", OWN)
def test_the_same_after_an_older_restore_stays_legal(what: str) -> None:
    assert found(OWN[what](None)) == []


LEGAL = {
    "in doubt first": lambda: (booking(2).add("doubt", 2, **BOOK, **BY_RESTORE), "in_doubt"),
    "denied by a person, and called": lambda: (
        booking(2)
        .add("doubt", 2, **BOOK, **BY_RESTORE)
        .add("resolved", 3, call="book", verdict="did_not_happen", by="person", actor="ann")
        .add("attempt", 3, **BOOK, attempt=2)
        .add("outcome", 4, **BOOK, attempt=2, by="call", outcome=NO),
        "running",
    ),
    "a computed key used at once": lambda: (
        paying(2).add("outcome", 7, **PAY, attempt=1, by="call", outcome=YES), "running",
    ),
    "a settling failure under a computed key": lambda: (
        paying(2).add("outcome", 7, **PAY, attempt=1, by="call", outcome=NEVER), "running",
    ),
    "a final failure under a computed key, set aside": lambda: (
        paying(2).add("attempt", 7, **PAY, attempt=1, outcome=NO).add("doubt", 7, **PAY, **BY_RESTORE),
        "in_doubt",
    ),
    "a doubt by the own key, by a newer Opord after an older restore": lambda: (
        booking(None).add("doubt", 2, **BOOK, **BY_RESTORE), "in_doubt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LEGAL)
def test_a_legal_journal_has_no_problems(what: str) -> None:
    journal, status = LEGAL[what]()
    assert found(journal, status) == []


def test_a_transient_failure_by_the_own_key_puts_nothing_in_doubt_any_more() -> None:
    """The own key is in doubt before its call; what it answers then is the answer."""
    denied = (
        booking(2)
        .add("doubt", 2, **BOOK, **BY_RESTORE)
        .add("resolved", 3, call="book", verdict="did_not_happen", by="person", actor="ann")
        .add("attempt", 3, **BOOK, attempt=2)
        .add("attempt", 4, **BOOK, attempt=2, outcome=BUSY, next=due(5, 0))
    )
    assert found(denied) == []
    again = denied.add("doubt", 4, **BOOK, **{**BY_RESTORE, "attempt": 2})
    assert found(again, "in_doubt") == [(8, "restored")]
