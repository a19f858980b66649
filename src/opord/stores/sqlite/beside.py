"""Tables of others in a store's file; see `opord.stores.beside`.

They have the prefix `opord_`, because a program may keep tables of its own in the same file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import apsw

from opord.stores.beside import Executes, Steps
from opord.stores.sqlite.pool import ConnectionPool
from opord.values.types import Instant

T = TypeVar("T")

_TYPES = {"bigint": "INTEGER", "bytea": "BLOB"}


class SqliteBeside:
    """Uses the connections of the store, with their guards, on whatever thread calls."""

    def __init__(self, pool: ConnectionPool, clock: Callable[[], Instant]) -> None:
        self.now = clock
        self._pool = pool

    def prepare(self, steps: Steps) -> None:
        with self._pool.read() as connection:
            there = _version(connection, steps)
        steps.check(there, self._pool.place)
        if there == steps.newest:
            return
        with self._pool.write() as connection:
            # Another process may have been faster.
            connection.execute(in_sqlite(steps.first))
            there = _version(connection, steps)
            for number, text in enumerate(steps.texts[there:], there + 1):
                connection.execute(in_sqlite(text))
                connection.execute(in_sqlite(steps.done(number)))

    def read(self, work: Callable[[Executes], T], /) -> T:
        with self._pool.read() as connection:
            return work(_on(connection))

    def write(self, work: Callable[[Executes], T], /) -> T:
        with self._pool.write() as connection:
            return work(_on(connection))

    def close(self) -> None:
        """Nothing is kept for the tables alone."""


def versions(connection: apsw.Connection) -> dict[str, int]:
    """Return the versions of the tables beside those of a store, by their owner."""
    found = connection.execute(
        r"SELECT name FROM sqlite_schema WHERE name LIKE 'opord\_%\_schema' ESCAPE '\'"
    )
    owners = [str(name).removeprefix("opord_").removesuffix("_schema") for (name,) in found]
    return {owner: _version(connection, Steps(owner, ())) for owner in owners}


def _version(connection: apsw.Connection, steps: Steps) -> int:
    table = in_sqlite(steps.table)
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).fetchall():
        return 0
    return int(connection.execute(in_sqlite(steps.version)).get)


def _on(connection: apsw.Connection) -> Executes:
    def execute(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        bound = {str(number): value for number, value in enumerate(values, 1)}
        return list(connection.execute(in_sqlite(statement), bound))

    return execute


@lru_cache(maxsize=512)
def in_sqlite(text: str) -> str:
    """Return SQL of others as SQLite has it."""
    text = re.sub(r"\bopord\.", "opord_", text).replace(":strict", "STRICT").replace(":for_update", "")
    return re.sub(r"\b(bigint|bytea)\b", lambda found: _TYPES[found[1]], text)
