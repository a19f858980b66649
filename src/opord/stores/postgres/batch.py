"""Write a batch, the group commit: one statement writes all changes of it, or none.

This is the hot path of the engine over PostgreSQL. `docs/decisions/` says what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from opord.kernel.conflicts import Facts, judge, last_record
from opord.kernel.rows import has_ended
from opord.stores.base import Applied, EventKey, Head, Result, RunRow, Start, Tombstone, Write
from opord.stores.postgres import sql
from opord.stores.postgres.rows import run_rows
from opord.values.types import Instant

T = TypeVar("T")

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


class Executes(Protocol):
    """What runs a statement and returns its rows."""

    def __call__(self, statement: str, parameters: Sequence[Any], /) -> list[tuple[Any, ...]]: ...


class _Change(msgspec.Struct, gc=False):
    """A change to a head, as `batch.sql` reads it; of one that keeps it, only the numbers count."""

    n: int
    run: str
    epoch: int
    seq: int
    arrivals: int | None
    new_epoch: int
    new_seq: int
    hash: str | None
    puts: int
    keep: bool
    state: str | None = None
    status: str | None = None
    outcome: str | None = None
    since: int | None = None
    wake_at: int | None = None
    worker: str | None = None
    reason: str | None = None
    body: str | None = None
    needs: str | None = None
    rest_state: str | None = None
    ended_since: int | None = None


class _Start(msgspec.Struct, gc=False):
    n: int
    run: str
    contract: str
    started_at: int
    input: str
    epoch: int
    seq: int
    hash: str
    arrivals: int
    state: str
    status: str
    outcome: str | None
    since: int
    wake_at: int | None
    worker: str | None
    reason: str | None
    body: str
    needs: str
    rest_state: str | None
    ended_since: int | None
    priority: int
    label: str


class _Record(msgspec.Struct, gc=False):
    n: int
    seq: int
    at: int
    kind: str
    body: str
    hash: str


class _Value(msgspec.Struct, gc=False):
    n: int
    digest: str
    body: str


class _Take(msgspec.Struct, gc=False):
    n: int
    message: str


class _Put(msgspec.Struct, gc=False):
    n: int
    place: int
    message: str
    arrived: int
    kind: str
    body: str


class _EventKey(msgspec.Struct, gc=False):
    n: int
    event: str
    key: str
    content: str


class _UsedKey(msgspec.Struct, gc=False):
    n: int
    action: str
    key: str
    args: str
    result: str


def rest_of(head: Head) -> tuple[str | None, Instant | None]:
    """Return the columns that only a run at rest has: `rest_state`, `ended_since`."""
    return (
        None if head.status == "running" else head.state,
        head.since if has_ended(head.status) else None,
    )


class Lists:
    """The changes of a batch as the lists of its statement. Results are by place in the batch."""

    def __init__(self, changes: Sequence[tuple[int, Start | Write]]) -> None:
        self.writes: list[_Change] = []
        self.starts: list[_Start] = []
        self.records: list[_Record] = []
        self.values: list[_Value] = []
        self.takes: list[_Take] = []
        self.puts: list[_Put] = []
        self.event_keys: list[_EventKey] = []
        self.used_keys: list[_UsedKey] = []
        for n, change in changes:
            if type(change) is Write:
                self._add_write(n, change)
            else:
                self._add_start(n, change)  # type: ignore[arg-type]

    def _add_write(self, n: int, write: Write) -> None:
        records, head, puts = write.records, write.head, write.put
        numbers = (
            *(n, write.run, write.epoch, write.seq, write.arrivals, write.new_epoch),
            *(write.seq + len(records), records[-1].hash if records else None, len(puts)),
        )
        if head is None:
            self.writes.append(_Change(*numbers, True))
        else:
            self.writes.append(_Change(*numbers, False, *(*head.columns(), *rest_of(head))))
        self.records += [_Record(n, *record.columns()) for record in records]
        if write.values:
            self.values += [_Value(n, *value.columns()) for value in write.values]
        if write.take:
            self.takes += [_Take(n, message) for message in write.take]
        if puts:
            self.puts += [_Put(n, place, *message.columns()) for place, message in enumerate(puts)]
        if write.event_keys:
            self.event_keys += [_EventKey(n, *key.columns()) for key in write.event_keys]
        if write.used_keys:
            self.used_keys += [_UsedKey(n, *key.columns()) for key in write.used_keys]

    def _add_start(self, n: int, start: Start) -> None:
        row = start.row
        self.starts.append(
            _Start(
                *(
                    n,
                    row.run,
                    row.contract,
                    row.started_at,
                    row.input,
                    row.epoch,
                    row.seq,
                    row.hash,
                    row.arrivals,
                ),
                *(*row.head.columns(), *rest_of(row.head), row.priority, row.label),
            )
        )
        self.records += [_Record(n, *record.columns()) for record in start.records]
        if start.values:
            self.values += [_Value(n, *value.columns()) for value in start.values]

    def statement(
        self, schema: str, now: Instant, notice: tuple[str, str] | None
    ) -> tuple[str, list[str | int]]:
        """Return the statement that writes these lists, and its parameters."""
        present = [(name, rows) for name in sql.LISTS if (rows := getattr(self, name))]
        text = sql.batch_statement(schema, frozenset(name for name, _ in present), notice is not None)
        return text, [*(encode(rows).decode() for _, rows in present), now, *(notice or ())]


def write(
    execute: Executes,
    schema: str,
    changes: Sequence[tuple[int, Start | Write]],
    now: Instant,
    notice: tuple[str, str] | None = None,
) -> dict[int, Result] | None:
    """Write changes, each given with its place in the batch, in one statement.

    `notice` is the channel and the text of a notice that is sent when they are durable.

    Return each result, or None if one of them does not fit; then nothing was written.
    """
    statement, parameters = Lists(changes).statement(schema, now, notice)
    rows = execute(statement, parameters)
    return {n: Applied(arrivals) for n, arrivals, _ in rows} if len(rows) == len(changes) else None


def in_order(batch: Sequence[Start | Write]) -> list[tuple[int, Start | Write]]:
    """Return the changes with their places."""
    return list(enumerate(batch))


def judged(execute: Executes, schema: str, batch: Sequence[Start | Write]) -> list[Start | Write | Result]:
    """Lock the runs of a batch, and decide each change by what is stored.

    The caller has begun a transaction, and writes what fits in it.
    """
    facts = _facts(execute, sql.queries(schema), batch)
    return [judge(change, facts) for change in batch]


def _facts(execute: Executes, queries: dict[str, str], batch: Sequence[Start | Write]) -> Facts:
    def fetch(name: str, keys: Sequence[object]) -> list[tuple[Any, ...]]:
        return execute(queries[name], [encode(keys).decode()]) if keys else []

    writes = [change for change in batch if isinstance(change, Write)]
    starts = [change.row for change in batch if isinstance(change, Start)]
    runs = [write.run for write in writes] + [row.run for row in starts]
    stored: list[RunRow] = run_rows(fetch("lock_runs", runs))
    last = [where for change in batch if (where := last_record(change)) is not None]
    known = {digest for (digest,) in fetch("known_digests", sorted({row.contract for row in starts}))}
    return Facts(
        rows={row.run: row for row in stored},
        hashes={
            (run, seq): digest
            for run, seq, digest in fetch("hashes", [{"run": run, "seq": seq} for run, seq in last])
        },
        messages={
            (run, message)
            for run, message in fetch(
                "messages",
                [{"run": write.run, "message": message.id} for write in writes for message in write.put],
            )
        },
        event_keys={
            (run, event, key): EventKey(event, key, content)
            for run, event, key, content in fetch(
                "taken_keys",
                [
                    {"run": write.run, "event": key.event, "key": key.key}
                    for write in writes
                    for key in write.event_keys
                ],
            )
        },
        tombstones={
            stone.run: stone
            for stone in (Tombstone(*row) for row in fetch("tombstones", [row.run for row in starts]))
        },
        unstored={row.contract for row in starts} - known,
    )
