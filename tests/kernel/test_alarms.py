"""The table of alarms: every situation meets a case, and every case is met."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from opord.kernel.alarms import (
    CASES,
    Alarm,
    AlarmReason,
    Came,
    Decided,
    PastCommit,
    Situation,
    alarm_text,
    past_commit,
)
from opord.values.types import Instant, Key

BOTH = (True, False)
SITUATIONS = [
    Situation(*facts)
    for facts in itertools.product(get_args(Came), BOTH, BOTH, get_args(Decided), BOTH, BOTH, BOTH, BOTH)
]


def test_every_situation_meets_a_case_and_every_case_is_met() -> None:
    met = [next(case for case in CASES if case.fits(situation)) for situation in SITUATIONS]
    assert {case.name for case in met} == {case.name for case in CASES}
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_reason_has_a_case_and_words() -> None:
    assert {case.alarm for case in CASES if case.alarm} == {*get_args(AlarmReason)}
    for reason in get_args(AlarmReason):
        alarm = Alarm(7, Instant(5), "charge", Key("k"), 2, reason, 6, 3, "w1")
        assert "attempt 2, says worker w1" in alarm_text(alarm)


AT = "2026-02-25T06:13:20Z"


def record(seq: int, kind: str, **members: object) -> dict[str, object]:
    return {"seq": seq, "kind": kind, "at": AT, **members}


JOURNAL = [
    record(2, "intent", call="pay", key="k1"),
    record(3, "attempt", call="pay", key="k1", attempt=1, outcome={"failed": {"type": "P.Busy"}}),
    record(4, "attempt", call="pay", key="k1", attempt=2),
    record(5, "resolved", call="pay", verdict="did_not_happen", by="person"),
    record(6, "attempt", call="pay", key="k1", attempt=3),
    record(7, "outcome", call="pay", key="k1", attempt=3, outcome={"ok": 1}, by="call"),
    record(8, "transition"),
    record(9, "attempt", call="look", attempt=1, outcome={"failed": {"type": "L.Slow"}}),
    record(10, "intent", call="pay", key="k2"),
    record(11, "evidence", call="pay", intent=2, attempt=2, outcome={"failed": {"type": "P.No"}}),
    record(12, "evidence", call="look", of=9, attempt=1, outcome={"ok": True}),
    record(13, "terminated"),
]


def past(intent: int) -> PastCommit:
    commit = past_commit(JOURNAL, intent)
    assert commit is not None
    return commit


def test_what_is_on_record_of_a_commit_is_read_up_to_the_end_of_its_step() -> None:
    first = past(2)
    assert (first.call, first.key, len(first.began)) == ("pay", "k1", 3)
    assert [first.denied_in(attempt) for attempt in (1, 2, 3)] == [3, 11, 0]
    assert (first.outcome, first.by, first.outcome_of, first.decided_in) == ({"ok": 1}, "call", 3, 7)
    assert (first.terminated_in, first.heard) == (0, [(2, {"failed": {"type": "P.No"}})])
    second = past(10)
    assert (second.key, second.outcome, second.terminated_in, second.heard) == ("k2", None, 13, [])
    assert past_commit(JOURNAL, 4) is None


@pytest.mark.parametrize(
    "taken",
    [
        record(4, "event", event="stop"),
        record(4, "intent", call="pay", key="k2"),
        record(4, "outcome", call="pay", key="k2", outcome={"ok": 2}, by="record"),
    ],
    ids=["event", "another intent", "another outcome"],
)
def test_a_commit_between_attempts_ends_when_something_else_takes_the_run(taken: dict[str, object]) -> None:
    commit = past_commit([*JOURNAL[:2], taken, record(5, "terminated")], 2)
    assert commit is not None
    assert (commit.outcome, commit.terminated_in, commit.denied_in(1)) == (None, 0, 3)
