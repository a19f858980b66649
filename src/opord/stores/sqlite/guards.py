"""Lift the triggers that keep the journal append-only, within one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


@contextmanager
def lifted(connection: apsw.Connection, trigger: str) -> Iterator[None]:
    """Drop a trigger that guards the journal for the length of a block.

    The open transaction drops and restores it, so no other connection ever sees the journal without
    it. If the process dies or the block fails, the trigger is still there.
    """
    guard = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (trigger,)).get
    connection.execute(f"DROP TRIGGER {trigger}")
    yield
    connection.execute(guard)
