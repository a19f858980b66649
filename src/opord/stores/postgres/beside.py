"""Tables of others in a store's schema; see `opord.stores.beside`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, TypeVar

from opord.stores.base import StoreDenied
from opord.stores.beside import Executes, Steps
from opord.stores.postgres.connections import Connection, Connections, fetch
from opord.stores.postgres.errors import said_by_server
from opord.stores.postgres.finding import PostgresFinding
from opord.stores.postgres.sql import in_schema
from opord.values.types import Instant

T = TypeVar("T")


class _Store(Protocol):
    """What the tables need of their store."""

    @property
    def _connections(self) -> Connections: ...

    def _transact(self, work: Callable[[Connection], Any]) -> Any: ...

    def now(self) -> Instant: ...


class HasTablesBeside:
    """Adds the tables of others, and the finding of runs by their data, to a store."""

    def beside(self: _Store) -> PostgresBeside:
        """Return what keeps tables beside those of the store."""
        return PostgresBeside(self._connections, self._transact, self.now)

    def finding(self: _Store) -> PostgresFinding:
        """Return what finds live runs by their data."""
        return PostgresFinding(self._connections)


class PostgresBeside:
    """Uses the connections of the store, on whatever thread calls."""

    def __init__(
        self,
        connections: Connections,
        transact: Callable[[Callable[[Connection], Any]], Any],
        clock: Callable[[], Instant],
    ) -> None:
        self.now = clock
        self._connections = connections
        self._transact = transact
        self._schema = connections.location.schema
        self._place = connections.location.place

    def prepare(self, steps: Steps) -> None:
        with self._connections.use() as connection:
            there = version_of(connection, self._schema, steps)
        steps.check(there, self._place)
        if there == steps.newest:
            return
        try:
            with self._connections.transaction() as connection:
                connection.execute("SET LOCAL statement_timeout = 0", prepare=False)
                connection.execute(script(self._schema, steps), prepare=False)
        except StoreDenied as denied:
            raise StoreDenied(
                f"store {self._place}: this role may not make the tables of the {steps.owner} in the schema {self._schema} "
                f"({said_by_server(denied)}); let a DBA run what `opord db print-sql --role NAME` prints"
            ) from denied

    def read(self, work: Callable[[Executes], T], /) -> T:
        with self._connections.use() as connection:
            return work(self._on(connection))

    def write(self, work: Callable[[Executes], T], /) -> T:
        done: T = self._transact(lambda connection: work(self._on(connection)))
        return done

    def close(self) -> None:
        """Nothing is kept for the tables alone."""

    def _on(self, connection: Connection) -> Executes:
        return lambda statement, values: fetch(connection, in_postgres(statement, self._schema), values)


def version_of(connection: Connection, schema: str, steps: Steps) -> int:
    """Return the version of the tables of an owner; 0 if there are none."""
    table = in_schema(steps.table, schema)
    if fetch(connection, "SELECT to_regclass($1)::text", (table,))[0][0] is None:
        return 0
    return int(fetch(connection, in_schema(steps.version, schema))[0][0])


def versions(connection: Connection, schema: str) -> dict[str, int]:
    """Return the versions of the tables beside those of a store, by their owner."""
    query = (
        "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        r"WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname LIKE '%\_schema' "
        "AND has_table_privilege(c.oid, 'SELECT')"
    )
    owners = [str(name).removesuffix("_schema") for (name,) in fetch(connection, query, (schema,))]
    return {owner: version_of(connection, schema, Steps(owner, ())) for owner in owners}


def script(schema: str, steps: Steps) -> str:
    """Return the SQL that makes the tables, or brings them up to date. It may be run again."""
    return "\n".join(_lines(schema, steps)) + "\n"


def _lines(schema: str, steps: Steps) -> Iterator[str]:
    table = in_schema(steps.table, schema)
    yield f"-- The tables of the {steps.owner}. This may be run again: what is there stays."
    yield "SET LOCAL client_min_messages = warning;"
    yield f"DO $lock$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('opord {schema}')); END $lock$;"
    yield f"{in_postgres(steps.first, schema)};"
    for number, text in enumerate(steps.texts, 1):
        yield f"DO $step$ BEGIN IF NOT EXISTS (SELECT 1 FROM {table} WHERE number = {number}) THEN"
        # Texts are sorted as SQLite sorts them.
        yield _TEXT.sub('text COLLATE "C"', in_postgres(text, schema)).rstrip()
        yield f"{in_postgres(steps.done(number), schema)};"
        yield "END IF; END $step$;"


_TEXT: Final = re.compile(r"\btext\b")


def in_postgres(text: str, schema: str) -> str:
    """Return SQL of others as PostgreSQL has it."""
    return in_schema(text, schema).replace(" :strict", "").replace(":for_update", "FOR UPDATE")
