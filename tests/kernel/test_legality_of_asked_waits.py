"""The verifier follows waits that the other side asks for: no call is made before they are over.

The journals are written by hand. Each forgery is one that no other check would see.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from opord.kernel.legality import verify
from opord.kernel.program import Program
from opord.loading import load_sources
from tests.kernel.journals import HOUR, Journal, due

PACED = """
contract Paced(id: str) key id version 1
failure Line {
  TooMany(pause: duration) transient wait
  Limited(pause: duration) transient wait at most 1m
  Busy transient
}
event ring()
effect look(id: str) -> str fails Line { retry 3 times backoff 1s to 5s, timeout 5s }
effect find(id: str) -> str? fails Line { timeout 5s }
action pay(id: str) -> str fails Line { retry 3 times backoff 1s to 5s, timeout 5s, in doubt check find(id) after 5s }
action book(id: str) -> str fails Line in transaction { retry 3 times backoff 1s to 5s }

phase Desk {
  on ring ignore
  after 10h -> goto Over("late")
  initial state Asking -> Paying | Over {
    let text = perform look(id) else problem -> goto Over("nobody looks")
    goto Paying
  }
  state Paying -> Booking | Over {
    match commit pay(id) { ok text -> goto Booking, else -> goto Over("not paid") }
  }
  state Booking -> Over {
    match commit book(id) { ok text -> goto Over(text), else -> goto Over("not booked") }
  }
}
final state Over(text: str) success
"""

DESK = {"Desk after": due(0, 10 * HOUR)}
BUSY = {"failed": {"type": "Line.Busy"}}


def too_many(pause: str, name: str = "TooMany") -> dict[str, Any]:
    return {"failed": {"type": f"Line.{name}", "pause": pause}}


@cache
def program() -> Program:
    return load_sources([("paced.opord", PACED)])


def started() -> Journal:
    journal = Journal(program(), "Paced/a1")
    return journal.add(
        "started", name="Paced", version=1, input={"id": "a1"}, to="Asking", data={}, timers=DESK
    )


def looked(journal: Journal, at: float, attempt: int, outcome: Any, *, pause: float, **said: Any) -> Journal:
    """Add a failed attempt of `look` that began a second before."""
    body = {
        "call": "look", "attempt": attempt, "since": due(at - 1, 0), "next": due(at + pause, 0), "now": due(1, 0),
        "outcome": outcome,
    }  # fmt: skip
    return journal.add("attempt", at, **body | said)


def moved(journal: Journal, at: float, *calls: dict[str, Any], to: str = "Paying", **said: Any) -> Journal:
    body = {"from_": "Asking", "to": to, "cause": "body", "data": {}, "timers": DESK, "calls": [*calls]}
    return journal.add("transition", at, **body | said)


TEXT = {"call": "look", "ok": "text", "attempts": 2}


def heard(pause: str = "30s", counts: float = 30, **said: Any) -> Journal:
    """A run whose first attempt of `look` was asked to wait, at second 2."""
    return looked(started(), 2, 1, too_many(pause), pause=counts, **{"wait": pause} | said)


def paying(at: float = 3) -> Journal:
    """A run that has just gone on to pay."""
    return moved(started(), at, {"call": "look", "ok": "text"})


PAY = {"call": "pay", "key": "Paced/a1/2"}


def intended(journal: Journal, at: float = 4) -> Journal:
    return journal.add("intent", at, **PAY, args={"id": "a1"}, now=due(at, 0))


def refused(journal: Journal, at: float, *, pause: float = 30, **said: Any) -> Journal:
    """Let the first attempt of `pay` end with the wish to wait half a minute."""
    body = PAY | {"attempt": 1, "outcome": too_many("30s"), "next": due(at + pause, 0), "wait": "30s"}
    return journal.add(
        "attempt", at, **{name: each for name, each in (body | said).items() if each is not None}
    )


def in_doubt(journal: Journal, at: float) -> Journal:
    return journal.add("doubt", at, **PAY, attempt=1, reason="reset", rule=2)


def booking() -> Journal:
    journal = paying()
    intended(journal).add("outcome", 5, **PAY, attempt=1, by="call", outcome={"ok": "p"})
    return journal.add(
        "transition", 6, from_="Paying", to="Booking", cause="commit pay", data={}, timers=DESK
    )  # fmt: skip


def booked(journal: Journal, at: float) -> Journal:
    """Book at the second attempt, after one that was asked to wait half a minute at second 8."""
    body = {"call": "book", "now": due(7, 0)}
    journal.add(
        "attempt", 8, **body, attempt=1, since=due(7, 0), next=due(38, 0), outcome=too_many("30s"), wait="30s"
    )
    return journal.add(
        "outcome",
        at,
        **body,
        key="Paced/a1/3",
        attempt=2,
        by="transaction",
        outcome={"ok": "b"},
        args={"id": "a1"},
    )


LATE = {"call": "pay", "intent": 3, "attempt": 1, "learned_by": "w1", "answered": [1], "rule": 2}

LEGAL: dict[str, Callable[[], Journal]] = {
    "a wait of an effect": lambda: looked(heard(), 34, 2, BUSY, pause=1),
    "it answers after the wait": lambda: moved(heard(), 33, TEXT),
    "less than the backoff": lambda: heard("500ms", 0.9),
    "none is asked for": lambda: looked(started(), 2, 1, too_many("0s"), pause=1),
    "a time that is over": lambda: looked(started(), 2, 1, too_many("-1h"), pause=1),
    "more than the limit": lambda: looked(
        started(), 2, 1, too_many("1h", "Limited"), pause=60, wait="1m", asked="1h"
    ),
    "an answer that came late ends it": lambda: moved(
        heard().add("evidence", 5, call="look", attempt=1, of=2, outcome={"ok": "text"}, learned_by="w1"),
        6, {"call": "look", "ok": "text"},
    ),
    "an action": lambda: refused(intended(paying()), 6).add("attempt", 36, **PAY, attempt=2),
    "another state owes nothing": lambda: intended(moved(heard(), 33, TEXT), 34),
    "in transaction": lambda: booked(booking(), 38),
    "late evidence": lambda: in_doubt(intended(paying()), 6)
    .add("evidence", 8, **LATE, outcome=too_many("30s"), wait="30s")
    .add("attempt", 38, **PAY, attempt=2),
    "a check": lambda: in_doubt(intended(paying()), 6).add(
        "attempt", 12, call="find", attempt=1, intent=3, since=due(11, 0), next=due(312, 0),
        outcome=too_many("5m"), wait="5m",
    ),
}  # fmt: skip


def problems(journal: Journal) -> list[tuple[int | None, str]]:
    found = verify(journal.program, journal.row("waiting"), journal.records(), journal.inbox)
    return [(problem.seq, problem.what) for problem in found if problem.seq is not None]


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_journal_has_no_problems(name: str) -> None:
    assert problems(LEGAL[name]()) == []


FORGED: dict[str, tuple[Callable[[], Journal], tuple[int, str]]] = {
    "tried again before the wait is over": (lambda: looked(heard(), 20, 2, BUSY, pause=1), (3, "wait")),
    "answered before the wait is over": (lambda: moved(heard(), 20, TEXT), (3, "wait")),
    "due before the wait is over": (lambda: heard("30s", 20), (2, "attempt")),
    "a wait that the failure does not ask for": (
        lambda: looked(started(), 2, 1, BUSY, pause=1, wait="30s"), (2, "wait")
    ),
    "a wait that is left out": (lambda: looked(started(), 2, 1, too_many("30s"), pause=5), (2, "wait")),
    "another wait": (lambda: heard("30s", 30, wait="20s"), (2, "wait")),
    "more than the limit lets count": (
        lambda: looked(started(), 2, 1, too_many("1h", "Limited"), pause=60, wait="1h"), (2, "wait")
    ),
    "what was asked is left out": (
        lambda: looked(started(), 2, 1, too_many("1h", "Limited"), pause=60, wait="1m"), (2, "wait")
    ),
    "an action called again too soon": (
        lambda: refused(intended(paying()), 6).add("attempt", 30, **PAY, attempt=2), (5, "wait")
    ),
    "an action due too soon": (lambda: refused(intended(paying()), 6, pause=5), (4, "wait")),
    "an action called again after a doubt, too soon": (
        lambda: in_doubt(intended(paying()), 6)
        .add("evidence", 8, **LATE, outcome=too_many("30s"), wait="30s")
        .add("attempt", 20, **PAY, attempt=2),
        (6, "wait"),
    ),
    "a late wish to wait that is left out": (
        lambda: in_doubt(intended(paying()), 6).add("evidence", 8, **LATE, outcome=too_many("30s")), (5, "wait")
    ),
    "a transaction that is made too soon": (lambda: booked(booking(), 20), (7, "wait")),
    "a check that is made too soon": (
        lambda: in_doubt(intended(paying()), 6).add(
            "attempt", 12, call="find", attempt=1, intent=3, since=due(11, 0), next=due(32, 0),
            outcome=too_many("5m"), wait="5m",
        ),
        (5, "attempt"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_journal_is_found_at_its_record(name: str) -> None:
    make, expected = FORGED[name]
    assert expected in problems(make())
