"""Find ended runs, and delete all their rows, in the open transaction."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import apsw
import msgspec

from opord.stores.base import EndedRun, Prune
from opord.stores.sqlite.connection import rows
from opord.stores.sqlite.guards import lifted

_encode = msgspec.json.Encoder().encode


def ended(
    connection: apsw.Connection,
    sql: dict[str, str],
    before: int,
    *,
    limit: int,
    contract: str | None,
    after: EndedRun | None,
) -> list[EndedRun]:
    """Return runs that ended before an instant; see `Store.ended`."""
    if limit <= 0:
        return []
    since, number = (after.since, after.number) if after is not None else (-1, 0)
    versions = rows(connection, sql["contracts_of_name"], (contract,), int)
    # Each contract's runs come in order from its part of the index. The rows read are about the
    # rows returned.
    runs = heapq.merge(
        *(
            rows(connection, sql["ended"], (version, before, since, number, limit), EndedRun)
            for version in versions
        ),
        key=lambda run: (run.since, run.number),
    )
    return [run for run, _ in zip(runs, range(limit), strict=False)]


def prune(connection: apsw.Connection, sql: dict[str, str], batch: Sequence[Prune]) -> list[bool]:
    """Delete the runs that have ended and have not changed; see `Store.prune`."""
    states = [(each.tombstone.run, each.epoch, each.seq, each.arrivals, each.hash) for each in batch]
    pairs = rows(connection, sql["prunable"], (_encode(states).decode(),), tuple[int, int])
    numbers = dict(pairs)
    if not numbers:
        return [False] * len(batch)
    values = (_encode(list(numbers.values())).decode(),)
    with lifted(connection, "journal_is_never_cut"):
        connection.execute(sql["prune_journal"], values)
    with lifted(connection, "values_are_never_cut"):
        connection.execute(sql["prune_values"], values)
    for name in ("prune_inbox", "prune_event_keys", "prune_used_keys", "prune_heads", "prune_runs"):
        connection.execute(sql[name], values)
    connection.executemany(
        sql["put_tombstones"],
        [_stone(each, numbers[place]) for place, each in enumerate(batch) if place in numbers],
    )
    return [place in numbers for place in range(len(batch))]


def _stone(pruned: Prune, number: int) -> tuple[str | int | None, ...]:
    stone = pruned.tombstone
    return (
        *(stone.run, number, stone.contract, stone.started_at, stone.input, stone.state, stone.outcome),
        *(stone.ended_at, stone.pruned_at, stone.forget_at, stone.archive),
    )
