"""Where runs are, and which records are new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from opord.stores.base import Move, Progress
from opord.values.types import Instant, RunId


class _Asks(Protocol):
    def _all(self, name: str, *parameters: Any) -> list[tuple[Any, ...]]: ...


class Progresses:
    """The part of a store that says where runs are."""

    def progress(self: _Asks, runs: Sequence[RunId]) -> list[Progress]:
        """Return where runs are; see `Store.progress`."""
        known = [run for run in runs if "\0" not in run]  # PostgreSQL has no such text
        rows = self._all("progress", msgspec.json.encode(known).decode())
        return [Progress(*row) for row in rows]

    def moves(self: _Asks, since: Instant, *, limit: int) -> list[Move]:
        """Return the newest records; see `Store.moves`."""
        return [Move(*row) for row in self._all("moves", since, limit)]
