"""Find runs by their data in a store in SQLite; see `opord.stores.finding`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from opord.stores.finding import CANDIDATES, LARGE, LARGE_CANDIDATES, checked, index_of, places_apart
from opord.stores.permits import statements_of
from opord.stores.sqlite.pool import ConnectionPool
from opord.values.types import Key, RunId

_OWN: Final = Path(__file__).parent / "finding.sql"


class SqliteFinding:
    """Uses the connections of the store."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def prepare(self, path: Sequence[str]) -> None:
        wanted = {
            index_of(path, "heads_data"): _on_path("index_state", "heads_data", path),
            index_of(path, "runs_data"): _on_path("index_input", "runs_data", path),
            "event_keys_by_delivery": _statements()["index_deliveries"],
        }
        with self._pool.read() as connection:
            has = _statements()["has_index"]
            missing = [text for name, text in wanted.items() if connection.execute(has, (name,)).get is None]
        for text in missing:
            with self._pool.write() as connection:
                connection.execute(text)

    def live(self, contract: str, path: Sequence[str], value: str | int) -> list[RunId]:
        found: dict[RunId, None] = {}
        with self._pool.read() as connection:
            for wanted, most in ((value, CANDIDATES), (LARGE, LARGE_CANDIDATES)):
                for name, index in (("live_by_state", "heads_data"), ("live_by_input", "runs_data")):
                    text = _on_path(name, index, path)
                    for (run,) in connection.execute(text, (wanted, contract, most)):
                        found[RunId(str(run))] = None
        return list(found)

    def delivered(self, name: str, delivery: Key) -> RunId | None:
        with self._pool.read() as connection:
            for (run,) in connection.execute(_statements()["delivered"], (name, delivery)):
                return RunId(str(run))
        return None


@cache
def _statements() -> dict[str, str]:
    return statements_of(_OWN)


def _on_path(name: str, index: str, path: Sequence[str]) -> str:
    """Return a statement for a path."""
    place, apart = ".".join(checked(path)), places_apart(path)
    return (
        _statements()[name]
        .replace(":index", index_of(path, index))
        .replace(":first_in_state", f"'$.data.{path[0]}'")
        .replace(":in_state", _value("body", f"$.data.{place}", [f'$.values."data.{one}"' for one in apart]))
        .replace(":in_input", _value("input", f"$.{place}", [f'$."$values"."{one}"' for one in apart]))
    )


def _value(column: str, place: str, apart: Sequence[str]) -> str:
    """Return SQL for what stands at a place, or `LARGE` if that is stored apart."""
    is_apart = " OR ".join(f"json_type({column}, '{one}') IS NOT NULL" for one in apart)
    return (
        f"CASE WHEN json_valid({column}) THEN coalesce(json_extract({column}, '{place}'), "
        f"CASE WHEN {is_apart} THEN '{LARGE}' END) END"
    )
