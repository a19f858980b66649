"""Replace all stored texts of a run at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import apsw
import msgspec

from opord.kernel.conflicts import check_rewrite
from opord.stores.base import (
    EventKey,
    InboxRow,
    Kept,
    RecordRow,
    RowDamaged,
    RunRow,
    UnreadRow,
    UsedKey,
    ValueRow,
)
from opord.stores.sqlite.connection import rows
from opord.stores.sqlite.guards import lifted
from opord.stores.sqlite.listing import left_of_run
from opord.values.types import RunId

T = TypeVar("T")

_AT_ONCE = 1000
"""Number of records that are read at a time."""


def rewrite(
    connection: apsw.Connection, sql: dict[str, str], run: RunId, change: Callable[[Kept], Kept | None]
) -> Kept | None:
    """Rewrite a run in the open transaction; see `Store.rewrite`."""
    old = kept_of(connection, sql, run)
    new = change(old) if old is not None else None
    if old is not None and new is not None:
        check_rewrite(old, new)
        _put(connection, sql, new)
    return old


def kept_of(
    connection: apsw.Connection, sql: dict[str, str], run: RunId, unread: list[UnreadRow] | None = None
) -> Kept | None:
    """Read all that is stored of a run, in a transaction; None if there is no such run.

    See `Store.kept`.
    """
    row = _row_of(connection, sql, run, unread)
    if row is None:
        return None

    def read(table: str, query: str, kind: type[T]) -> tuple[T, ...]:
        return tuple(_readable(connection, sql[query], (run,), kind, table, unread))

    return Kept(
        row,
        tuple(_journal(connection, sql, run, unread)),
        read("inbox", "inbox", InboxRow),
        read("event_keys", "event_keys_of", EventKey),
        read("settled", "used_keys_of", UsedKey),
        read("large_values", "values_of", ValueRow),
    )


def _row_of(
    connection: apsw.Connection, sql: dict[str, str], run: str, unread: list[UnreadRow] | None
) -> RunRow | None:
    try:
        page = rows(connection, sql["load"], (run,), RunRow)
    except RowDamaged as damage:
        rest = left_of_run(connection, run)
        if unread is None or rest is None:
            raise
        unread.append(UnreadRow("runs", None, str(damage)))
        return rest
    return page[0] if page else None


def _journal(
    connection: apsw.Connection, sql: dict[str, str], run: str, unread: list[UnreadRow] | None
) -> list[RecordRow]:
    """Return the records of a run, read in parts so that a long journal is in memory only once."""
    records: list[RecordRow] = []
    try:
        while page := rows(
            connection, sql["journal"], (run, records[-1].seq if records else 0, _AT_ONCE), RecordRow
        ):
            records += page
    except RowDamaged:
        return _readable(connection, sql["journal"], (run, 0, -1), RecordRow, "journal", unread)
    return records


def _readable(
    connection: apsw.Connection,
    query: str,
    values: tuple[str | int, ...],
    kind: type[T],
    table: str,
    unread: list[UnreadRow] | None,
) -> list[T]:
    """Return the rows of a query. With `unread`, damaged rows are found by halving and left out."""
    try:
        return rows(connection, query, values, kind)
    except RowDamaged:
        if unread is None:
            raise
    count = connection.execute(f"SELECT count(*) FROM ({query})", values).get  # noqa: S608
    readable: list[T] = []
    parts = [(0, count)]
    while parts:
        first, end = parts.pop()
        some = f"SELECT row FROM ({query}) LIMIT {end - first} OFFSET {first}"  # noqa: S608
        try:
            readable += rows(connection, some, values, kind)
        except RowDamaged as damage:
            if end - first > 1:
                middle = (first + end) // 2
                parts += [(middle, end), (first, middle)]
            else:
                unread.append(UnreadRow(table, first + 1 if table == "journal" else None, str(damage)))
    return readable


def _put(connection: apsw.Connection, sql: dict[str, str], new: Kept) -> None:
    run, head = new.row.run, new.row.head
    with lifted(connection, "journal_is_never_changed"):
        connection.executemany(
            sql["rewrite_record"], [(run, record.seq, record.body, record.hash) for record in new.records]
        )
    connection.executemany(sql["rewrite_message"], [(run, each.id, each.body) for each in new.inbox])
    connection.executemany(sql["rewrite_event_key"], [(run, *key.columns()) for key in new.event_keys])
    connection.executemany(sql["rewrite_used_keys"], [(run, *key.columns()) for key in new.used_keys])
    connection.executemany(sql["rewrite_value"], [(run, *value.columns()) for value in new.values])
    with lifted(connection, "values_are_never_cut"):
        digests = msgspec.json.encode([value.digest for value in new.values]).decode()
        connection.execute(sql["drop_values"], (run, digests))
    connection.execute(sql["rewrite_input"], (run, new.row.input))
    connection.execute(
        sql["rewrite_head"], (run, new.row.hash, head.worker, head.wake_at, head.reason, head.body)
    )
