"""What keeps the journal append-only, and the one way around it: within a transaction, and back before its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


@contextmanager
def lifted(connection: apsw.Connection, trigger: str) -> Iterator[None]:
    """Take a guard of the journal away for the length of a block.

    The transaction that is open holds both, so that nobody else ever sees the journal without it: whoever dies in
    between, or fails, leaves it where it was.
    """
    guard = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (trigger,)).get
    connection.execute(f"DROP TRIGGER {trigger}")
    yield
    connection.execute(guard)
