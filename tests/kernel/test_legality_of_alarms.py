"""The verifier holds alarms to the norm: what contradicts raises one, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from opord.kernel.legality import verify
from tests.kernel.journals import Journal, canonical, done

LATE = {"call": "wire", "intent": 8, "attempt": 1, "learned_by": "w0"}
OTHER, SAME = {"ok": {"id": "r9"}}, {"ok": {"id": "r2"}}
ALARM = {
    "call": "wire", "key": "Parcel/p1/4", "intent": 8, "attempt": 1, "learned_by": "w0",
    "reason": "two results", "evidence": 20, "against": 9,
}  # fmt: skip


def late(outcome: Any = OTHER, **changes: Any) -> Journal:
    """A parcel that is done, and whose wire is answered again."""
    return done().add("evidence", 99, **{**LATE, "outcome": outcome, "rule": 2, **changes})


def alarmed(**changes: Any) -> Journal:
    return late().add("alarm", 99, **{**ALARM, **changes})


def acknowledged(**changes: Any) -> Journal:
    return alarmed().add("acknowledged", 200, **{"actor": "ann", "alarms": [21], **changes})


def problems(journal: Journal) -> list[tuple[int | None, str]]:
    said = verify(journal.program, journal.row("ended"), journal.records(), journal.inbox)
    return [(problem.seq, problem.what) for problem in said if problem.seq is not None]


LEGAL: dict[str, Callable[[], Journal]] = {
    "an alarm that is open": alarmed,
    "an alarm that was acknowledged": acknowledged,
    "the same answer again": lambda: late(SAME),
    "the same contradiction again": lambda: alarmed().add("evidence", 120, **LATE, outcome=OTHER, rule=2),
    "a contradiction from before there were alarms": lambda: late(rule=None),
    "two alarms closed at once": lambda: (
        alarmed()
        .add("evidence", 120, **LATE, outcome={"ok": {"id": "r8"}}, rule=2)
        .add("alarm", 120, **{**ALARM, "evidence": 22})
        .add("acknowledged", 200, actor="ann", alarms=[21, 23])
    ),
}


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_journal_has_no_problem(name: str) -> None:
    assert problems(LEGAL[name]()) == []


FORGED: dict[str, tuple[Callable[[], Journal], tuple[int, str]]] = {
    "no alarm at the end": (late, (20, "alarm")),
    "no alarm before what follows": (
        lambda: late().add("evidence", 120, **LATE, outcome=OTHER, rule=2),
        (21, "alarm"),
    ),
    "an alarm without evidence": (lambda: done().add("alarm", 99, **ALARM), (20, "alarm")),
    "an alarm for the same answer": (lambda: late(SAME).add("alarm", 99, **ALARM), (21, "alarm")),
    "an alarm twice": (lambda: alarmed().add("alarm", 99, **ALARM), (22, "alarm")),
    "another reason": (lambda: alarmed(reason="yes after no"), (21, "alarm")),
    "another record": (lambda: alarmed(against=12), (21, "alarm")),
    "another attempt": (lambda: alarmed(attempt=2), (21, "alarm")),
    "another worker": (lambda: alarmed(learned_by="w1"), (21, "alarm")),
    "another key": (lambda: alarmed(key="k"), (21, "alarm")),
    "nothing to acknowledge": (
        lambda: done().add("acknowledged", 99, actor="ann", alarms=[21]),
        (20, "acknowledged"),
    ),
    "acknowledged twice": (
        lambda: acknowledged().add("acknowledged", 300, actor="ann", alarms=[21]),
        (23, "acknowledged"),
    ),
    "another alarm acknowledged": (lambda: acknowledged(alarms=[20]), (22, "acknowledged")),
    "acknowledged by nobody": (lambda: acknowledged(actor=None), (22, "actor")),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_journal_is_found(name: str) -> None:
    journal, problem = FORGED[name]
    assert problem in problems(journal())


@pytest.mark.parametrize("needs", ["alarm", ""])
@pytest.mark.parametrize("kept", [True, False])
def test_the_stored_alarms_and_needs_are_computed_again(kept: bool, needs: str) -> None:
    journal = alarmed()
    at = journal.bodies[-1]["_at"]
    alarm = {"seq": 21, "at": at, **{name: value for name, value in ALARM.items() if name != "intent"}}
    body = {"data": {}, "entered": 7, "alarms": [alarm] if kept else []}
    row = journal.row("ended", body=canonical(body), needs=needs)
    wrong = {problem.what for problem in verify(journal.program, row, journal.records(), journal.inbox)}
    assert ("alarms" in wrong, "needs" in wrong) == (not kept, needs != "alarm")
