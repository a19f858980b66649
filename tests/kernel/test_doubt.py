"""The recovery table: every situation meets exactly one row, and each row decides as its letter says."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import product
from typing import get_args

import pytest

from opord.contract import Action, Ask, Check, Doubt, Key, Nothing, Repeat, Report, Retry, Skip
from opord.kernel.doubt import ROWS, Policy, Situation, ask_deadline, check_from, decide, situation_of
from opord.kernel.run import Intent, Outcome

SECOND = 1_000_000
NOW = 1_000 * SECOND


def an_action(
    doubt: Doubt, *, retry: int | None = None, key: Key | None = None, fails: tuple[str, ...] = ()
) -> Action:
    return Action(
        "charge",
        (),
        Nothing(),
        fails,
        retry=Retry(retry) if retry is not None else None,
        key=key,
        doubt=doubt,
    )


def an_intent(**said: object) -> Intent:
    intent = Intent(seq=3, call="charge", key="k", args={}, first_at=NOW, in_flight=False)
    for name, value in said.items():
        setattr(intent, name, value)
    return intent


def decision(
    intent: Intent, action: Action, *, now: int = NOW, live: bool = False, evidence: bool = False
) -> str:
    return decide(situation_of(intent, action, now=now, live=live, evidence=evidence)).decision


def test_every_situation_meets_exactly_one_row() -> None:
    hits: Counter[str] = Counter()
    for flags in product([False, True], repeat=11):
        for policy in get_args(Policy):
            situation = Situation(*flags, policy)
            rows = [row.letter for row in ROWS if row.applies(situation)]
            assert len(rows) == 1, (situation, rows)
            hits[rows[0]] += 1
    assert set(hits) == {row.letter for row in ROWS}


def test_letters_are_told_apart() -> None:
    assert len({row.letter for row in ROWS}) == len(ROWS)


KEYED = Key(None, None)
DAY = Key(None, timedelta(hours=24))

CASES = [
    # what is on record                                       rule                                    decision
    (an_intent(in_flight=True), an_action(Repeat(), key=KEYED), "doubt"),
    (an_intent(failure={"type": "F.Busy"}, counted=1), an_action(Ask(), retry=1), "attempt"),
    (an_intent(failure={"type": "F.Busy"}, counted=2), an_action(Ask(), retry=1), "fail"),
    (an_intent(failure={"type": "F.Busy"}, counted=1), an_action(Ask()), "fail"),
    (an_intent(doubts=[1]), an_action(Repeat(), key=KEYED), "attempt"),
    (an_intent(doubts=[1], counted=40), an_action(Repeat(), key=KEYED), "attempt"),
    (an_intent(doubts=[1], counted=2), an_action(Repeat(), retry=1, key=KEYED), "ask"),
    (an_intent(doubts=[1], counted=1), an_action(Repeat(), retry=1, key=KEYED), "attempt"),
    (
        an_intent(doubts=[1], failure={"type": "F.Busy"}, counted=2),
        an_action(Repeat(), retry=1, key=KEYED),
        "ask",
    ),
    (an_intent(doubts=[1], first_at=NOW - 25 * 3600 * SECOND), an_action(Repeat(), key=DAY), "ask"),
    (an_intent(doubts=[1], first_at=NOW - 23 * 3600 * SECOND), an_action(Repeat(), key=DAY), "attempt"),
    (an_intent(doubts=[1]), an_action(Check("find", ())), "check"),
    (an_intent(doubts=[1]), an_action(Ask()), "ask"),
    (an_intent(doubts=[1]), an_action(Skip()), "skip"),
    (an_intent(doubts=[1]), an_action(Report()), "report"),
    (an_intent(doubts=[1], asking=True), an_action(Ask()), "park"),
    (
        an_intent(doubts=[1], asking=True, given_up_at=NOW - 61 * SECOND),
        an_action(Ask(timedelta(minutes=1))),
        "report",
    ),
    (
        an_intent(doubts=[1], asking=True, given_up_at=NOW - 59 * SECOND),
        an_action(Ask(timedelta(minutes=1))),
        "park",
    ),
    (an_intent(counted=0, attempt=2), an_action(Ask()), "attempt"),
    (an_intent(outcome=Outcome("ok")), an_action(Ask()), "deliver"),
]


@pytest.mark.parametrize(("intent", "action", "expected"), CASES)
def test_the_record_and_the_rule_decide(intent: Intent, action: Action, expected: str) -> None:
    assert decision(intent, action) == expected


def test_an_attempt_under_way_is_waited_for() -> None:
    assert decision(an_intent(in_flight=True), an_action(Ask()), live=True) == "wait"


def test_late_evidence_goes_before_every_rule() -> None:
    assert decision(an_intent(doubts=[1], asking=True), an_action(Ask()), evidence=True) == "adopt"


def test_an_outcome_without_an_intent_is_damage() -> None:
    assert decide(situation_of(None, None, now=NOW, live=False, evidence=False)).letter == "F"


def test_a_check_counts_its_delay_from_when_the_call_was_given_up() -> None:
    check = Check("find", (), timedelta(seconds=30))
    assert check_from(an_intent(doubts=[1], given_up_at=NOW), check) == NOW + 30 * SECOND


def test_asking_without_a_limit_has_no_deadline() -> None:
    assert ask_deadline(an_intent(doubts=[1]), an_action(Ask())) is None


@pytest.mark.parametrize(("after", "expected"), [(59.999999, "attempt"), (60, "ask")])
def test_a_key_is_forgotten_at_the_very_end_of_its_window(after: float, expected: str) -> None:
    action = an_action(Repeat(), key=Key(None, timedelta(seconds=60)))
    intent = an_intent(doubts=[1])
    now = NOW + round(after * SECOND)
    assert decide(situation_of(intent, action, now=now, live=False, evidence=False)).decision == expected


def test_a_check_that_did_not_answer_keeps_its_delay_from_a_later_doubt() -> None:
    check = Check("find", (), after=timedelta(seconds=30))
    assert check_from(an_intent(given_up_at=NOW, next_at=NOW + SECOND), check) == NOW + 30 * SECOND
