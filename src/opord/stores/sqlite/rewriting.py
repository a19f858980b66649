"""Putting other texts in the place of those that are kept of a run, all at once."""

from __future__ import annotations

from collections.abc import Callable

import apsw

from opord.stores.base import EventKey, InboxRow, Kept, RecordRow, RunRow, SettledKey
from opord.stores.fit import check_rewrite
from opord.stores.sqlite.link import rows

# The journal is append-only for everybody else: its guard is taken away and put back within the transaction.
_GUARD = "journal_is_never_changed"


def rewrite(
    connection: apsw.Connection, sql: dict[str, str], run: str, change: Callable[[Kept], Kept | None]
) -> Kept | None:
    """Rewrite a run in the transaction that is open; see `Store.rewrite`."""
    found = rows(connection, sql["load"], (run,), RunRow)
    if not found:
        return None
    kept = Kept(
        found[0],
        tuple(rows(connection, sql["journal"], (run, 0, -1), RecordRow)),
        tuple(rows(connection, sql["inbox"], (run,), InboxRow)),
        tuple(rows(connection, sql["event_keys_of"], (run,), EventKey)),
        tuple(rows(connection, sql["settled_of"], (run,), SettledKey)),
    )
    new = change(kept)
    if new is not None:
        check_rewrite(kept, new)
        _put(connection, sql, new)
    return kept


def _put(connection: apsw.Connection, sql: dict[str, str], new: Kept) -> None:
    run, head = new.row.run, new.row.head
    guard = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (_GUARD,)).get
    connection.execute(f"DROP TRIGGER {_GUARD}")
    connection.executemany(
        sql["rewrite_record"], [(run, record.seq, record.body, record.hash) for record in new.records]
    )
    connection.execute(guard)
    connection.executemany(sql["rewrite_message"], [(run, each.id, each.body) for each in new.inbox])
    connection.executemany(sql["rewrite_event_key"], [(run, *key) for key in new.event_keys])
    connection.executemany(sql["rewrite_settled"], [(run, *key) for key in new.settled])
    connection.execute(sql["rewrite_input"], (run, new.row.input))
    connection.execute(
        sql["rewrite_head"], (run, new.row.hash, head.worker, head.wake_at, head.reason, head.body)
    )
