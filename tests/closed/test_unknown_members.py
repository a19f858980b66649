"""Running code fails closed: a contract with an unknown member is not proved, drawn or written.

mypy reports the places that must know a new member (`test_members.py`). Here somebody has ignored
mypy.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.closed.growth import read_with
from tests.closed.reading import UNIONS

READ_NO_STATEMENTS = {
    "initial_state": "states",
    "acts_and_waits": "what a state has, not what is in it",
    "empty_body": "whether there is anything in a body",
    "handler_never_taken": "handlers",
    "kept_for_nobody": "events and handlers",
    "wait_without_timer": "timers",
    "restarted_timer": "timers, of which this contract has none",
    "repeat_without_key": "actions",
    "skip_with_result": "actions",
    "retry_without_reason": "effects and actions",
    "unsettled_doubt": "actions",
    "unheard_wait": "effects and actions",
    "check_that_cannot_tell": "actions",
    "undoes_no_action": "actions",
    "contract_without_key": "the header",
    "repeated_require": "the conditions of a start",
    "too_many_moves": "what the rules before it gave up at",
    "unused": "names, which it finds in whatever holds them",
}
"""Rules that read no statements, and what each reads instead."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The answer of each reader of contracts, by the union that has the unknown member."""
    found: dict[str, dict[str, str]] = read_with(
        UNIONS, tmp_path_factory.mktemp("unknown"), "tests.closed.reading"
    )
    return found


def those(answers: dict[str, str], answer: str) -> set[str]:
    return {reader for reader, said in answers.items() if said == answer}


def test_every_reader_accepts_a_known_contract(answers: dict[str, Any]) -> None:
    assert those(answers["known"], "accepted") == set(answers["known"])


def test_every_reader_of_statements_refuses_an_unknown_one(answers: dict[str, Any]) -> None:
    """The statement commits again and goes back.

    A checker that ignored it would prove that neither happens.
    """
    accepted = those(answers["Statement"], "accepted")
    assert accepted == {f"rule {name}" for name in READ_NO_STATEMENTS}
    assert those(answers["Statement"], "refused") == set(answers["Statement"]) - accepted


@pytest.mark.parametrize("kind", ["Statement", "Pattern", "Doubt"])
def test_nothing_is_proved_about_a_contract_with_an_unknown_member(
    kind: str, answers: dict[str, Any]
) -> None:
    assert {"check", "promises", "sheet", "rule broken_promise"} <= those(answers[kind], "refused")


@pytest.mark.parametrize("kind", ["Statement", "Pattern"])
def test_an_unknown_way_through_a_step_is_not_drawn_or_written(kind: str, answers: dict[str, Any]) -> None:
    assert {"dot", "mermaid", "module", "simulation"} <= those(answers[kind], "refused")
