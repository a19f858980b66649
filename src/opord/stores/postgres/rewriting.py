"""Read all that is stored of a run, and replace its texts at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from opord.kernel.conflicts import check_rewrite
from opord.stores.base import (
    EventKey,
    InboxRow,
    Kept,
    RecordRow,
    RowDamaged,
    RunRow,
    StoreRefused,
    UnreadRow,
    UsedKey,
    ValueRow,
)
from opord.stores.postgres.connections import Connection, Connections, fetch
from opord.stores.postgres.rows import run_row
from opord.values.types import RunId

_AT_ONCE = 1000
"""Number of records that are read at a time."""


def rewrite(
    connection: Connection, queries: dict[str, str], run: RunId, change: Callable[[Kept], Kept | None]
) -> Kept | None:
    """Rewrite a run in the open transaction; see `Store.rewrite`. Its row stays locked."""
    numbers = fetch(connection, queries["lock_run"], (run,))
    old = kept_of(connection, queries, run)
    new = change(old) if old is not None else None
    if old is not None and new is not None:
        check_rewrite(old, new)
        _put(connection, queries, numbers[0][0], new)
    return old


def kept_of(
    connection: Connection, queries: dict[str, str], run: RunId, unread: list[UnreadRow] | None = None
) -> Kept | None:
    """Read all that is stored of a run, in a transaction of one snapshot; see `Store.kept`."""

    def read(query: str) -> list[tuple[Any, ...]]:
        return fetch(connection, queries[query], (run,))

    rows = read("load")
    if not rows:
        return None
    return Kept(
        _row(rows[0], unread),
        tuple(_journal(connection, queries, run)),
        tuple(InboxRow(*columns) for columns in read("inbox")),
        tuple(EventKey(*columns) for columns in read("event_keys_of")),
        tuple(UsedKey(*columns) for columns in read("used_keys_of")),
        tuple(ValueRow(*columns) for columns in read("values_of")),
    )


def _row(columns: tuple[Any, ...], unread: list[UnreadRow] | None) -> RunRow:
    try:
        return run_row(columns)
    except RowDamaged as damage:
        if unread is None or damage.readable is None:
            raise
        unread.append(UnreadRow("runs", None, str(damage)))
        return damage.readable


def _journal(connection: Connection, queries: dict[str, str], run: str) -> list[RecordRow]:
    """Return the records of a run, read in parts so that a long journal is in memory only once."""
    records: list[RecordRow] = []
    while page := fetch(connection, queries["journal"], (run, records[-1].seq if records else 0, _AT_ONCE)):
        records += [RecordRow(*columns) for columns in page]
    return records


def _put(connection: Connection, queries: dict[str, str], number: int, new: Kept) -> None:
    head = new.row.head

    def each(query: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            with connection.cursor() as cursor:
                cursor.executemany(queries[query], [(number, *row) for row in rows])

    fetch(connection, queries["may_change"])
    each("rewrite_record", [(record.seq, record.body, record.hash) for record in new.records])
    each("rewrite_message", [(message.id, message.body) for message in new.inbox])
    each("rewrite_event_key", [key.columns() for key in new.event_keys])
    each("rewrite_used_key", [key.columns() for key in new.used_keys])
    each("rewrite_value", [value.columns() for value in new.values])
    digests = msgspec.json.encode([value.digest for value in new.values]).decode()
    fetch(connection, queries["drop_values"], (number, digests))
    fetch(connection, queries["rewrite_input"], (number, new.row.input))
    rest = (new.row.hash, head.worker, head.wake_at, head.reason, head.body)
    fetch(connection, queries["rewrite_head"], (number, *rest))


def compact(connections: Connections) -> None:
    """Rewrite the tables whose texts may have been overwritten; see `PostgresStore.compact`.

    Raises:
        StoreRefused: this role may not.
    """
    refused: list[str] = []
    with connections.own() as connection:
        connection.add_notice_handler(lambda said: refused.append(said.message_primary or ""))
        for table in ("runs", "heads", "journal", "large_values", "inbox", "event_keys", "used_keys"):
            connection.execute(f"VACUUM (FULL) {connections.location.schema}.{table}", prepare=False)
    if refused:
        raise StoreRefused(
            f"store {connections.location.place} could not be compacted: {refused[0]}; let the tables' owner run "
            f"VACUUM (FULL) on those of the schema {connections.location.schema}"
        )
