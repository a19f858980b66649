"""Take part in a transaction that a program has begun on a connection of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.numeric import Int8Dumper

from opord.stores.base import StoreRefused
from opord.stores.postgres.batch import Executes


def executes_on(connection: Any, wait_for: Callable[[Awaitable[Any]], Any]) -> Executes:
    """Return what executes statements on a program's connection, of either kind of psycopg.

    `wait_for` waits for an awaitable of the program's event loop, from another thread.

    Raises:
        TypeError: it is another kind of object.
    """
    if isinstance(connection, psycopg.Connection):

        def at_once(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
            cursor = psycopg.RawCursor(connection, row_factory=psycopg.rows.tuple_row)
            cursor.adapters.register_dumper(int, Int8Dumper)
            cursor.execute(statement, parameters, prepare=False)
            return cursor.fetchall() if cursor.description is not None else []

        return at_once
    if isinstance(connection, psycopg.AsyncConnection):

        async def later(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
            cursor = psycopg.AsyncRawCursor(connection, row_factory=psycopg.rows.tuple_row)
            cursor.adapters.register_dumper(int, Int8Dumper)
            await cursor.execute(statement, parameters, prepare=False)
            return await cursor.fetchall() if cursor.description is not None else []

        return lambda statement, parameters: wait_for(later(statement, parameters))
    raise TypeError(
        f"expected a connection of psycopg, sync or async, got: {type(connection).__name__}; of SQLAlchemy, that is "
        "`connection.connection.driver_connection`"
    )


def check_joined(connection: Any, executes: Executes, *, schema: str, identity: str, place: str) -> None:
    """Refuse a connection to another store, or one on which nothing would wait for a commit.

    Raises:
        StoreRefused: it is such a one.
    """
    idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    if connection.autocommit and idle:
        raise StoreRefused(
            "no transaction is open on this connection, which commits each statement by itself; begin one first, "
            "as in `with connection.transaction():`"
        )
    name = sql.Identifier(schema, "identity").as_string(None)
    there = executes("SELECT to_regclass($1)::text", [name])
    found = executes(f"SELECT id FROM {name}", []) if there[0][0] is not None else []
    if not found or str(found[0][0]) != identity:
        raise StoreRefused(
            f"this connection is not to the database of the store {place}: connect to the same one"
        )
