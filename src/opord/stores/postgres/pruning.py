"""Delete ended runs with all their rows, and leave their tombstones, in the open transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from opord.stores.base import Prune
from opord.stores.postgres.connections import Connection, fetch


def prune(connection: Connection, queries: dict[str, str], batch: Sequence[Prune]) -> list[bool]:
    """Delete the runs that have ended and have not changed; see `Store.prune`."""
    asked = [
        {
            "n": n,
            "run": each.tombstone.run,
            "epoch": each.epoch,
            "seq": each.seq,
            "arrivals": each.arrivals,
            "hash": each.hash,
        }
        for n, each in enumerate(batch)
    ]
    numbers = dict(fetch(connection, queries["lock_ended"], (_json(asked),)))
    if numbers:
        fetch(connection, queries["may_change"])
        stones = [{"number": number, **batch[n].tombstone.members()} for n, number in numbers.items()]
        fetch(connection, queries["prune"], (_json(stones),))
    return [n in numbers for n in range(len(batch))]


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()
