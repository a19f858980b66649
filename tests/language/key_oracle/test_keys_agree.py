"""The checker and a judge that tries every path agree on `samekey` in random contracts."""

from __future__ import annotations

from random import Random

import pytest

from opord.language import check_text
from tests.language.key_oracle.judge import Judge
from tests.random_contracts import random_contract

SEEDS = (*range(60), 75, 137)
"""The last two found faults."""


def differences(text: str) -> list[str]:
    """Say where the two differ about the commits that come again under a used key."""
    checked = check_text(text)
    findings: dict[tuple[str, str], list[str]] = {}
    for finding in checked.diagnostics:
        if finding.rule == "samekey":
            way = finding.label.removeprefix("committed again by ").replace("`", "").split(" → ")
            findings[finding.about, way[-1]] = way
    judged: dict[tuple[str, str, int | None], dict[str, int]] = {}
    for again in Judge(checked.model).again():
        judged.setdefault((again.action, again.state, again.shared), {})[again.how] = again.states
    wrong = []
    states = {(action, state) for action, state, shared in judged if shared is None}
    actions = {action for action, _, shared in judged if shared is not None}
    for (action, state), way in findings.items():
        if (action, state) not in states and action not in actions:
            wrong.append(f"{action} does not come again in {state} by {way}")
    for (action, state, shared), by_how in judged.items():
        shortest = min(by_how.values())
        ways = [way for (name, at), way in findings.items() if name == action and (at == state or shared)]
        if not ways:
            wrong.append(f"{action} comes again in {state or 'a phase'} after {by_how}, and nothing is found")
        elif shared is None and len(ways[0]) != shortest and action not in actions:
            wrong.append(f"{action} comes again in {state} on {shortest} states, found by {ways[0]}")
    return wrong


@pytest.mark.parametrize("seed", SEEDS)
def test_both_find_the_same_keys_again(seed: int) -> None:
    assert differences(random_contract(Random(seed), promises=0)) == []


def test_a_difference_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = next(text for seed in SEEDS if _finds(text := random_contract(Random(seed), promises=0)))
    monkeypatch.setattr(Judge, "again", lambda _: set())
    assert differences(text)


def test_both_ends_of_a_first_commit_turn_up() -> None:
    contracts = (check_text(random_contract(Random(seed), promises=0)).model for seed in SEEDS)
    ends = [again.how for contract in contracts for again in Judge(contract).again()]
    assert min(ends.count("done"), ends.count("refused")) > 5


def _finds(text: str) -> bool:
    return any(finding.rule == "samekey" for finding in check_text(text).diagnostics)
