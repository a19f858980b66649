"""The judge of workers' words that an attempt never began."""

from __future__ import annotations

import json
from typing import Any

from tests.sim.verify import judge_words

RUN = "Order/1"


def row_of(*records: dict[str, Any], doubts: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return the plain row of a run with these records, and with these attempts in doubt."""
    body = {"pending": {"intent": {"seq": 1, "doubts": [*doubts]}}}
    plain = [(one["seq"], one["kind"], json.dumps(one), "") for one in records]
    return {"run": RUN, "records": plain, "head": {"body": json.dumps(body)}}


def word(intent: int) -> dict[str, Any]:
    """Return the record of a word that attempt 1 of an intent never began."""
    said = {"call": "charge", "intent": intent, "attempt": 1, "outcome": {"not_called": None}}
    return {"seq": 9, "kind": "evidence", **said}


def test_a_word_about_an_attempt_whose_handler_was_entered_is_false() -> None:
    (problem,) = judge_words([row_of(word(1))], {(RUN, 1, 1)})
    assert problem.endswith("record 9 says that attempt 1 of charge never began; it did (Order/1)")


def test_the_same_attempt_of_another_commit_under_the_same_key_says_nothing() -> None:
    assert not [*judge_words([row_of(word(5))], {(RUN, 1, 1)})]


def test_an_attempt_that_never_began_by_its_worker_is_not_in_doubt() -> None:
    (problem,) = judge_words([row_of(word(1), doubts=(1,))], set())
    assert problem == f"4: attempts [1] of {RUN} never began, as is on record, and are in doubt"
