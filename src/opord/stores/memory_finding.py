"""Find runs by their data in a store in memory: it looks at each. See `opord.stores.finding`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from opord.kernel.large import INPUT_VALUES
from opord.kernel.rows import RunRow, has_ended
from opord.stores.finding import CANDIDATES, LARGE_CANDIDATES, checked, places_apart
from opord.stores.memory_rows import Rows
from opord.values.types import Key, RunId


class MemoryFinding:
    """Looks at the rows of a store in memory."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def prepare(self, path: Sequence[str]) -> None:
        checked(path)

    def live(self, contract: str, path: Sequence[str], value: str | int) -> list[RunId]:
        with self._rows.lock:
            rows = list(self._rows.runs.values())
        live = [row for row in rows if row.name == contract and not has_ended(row.head.status)]
        same = [row.run for row in live if _has(row, path, value)]
        apart = [row.run for row in live if _has_apart(row, path)]
        return list(dict.fromkeys([*same[:CANDIDATES], *apart[:LARGE_CANDIDATES]]))

    def delivered(self, name: str, delivery: Key) -> RunId | None:
        with self._rows.lock:
            keys = list(self._rows.event_keys)
        return next((RunId(run) for run, event, key in keys if (event, key) == (name, delivery)), None)


def _has(row: RunRow, path: Sequence[str], value: str | int) -> bool:
    return any(
        _at(text, place) == value for text, place in ((row.head.body, ("data", *path)), (row.input, path))
    )


def _has_apart(row: RunRow, path: Sequence[str]) -> bool:
    """Say whether the value at a path may be stored apart."""
    return any(
        _at(text, (member, f"{before}{place}")) is not None
        for text, member, before in ((row.head.body, "values", "data."), (row.input, INPUT_VALUES, ""))
        for place in places_apart(path)
    )


def _at(text: str, path: Sequence[str]) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found
