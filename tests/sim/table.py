"""The table that actions in transaction write, in the store's own database."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from opord.kernel.requests import Call
from opord.stores.base import Store


class Table:
    """One row for each attempt whose transaction was committed.

    What a handler writes may be rolled back, so only the rows say what took effect.
    """

    def __init__(self) -> None:
        self._name = f"effects_{uuid4().hex[:12]}"  # a server keeps the tables of other worlds

    def write(self, connection: Any, action: str, call: Call) -> None:
        """Write the row of an attempt through the connection of its transaction."""
        self._make(connection)
        row = ", ".join(_quoted(text) for text in (call.run_id, action, call.key))
        connection.execute(f"INSERT INTO {self._name} VALUES ({row}, {call.attempt})")

    def read(self, store: Store) -> list[dict[str, Any]]:
        """Return the rows that are committed, as entries of a provider's ledger."""
        transaction = store.transaction()
        assert transaction is not None
        try:
            self._make(transaction.connection)
            query = f"SELECT run, action, key, attempt FROM {self._name} ORDER BY run, action, key, attempt"
            rows = transaction.connection.execute(query).fetchall()
        finally:
            transaction.roll_back()
        return [dict(zip(("run", "action", "key", "attempt"), row, strict=True)) for row in rows]

    def _make(self, connection: Any) -> None:
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._name} (run text, action text, key text, attempt int)"
        )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
