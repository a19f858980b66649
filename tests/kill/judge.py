"""Checks every run of a siege against the provider's ledger, the clients' history, and verifiers.

One verifier is Opord's own (`opord runs verify`). The other shares no code with it
(`tests/sim/verify.py`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opord.kernel.legality import verify_kept
from opord.kernel.program import Program
from opord.kernel.rows import Kept, RecordRow, RunRow
from opord.stores.base import Store
from tests.sim.contracts import facts_of
from tests.sim.verify import judge as judge_alone


class Broken(AssertionError):
    """A promise is broken; `kind` is lost, doubled, invented, stuck or journal."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(f"{kind}: {said}")
        self.kind = kind


class Charge(NamedTuple):
    """A line of the ledger."""

    run: str
    do: str
    key: str
    id: str


ASKS_NOBODY = ("Skipped", "Reported")
"""Contracts whose rule for doubts asks no person."""


def judge(
    store: Store,
    programs: Mapping[str, Program],
    rows: Iterable[RunRow],
    ledger: list[Charge],
    history: list[dict[str, Any]] | None = None,
    *,
    clock_set: bool = False,
) -> Counter[str]:
    """Count the ends of the runs; raise Broken for the first run that breaks a promise.

    With `clock_set` the clock was set back now and then, and journals may record that.
    """
    counts: Counter[str] = Counter(charges=sum(one.do == "charge" for one in ledger))
    made: Counter[tuple[str, str]] = Counter((one.run, one.do) for one in ledger)
    ids = {(one.run, one.id) for one in ledger}
    journals = {row: _journal(store, row.run) for row in rows}
    for row, records in journals.items():
        charged = made[row.run, "charge"]
        _judge_run(row, charged, made[row.run, "tell"], ids, [json.loads(one.body) for one in records])
        problems = verify_kept(programs[row.contract], _kept(store, row.run))
        if problems:
            raise Broken("journal", f"{row.run}: its journal is broken: {problems}")
        counts["runs"] += 1
        counts[row.head.state if row.head.status == "ended" else row.head.status] += 1
        counts[f"in doubt, {row.name}"] += row.head.status == "in_doubt"
        counts.update(f"{one.kind}s" for one in records if one.kind in ("doubt", "evidence", "unhandled"))
        counts["takeovers"] += sum(later > 1 for later in _epochs(records))
    there = {row.run for row in journals}
    for one in ledger:
        if one.run not in there:
            raise Broken("lost", f"{one.run} was charged and is not there")
    if history is not None:
        _judge_alone(store, programs, journals, ledger, history, clock_set)
    return counts


def _kept(store: Store, run: str) -> Kept:
    kept = store.kept(run)
    assert kept is not None
    return kept


def _journal(store: Store, run: str) -> list[RecordRow]:
    return store.journal(run, limit=10_000)


def _epochs(records: list[RecordRow]) -> set[int]:
    return {json.loads(one.body)["epoch"] for one in records}


def _judge_run(
    row: RunRow, charged: int, told: int, ids: set[tuple[str, str]], records: list[dict[str, Any]]
) -> None:
    where = f"{row.run} is {row.head.status} in {row.head.state}, charged {charged} times"
    head = row.head
    data = json.loads(head.body)["data"]
    if charged > 1 or told > 1:
        raise Broken("doubled", f"{where}, told {told} times")
    if charged and not any(one["kind"] == "intent" for one in records):
        raise Broken("lost", f"{where}: no intent")
    if head.status not in ("ended", "in_doubt"):
        raise Broken("stuck", f"{where} ({head.reason})")
    if head.status == "in_doubt" and row.name in ASKS_NOBODY:
        raise Broken("stuck", f"{where}: its rule asks nobody")
    if head.state == "Done" and row.name != "Skipped" and (row.run, data["receipt"]) not in ids:
        raise Broken("invented", f"{where}: an invented charge {data}")
    if head.state in ("Failed", "Cancelled", "Expired") and charged:
        raise Broken("lost", f"{where}: {data}")


def _judge_alone(
    store: Store,
    programs: Mapping[str, Program],
    journals: Mapping[RunRow, list[RecordRow]],
    ledger: list[Charge],
    history: list[dict[str, Any]],
    clock_set: bool,
) -> None:
    """Run the verifier that shares no code with Opord, on one contract after the other."""
    by_contract: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, records in journals.items():
        plain: dict[str, Any] = row.members() | {"head": row.head.members()}
        plain["records"] = [(one.seq, one.kind, one.body, one.hash) for one in records]
        plain["inbox"] = [(one.id, one.kind, one.body) for one in store.inbox(row.run)]
        by_contract[row.contract].append(plain)
    for digest, rows in by_contract.items():
        name = f"{rows[0]['name']}/"
        problems = judge_alone(
            facts_of(programs[digest].contract),
            rows,
            [
                {"run": one.run, "action": one.do, "key": one.key}
                for one in ledger
                if one.run.startswith(name)
            ],
            [one for one in history if one["run"].startswith(name)],
            now=store.now(),
            at_rest=True,
        )
        problems = [one for one in problems if not (clock_set and one.startswith("8: time goes back"))]
        if problems:
            raise Broken("journal", f"the other verifier says: {problems}")
