"""A simulation of collisions: operators answer them both ways, whatever else goes wrong.

The usual verifier judges it too. Besides, an effect under the run's own key needs a person's word
that the commit is another one; no other key than a computed one and the run's own has an effect.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from opord.stores.base import RunRow
from opord.testing.clock import run_virtually
from tests.sim.machine import Broken, Machine
from tests.sim.plan import Plan

CONTRACT = "tests/sim/collisions.opord"


class Collisions(Machine):
    """The world of one simulation whose runs collide again and again."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan._replace(contract=CONTRACT))
        self.answers_rng = Random(f"collisions {plan.seed}")

    def judge(self, *, at_rest: bool = False) -> None:
        super().judge(at_rest=at_rest)
        problems = [*judge_words(self._plain(), self.provider.ledger)]
        if problems:
            raise Broken(problems)

    async def _retry(self, row: RunRow, actor: str) -> None:
        """Resolve what is stalled by a collision; `resume`, which is refused then, now and then."""
        if "collision" not in row.head.needs or self.answers_rng.random() < 0.2:
            await super()._retry(row, actor)
            return
        another = self.answers_rng.random() < 0.5
        self.counts[f"collision: {'another' if another else 'happened'}"] += 1
        await self._ask(
            "resolve",
            {"run": row.run, "another": another},
            lambda c: c.resolve(
                row.run, happened=None if another else True, another=another, seen=row.seq, actor=actor
            ),
        )


def judge_words(rows: list[dict[str, Any]], ledger: list[dict[str, Any]]) -> Iterator[str]:
    """List the effects under an own key for which no person has said that they are others."""
    words: Counter[tuple[str, str]] = Counter()
    for row in rows:
        entered, said = 0, None
        for _, kind, body, _ in row["records"]:
            one = json.loads(body)
            entered += kind in ("started", "transition")
            if kind == "resolved":
                said = one["call"] if one["verdict"] == "another" and one.get("actor") else None
            elif kind == "intent":
                if one["key"] == f"{row['run']}/{entered}" and said == one["call"]:
                    words[one["call"], one["key"]] += 1
            elif kind in ("transition", "event"):
                said = None
    for effect in ledger:
        own = effect["key"].startswith(f"{effect['run']}/")
        if own and not words[effect["action"], effect["key"]]:
            yield f"4: {effect['action']} took effect under {effect['key']!r}, and nobody said that it is another one"


def simulate(plan: Plan) -> tuple[list[str], Counter[str], list[dict[str, Any]]]:
    """Carry out a plan; return its problems, what was counted, and the ledger."""
    machine = Collisions(plan)
    problems: list[str] = []
    try:
        run_virtually(machine.story(), machine.clock)
    except Broken as broken:
        problems = broken.problems
    machine.store.close()
    return problems, machine.counts, machine.provider.ledger
