"""`unanswered` finds exactly what the promises refute, which are decided by another way.

An action is unanswered at a bad end if a run can come there after it may have taken effect, with no
undoing in between. Said as a promise: after the action, each run comes to an undoing or to another
end.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from random import Random

from opord.contract import Action, Contract, Promise, Skip
from opord.language import check_text
from opord.language.ensure import decide
from tests.random_contracts import random_contract

SEEDS = range(150)


def unanswered(contract: Contract) -> Iterator[tuple[Action, str, list[str]]]:
    """Yield each action with a bad end at which it is unanswered, and the actions that undo it."""
    ends = {state.name: state.outcome for state in contract.states if state.kind == "final"}
    for action in contract.actions:
        if action.undoes is not None or action.repeatable or isinstance(action.doubt, Skip):
            continue
        undoing = [other.name for other in contract.actions if other.undoes == action.name]
        for end in (end for end, outcome in ends.items() if outcome != "success"):
            others = (*undoing, *(other for other in ends if other != end))
            promise = (
                Promise("eventually", others, (action.name,))
                if undoing
                else Promise("never after", (end,), (action.name,))
            )
            (verdict,) = decide(dataclasses.replace(contract, promises=(promise,)))
            if not verdict.holds:
                yield action, end, undoing


def test_unanswered_agrees_with_the_promises() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        text = random_contract(Random(seed), promises=0)
        result = check_text(text)
        expected: set[tuple[str, str, str]] = set()
        asked: set[str] = set()
        for action, end, undoing in unanswered(result.model):
            if undoing:
                expected.add(("OP807", end, action.name))
            elif action.stands is None:
                expected.add(("OP811", action.name, action.name))
            else:
                asked.add(action.name)
        at = {each.place: each.name for each in (*result.model.states, *result.model.actions)}
        found = {
            (each.code.id, at[each.place], each.about)
            for each in result.diagnostics
            if each.rule == "unanswered"
        }
        assert found == expected, f"seed {seed}\n{text}"
        seen.update(code for code, _, _ in found)
        needless = {each.place for each in result.diagnostics if each.code.id == "OP812"}
        unused = {each.place for each in result.diagnostics if each.code.id == "OP801"}
        for action in result.model.actions:
            if action.stands is not None and action.place not in unused:
                kind = "stands" if action.name in asked else "OP812"
                assert (action.stands_place in needless) == (kind == "OP812"), f"seed {seed}\n{text}"
                seen[kind] += 1
    assert all(seen[each] >= 5 for each in ("OP807", "OP811", "OP812", "stands")), seen
