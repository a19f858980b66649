"""Putting other texts in the place of those that are kept of a run, all at once."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import msgspec

from opord.kernel.conflicts import check_rewrite
from opord.stores.base import EventKey, InboxRow, Kept, RecordRow, RunRow, UsedKey, ValueRow
from opord.stores.sqlite.connection import rows
from opord.stores.sqlite.guards import lifted


def rewrite(
    connection: apsw.Connection, sql: dict[str, str], run: str, change: Callable[[Kept], Kept | None]
) -> Kept | None:
    """Rewrite a run in the transaction that is open; see `Store.rewrite`."""
    kept = kept_of(connection, sql, run)
    new = change(kept) if kept is not None else None
    if kept is not None and new is not None:
        check_rewrite(kept, new)
        _put(connection, sql, new)
    return kept


def kept_of(connection: apsw.Connection, sql: dict[str, str], run: str) -> Kept | None:
    """Read all that is kept of a run, in a transaction; None if it is not there."""
    found = rows(connection, sql["load"], (run,), RunRow)
    if not found:
        return None
    return Kept(
        found[0],
        tuple(rows(connection, sql["journal"], (run, 0, -1), RecordRow)),
        tuple(rows(connection, sql["inbox"], (run,), InboxRow)),
        tuple(rows(connection, sql["event_keys_of"], (run,), EventKey)),
        tuple(rows(connection, sql["used_keys_of"], (run,), UsedKey)),
        tuple(rows(connection, sql["values_of"], (run,), ValueRow)),
    )


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
        kept = msgspec.json.encode([value.digest for value in new.values]).decode()
        connection.execute(sql["drop_values"], (run, kept))
    connection.execute(sql["rewrite_input"], (run, new.row.input))
    connection.execute(
        sql["rewrite_head"], (run, new.row.hash, head.worker, head.wake_at, head.reason, head.body)
    )
