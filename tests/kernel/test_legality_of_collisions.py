"""What the verifier says of commits whose key took effect before, with other arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from opord.kernel.legality import verify
from opord.kernel.program import Program
from opord.loading import load_sources
from tests.kernel.journals import HOUR, Journal, due

COLL = """
contract Coll(id: str) key id version 1
effect price(n: int) -> int
action ship(id: str, n: int) -> str { key id }
phase Desk {
  on cancel(reason) -> goto Off(reason)
  after 1h -> {
    let t = commit ship(id, 0)
    goto Off("late")
  }
  initial state Shipping(n: int = 0) -> Shipping | Done | Off {
    if n >= 3 { goto Done }
    let cents = perform price(n)
    let t = commit ship(id, n)
    goto Shipping(n + 1)
  }
}
final state Done success
final state Off(reason: str) cancelled
"""

SHIP = {"call": "ship", "key": "c1"}
OTHER = {"call": "ship", "key": "Coll/c1/2"}
PRICE = [{"call": "price", "ok": 7}]
RESULT = {"ok": "t1"}
ANN = {"by": "person", "actor": "ann"}
WHY = "ship took effect before"
DESK = {"Desk after": due(0, HOUR)}


@cache
def coll() -> Program:
    return load_sources([("coll.opord", COLL)])


def shipped() -> Journal:
    """One shipment, and the state again."""
    return (
        Journal(coll(), "Coll/c1")
        .add("started", name="Coll", version=1, input={"id": "c1"}, to="Shipping", data={"n": 0}, timers=DESK)
        .add("intent", 1, **SHIP, args={"id": "c1", "n": 0}, now=due(1, 0), answers=PRICE)
        .add("outcome", 2, **SHIP, attempt=1, by="call", outcome=RESULT)
        .add(
            "transition", 2, from_="Shipping", to="Shipping", cause="commit ship", data={"n": 1}, timers=DESK
        )
    )


def collided(**changes: Any) -> Journal:
    said = {**SHIP, "args": {"id": "c1", "n": 1}, "now": due(3, 0), "answers": PRICE, "error": WHY} | changes
    return shipped().add("stalled", 3, **said)


def resolved(verdict: str, **changes: Any) -> Journal:
    return collided().add("resolved", 4, **{**SHIP, **ANN, "verdict": verdict} | changes)


def another(**changes: Any) -> Journal:
    said = {**OTHER, "args": {"id": "c1", "n": 1}, "now": due(3, 0), "answers": PRICE} | changes
    return resolved("another").add("intent", 5, **said)


def found(journal: Journal, status: str = "running") -> list[tuple[int | None, str]]:
    said = verify(journal.program, journal.row(status), journal.records(), journal.inbox)
    return [(problem.seq, problem.what) for problem in said if problem.seq is not None]


LEGAL: dict[str, Callable[[], Journal]] = {
    "stalled at a collision": collided,
    "the same commit": lambda: resolved("happened")
    .add("outcome", 5, **SHIP, by="record", outcome=RESULT)
    .add("transition", 5, from_="Shipping", to="Shipping", cause="commit ship", data={"n": 2}, calls=PRICE, timers=DESK),
    "another one": lambda: another().add("outcome", 6, **OTHER, attempt=1, by="call", outcome={"ok": "t2"}),
    "taken by a shared event": lambda: collided()
    .add("event", 5, event="cancel", args={"reason": "late"}, actor="ann")
    .add("transition", 5, from_="Shipping", to="Off", cause="event cancel", data={"reason": "late"}, result="cancelled"),
    "taken by a timer of the phase, whose commit is on record": lambda: collided()
    .add("outcome", 3601, **SHIP, by="record", outcome=RESULT)
    .add("transition", 3601, from_="Shipping", to="Off", cause="timer Desk after, commit ship", data={"reason": "late"}, result="cancelled"),
    "terminated": lambda: collided().add("terminated", 9, actor="root", reason="enough"),
}  # fmt: skip


@pytest.mark.parametrize("what", LEGAL)
def test_a_legal_journal_has_no_problems(what: str) -> None:
    assert found(LEGAL[what]()) == []


FORGED: dict[str, tuple[Callable[[], Journal], tuple[int, str]]] = {
    "a collision with the same arguments": (lambda: collided(args={"id": "c1", "n": 0}), (5, "stalled")),
    "a collision with nothing": (
        lambda: Journal(coll(), "Coll/c1")
        .add("started", name="Coll", version=1, input={"id": "c1"}, to="Shipping", data={"n": 0}, timers=DESK)
        .add("stalled", 1, **SHIP, args={"id": "c1", "n": 0}, now=due(1, 0), answers=PRICE, error=WHY),
        (2, "stalled"),
    ),
    "a collision under another key": (lambda: collided(key="c2"), (5, "key")),
    "resumed": (lambda: collided().add("retried", 4, actor="ann"), (6, "order")),
    "resolved by a check": (lambda: resolved("happened", by="check", actor=None), (6, "actor")),
    "resolved by nobody": (lambda: resolved("another", actor=""), (6, "actor")),
    "said not to have happened": (lambda: resolved("did_not_happen"), (6, "resolved")),
    "resolved twice": (
        lambda: resolved("another").add("resolved", 5, **SHIP, **ANN, verdict="happened"), (7, "order")
    ),
    "another one that nobody spoke of": (
        lambda: collided().add("intent", 4, **OTHER, args={"id": "c1", "n": 1}, now=due(3, 0), answers=PRICE),
        (6, "intent"),
    ),
    "another one under the key that took effect": (lambda: another(key="c1"), (7, "key")),
    "another one at another time": (lambda: another(now=due(5, 0)), (7, "step")),
    "another one after other answers": (lambda: another(answers=[{"call": "price", "ok": 8}]), (7, "step")),
    "an own key after it was said to be the same commit": (
        lambda: resolved("happened").add(
            "intent", 5, **OTHER, args={"id": "c1", "n": 1}, now=due(3, 0), answers=PRICE
        ),
        (7, "key"),
    ),
    "the result on record that nobody spoke of": (
        lambda: collided().add("outcome", 4, **SHIP, by="record", outcome=RESULT), (6, "outcome")
    ),
    "the result on record after it was said to be another one": (
        lambda: resolved("another").add("outcome", 5, **SHIP, by="record", outcome=RESULT), (7, "outcome")
    ),
    "a doubt said to be another one": (
        lambda: Journal(coll(), "Coll/c1")
        .add("started", name="Coll", version=1, input={"id": "c1"}, to="Shipping", data={"n": 0}, timers=DESK)
        .add("intent", 1, **SHIP, args={"id": "c1", "n": 0}, now=due(1, 0), answers=PRICE)
        .add("doubt", 2, **SHIP, attempt=1, reason="lost", rule=2)
        .add("resolved", 3, **SHIP, **ANN, verdict="another"),
        (4, "resolved"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_journal_is_found_at_its_record(what: str) -> None:
    make, problem = FORGED[what]
    assert problem in found(make()), found(make())
