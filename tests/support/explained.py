"""What PostgreSQL says of the statements of a store: their plans, and the pages that they read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Composed, Literal

GROWING: Final = frozenset(
    {"runs", "heads", "journal", "inbox", "event_keys", "used_keys", "large_values", "pruned"}
)
"""The tables that grow with the number of runs."""

_names = itertools.count(1)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the nodes of a plan, from the top."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def plan_of(connection: psycopg.Connection[Any], statement: str) -> list[dict[str, Any]]:
    """Return the nodes of the plan that a statement has for all parameters."""
    name, count = _prepare(connection, statement)
    return _explain(connection, "", name, [None] * count)


def pages_of(connection: psycopg.Connection[Any], statement: str, parameters: Sequence[Any]) -> int:
    """Execute a statement by that plan, and take that back; return how many pages it used."""
    name, _ = _prepare(connection, statement)
    top = _explain(connection, "ANALYZE, BUFFERS, TIMING OFF, ", name, parameters)[0]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def _prepare(connection: psycopg.Connection[Any], statement: str) -> tuple[str, int]:
    """Prepare a statement: its name there, and the number of its parameters.

    It ends with the transaction that is taken back: psycopg then forgets all prepared statements.
    """
    name = f"explained_{next(_names)}"
    connection.execute(f"PREPARE {name} AS {statement}".encode(), prepare=False)
    row = connection.execute(
        b"SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1",
        (name,),
        prepare=False,
    ).fetchone()
    assert row is not None
    return name, row[0]


def _explain(
    connection: psycopg.Connection[Any], options: str, name: str, parameters: Sequence[Any]
) -> list[dict[str, Any]]:
    given = Composed([SQL("("), SQL(", ").join(map(Literal, parameters)), SQL(")")] if parameters else [])
    statement = SQL("EXPLAIN (" + options + "FORMAT JSON) EXECUTE " + name) + given  # type: ignore[arg-type]
    cursor = psycopg.ClientCursor(connection)
    with connection.transaction(force_rollback=True):
        cursor.execute(statement)
        row = cursor.fetchone()
    assert row is not None
    return list(nodes(row[0][0]["Plan"]))


class Pages:
    """Counts the pages that the statements of all stores of this process use."""

    def __init__(self, monkeypatch: Any) -> None:
        self._used: int | None = None
        usual = psycopg.Connection.execute

        def execute(connection: Any, statement: Any, parameters: Any = None, **options: Any) -> Any:
            if self._used is not None and isinstance(statement, str):
                before, self._used = self._used, None
                if not statement.startswith(("SET", "SELECT set_config")):
                    before += pages_of(connection, statement, parameters or ())
                self._used = before
            return usual(connection, statement, parameters, **options)

        monkeypatch.setattr(psycopg.Connection, "execute", execute)

    def of(self, verb: Callable[[], Any]) -> int:
        """Return how many pages a verb uses."""
        self._used = 0
        try:
            verb()
            return self._used
        finally:
            self._used = None
