"""What stands behind a record of a run: whether somebody's act was done there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from opord.kernel.rows import RecordRow
from opord.server.desk import Desk
from opord.values.types import RunId

LOOKED_AT: Final = 50
"""How many records are looked at; one write of a person has few."""

LEAVES: Final = {
    "resume": "retried",
    "resolve": "resolved",
    "acknowledge": "acknowledged",
    "drop-event": "dropped",
    "terminate": "terminated",
}
"""The kind of record that each verb leaves, by the last word of its path."""


async def record_behind(
    desk: Desk, run: RunId, seq: int, verb: str, actors: Collection[str]
) -> RecordRow | None:
    """Return the record that a verb of one of them has left behind a record; None if there is none.

    A verb that is done at a record leaves its own in the same write, and so just behind it.
    """
    looked_at = 0
    async for record in desk.backend.records(run, after=seq):
        looked_at += 1
        if record.kind == LEAVES.get(verb) and body_of(record).get("actor") in actors:
            return record
        if looked_at >= LOOKED_AT:
            return None
    return None


def body_of(record: RecordRow) -> dict[str, Any]:
    """Return the body of a record."""
    return msgspec.json.decode(record.body, type=dict[str, Any])
