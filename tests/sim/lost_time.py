"""A simulation with a restore: the store is lost, and a copy goes on that took another way.

The plan's operations come in three parts: before the copy, in the time that is lost with the store,
and after the restore. What clients were told in the lost time is lost too, so the usual verifier
does not apply. This one looks at the ledger alone: after the restore, nothing takes effect under a
key that the contract does not compute, unless a record says why it may.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from opord.contract import Action, Check, Var
from opord.engine.restoring import mark_restored
from opord.statements import nodes
from opord.stores.memory import MemoryStore
from opord.testing.clock import run_virtually
from opord.testing.engines import kill
from tests.sim.machine import Broken, Machine
from tests.sim.plan import Plan

TWO_WAYS = "tests/restored/ticket.opord"
"""A contract whose runs have other own keys on each of two ways. Half of the seeds use it."""


class LostTime(Machine):
    """The world of one simulation with a restore."""

    def __init__(self, plan: Plan) -> None:
        rng = Random(f"lost {plan.seed}")
        contract = rng.choice((plan.contract, TWO_WAYS))
        super().__init__(plan._replace(store="memory", contract=contract))
        self.copied_at = rng.randrange(2, 30)
        self.lost_at = self.copied_at + rng.choice((3, 8, 20))
        self.operations = self.restored_at = 0
        self.copy = MemoryStore(self._now)
        self.live: set[str] = set()

    def judge(self, *, at_rest: bool = False) -> None:
        """Judge the ledger since the restore, and every journal as it stands."""
        rows = self._plain()
        problems = [*self.broken, *self.verified(row["run"] for row in rows)]
        if self.restored_at:
            problems += judge_since(rows, self.provider.ledger, self.rules, self.restored_at, self.live)
        self.judgements += 1
        if problems:
            raise Broken(problems)

    @property
    def rules(self) -> dict[str, dict[str, Any]]:
        """What the judge may know of the actions, as plain data."""
        return {one.name: _rules(one) for one in self.subject.contract.actions}

    async def _operate(self, op: Any) -> None:
        self.operations += 1
        if self.operations == self.copied_at:
            assert isinstance(self.store, MemoryStore)
            self.copy = self.store.copy()
        if self.operations == self.lost_at:
            await self._restore(self.copy)
        await super()._operate(op)

    async def _restore(self, copy: MemoryStore) -> None:
        """Lose the store and all that ran on it; put the copy in its place, and say so."""
        for life in self.lives:
            life.die()
            if life.engine is not None:
                await kill(life.engine)
        self.lives.clear()
        self.tell("restored")
        self.store = copy
        self.restored_at = self._now()
        self.live = {one.run for one in mark_restored(self.store, actor="operator")}
        self.counts["runs marked"] += len(self.live)
        await self.replace_dead()

    async def _resolve(self, row: Any, actor: str) -> None:
        """Answer by the ledger of the run, whatever the key: what is not on record yet happened."""
        intent = ((json.loads(row.head.body).get("pending") or {}).get("intent")) or {}
        action, key = intent.get("call", ""), intent.get("key", "")
        if action and (self.provider.may_still_land(action, key) or not intent.get("asking")):
            return
        effects = [one for one in self.provider.ledger if (one["run"], one["action"]) == (row.run, action)]
        bodies = [json.loads(one.body) for one in self.store.journal(row.run, limit=100_000)]
        on_record = [
            one
            for one in bodies
            if one["kind"] == "outcome" and one["call"] == action and "ok" in one["outcome"]
        ]
        happened = len(effects) > len(on_record)
        result = self.provider.result_of(effects[-1]) if happened else None
        self.counts["answered for the lost time"] += happened and effects[-1]["key"] != key
        await self._ask(
            "resolve",
            {"run": row.run, "happened": happened},
            lambda c: c.resolve(
                row.run, happened=happened, result=result, seen=row.seq, actor=actor, reason="looked"
            ),
        )


def _rules(action: Action) -> dict[str, Any]:
    doubt = action.doubt
    by_key = isinstance(doubt, Check) and any(
        isinstance(node, Var) and node.origin == "call_key" for node in nodes(doubt.args)
    )
    return {
        "computed": action.key is not None and action.key.expr is not None,
        "checks_by_key": by_key,
        "goes_on": type(doubt).__name__ in ("Skip", "Report"),
    }


def judge_since(
    rows: list[dict[str, Any]],
    ledger: list[dict[str, Any]],
    rules: dict[str, dict[str, Any]],
    restored_at: int,
    live: set[str],
) -> Iterator[str]:
    """List the effects since the restore that nothing on record allows.

    What allows one is the word of a person, or of a check that is not given the key, that the
    action did not happen. The word is about the same commit, or it ended the doubts of the run.
    """
    journals = {row["run"]: [json.loads(body) for _, _, body, _ in row["records"]] for row in rows}
    heads = {row["run"]: json.loads(row["head"]["body"]) for row in rows}
    for effect in ledger:
        rule = rules[effect["action"]]
        if effect["at"] <= restored_at or effect["run"] not in live or rule["computed"]:
            continue
        records = journals[effect["run"]]
        (restored,) = [n for n, one in enumerate(records) if one["kind"] == "restored"][-1:]
        words = {
            one["call"] for one in records[restored:]
            if one["kind"] == "resolved" and one["verdict"] == "did_not_happen"
            and (one["by"] == "person" or not rules[one["call"]]["checks_by_key"])
        }  # fmt: skip
        denied = effect["action"] in words or (words and not heads[effect["run"]].get("wary"))
        over = rule["goes_on"] and effect["at"] >= restored_at + 30 * 86_400_000_000
        if not denied and not over:
            yield f"1, C21: {effect['action']} took effect in {effect['run']} after the restore, and nobody said that it had not"


def simulate(plan: Plan) -> tuple[list[str], Any]:
    """Carry out a plan; return its problems, and what was counted."""
    machine = LostTime(plan)
    problems: list[str] = []
    try:
        run_virtually(machine.story(), machine.clock)
    except Broken as broken:
        problems = broken.problems
    return problems, machine.counts
