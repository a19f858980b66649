"""Find runs by their data in a store in PostgreSQL; see `opord.stores.finding`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from psycopg import RawCursor

from opord.stores.base import StoreDenied
from opord.stores.finding import CANDIDATES, LARGE, LARGE_CANDIDATES, checked, index_of, places_apart
from opord.stores.permits import statements_of
from opord.stores.postgres.connections import Connection, Connections, fetch
from opord.stores.postgres.errors import said_by_server
from opord.stores.postgres.sql import has_null, in_schema
from opord.values.types import Key, RunId

_OWN: Final = Path(__file__).parent / "finding.sql"

_LOCK: Final = 0x4F505244
"""The advisory lock of those who make indexes. Only one makes them, and the others look on."""

_LOOK_S: Final = 0.1

_INDEXED: Final = 500
"""How many characters of a value an index has.

An entry may have 2,704 bytes, and a character four.
"""


class PostgresFinding:
    """Uses the connections of the store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._schema = connections.location.schema

    def prepare(self, path: Sequence[str]) -> None:
        wanted = {
            index_of(path, "journal_data"): self._on_path("index_state", "journal_data", path),
            index_of(path, "runs_data"): self._on_path("index_input", "runs_data", path),
            "event_keys_by_delivery": self._statements["index_deliveries"].replace(
                ":index", "event_keys_by_delivery"
            ),
        }
        try:
            with self._connections.own() as connection:
                connection.cursor_factory = RawCursor
                for name, text in wanted.items():
                    self._make(connection, name, text)
        except StoreDenied as denied:
            raise StoreDenied(
                f"store {self._connections.location.place}: this role may not make the indexes by which runs are found "
                f"({said_by_server(denied)}); let the owner of the tables run: {'; '.join(wanted.values())}"
            ) from denied

    def _make(self, connection: Connection, name: str, text: str) -> None:
        """Make an index, or wait until another process has. A wait for a lock would hinder it."""
        while not self._has(connection, name):
            if not fetch(connection, self._statements["try_lock"], (_LOCK,))[0][0]:
                time.sleep(_LOOK_S)
                continue
            try:
                if not self._has(connection, name):
                    fetch(connection, self._statements["drop_index"].replace(":index", name))
                    fetch(connection, text)
            finally:
                fetch(connection, self._statements["unlock"], (_LOCK,))

    def _has(self, connection: Connection, name: str) -> bool:
        found = fetch(connection, self._statements["has_index"], (f"{self._schema}.{name}",))
        return bool(found and found[0][0])

    def live(self, contract: str, path: Sequence[str], value: str | int) -> list[RunId]:
        if has_null([value]):
            return []
        found: dict[RunId, None] = {}
        with self._connections.use() as connection:
            # Many long values may begin alike.
            same = CANDIDATES if len(str(value)) < _INDEXED else LARGE_CANDIDATES
            for wanted, most in ((str(value), same), (LARGE, LARGE_CANDIDATES)):
                for name, index in (("live_by_state", "journal_data"), ("live_by_input", "runs_data")):
                    text = self._on_path(name, index, path)
                    for (run,) in fetch(connection, text, (wanted, contract, most)):
                        found[RunId(run)] = None
        return list(found)

    def delivered(self, name: str, delivery: Key) -> RunId | None:
        if has_null([delivery]):
            return None
        with self._connections.use() as connection:
            found = fetch(connection, self._statements["delivered"], (name, delivery))
        return RunId(found[0][0]) if found else None

    @property
    def _statements(self) -> dict[str, str]:
        return _in(self._schema)

    def _on_path(self, name: str, index: str, path: Sequence[str]) -> str:
        """Return a statement for a path."""
        place, apart = ",".join(checked(path)), places_apart(path)
        in_state = [f"values,data.{one}" for one in apart]
        return (
            self._statements[name]
            .replace(":index", index_of(path, index))
            .replace(":first_in_state", f"'{{data,{path[0]}}}'")
            .replace(":wanted", f"left($1, {_INDEXED})")
            .replace(":in_record", _value("j.body", f"data,{place}", in_state))
            .replace(":in_new", _value("body", f"data,{place}", in_state))
            .replace(":in_state", _value("h.body", f"data,{place}", in_state))
            .replace(":in_input", _value("input", place, [f"$values,{one}" for one in apart]))
        )


@cache
def _in(schema: str) -> dict[str, str]:
    return {name: in_schema(text, schema) for name, text in statements_of(_OWN).items()}


def _value(column: str, place: str, apart: Sequence[str]) -> str:
    """Return SQL for the beginning of what is at a place, or `LARGE` if that is stored apart."""
    is_apart = " OR ".join(f"{column}::json #> '{{{one}}}' IS NOT NULL" for one in apart)
    whole = f"coalesce({column}::json #>> '{{{place}}}', CASE WHEN {is_apart} THEN '{LARGE}' END)"
    return f"left({whole}, {_INDEXED})"
