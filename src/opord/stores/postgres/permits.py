"""The ground of limits and of the outbox in a store in PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from opord.kernel.rows import RunRow
from opord.stores import outbox
from opord.stores.base import RowDamaged
from opord.stores.permits import Executes, statements, statements_of
from opord.stores.postgres.clock import ServerClock
from opord.stores.postgres.connections import Connection, fetch
from opord.stores.postgres.rows import run_row
from opord.stores.postgres.sql import CLOCK, RUN_ROW, in_schema
from opord.values.types import Instant, RunId

log: logging.Logger = logging.getLogger("opord.store")

T = TypeVar("T")

_OWN: Final = tuple(Path(__file__).parent / name for name in ("permits.sql", "outbox.sql"))

_LIST: Final = "SELECT json_array_elements_text($1::json)"


@cache
def _statements(schema: str) -> dict[str, str]:
    """Return the statements by name."""
    return {
        name: in_schema(text, schema)
        .replace(":texts", _LIST)
        .replace(":numbers", f"{_LIST}::bigint")
        .replace(":for_update", "FOR UPDATE")
        .replace(":run_row", RUN_ROW)
        for name, text in (statements() | outbox.statements() | statements_of(*_OWN)).items()
    }


class PostgresGround:
    """Gives `PermitDesk` and `OutboxDesk` what they need of a store in PostgreSQL."""

    def __init__(
        self,
        schema: str,
        clock: Callable[[], ServerClock],
        connected: Callable[[], AbstractContextManager[Connection]],
        transact: Callable[[Callable[[Connection], Any]], Any],
        woken: Callable[[], None],
    ) -> None:
        self._clock = clock
        self.woken = woken
        self._statements = _statements(schema)
        self._connected = connected
        self._transact = transact

    def now(self) -> Instant:
        return self._clock().now()

    @contextmanager
    def reads(self) -> Iterator[Executes]:
        with self._connected() as connection:
            yield self._on(connection)

    def writes(self, work: Callable[[Executes, Instant], T], /) -> T:
        done: T = self._transact(lambda connection: work(self._on(connection), self._now_on(connection)))
        return done

    def _now_on(self, connection: Connection) -> Instant:
        """Return the server's own clock: all who share a limit go by the same one."""
        given = self._clock().given
        return Instant(fetch(connection, f"SELECT {CLOCK}")[0][0] if given is None else given)

    def _on(self, connection: Connection) -> Executes:
        return lambda name, values: fetch(connection, self._statements[name], values)

    def claim_runs(
        self, executes: Executes, runs: Sequence[tuple[RunId, int]], worker: str, until: Instant, /
    ) -> list[RunRow]:
        found = []
        for run, epoch in runs:
            for columns in executes("claim_run", (run, epoch, worker, until)):
                try:
                    found.append(run_row(columns))
                except RowDamaged as error:
                    log.error(
                        "run %s cannot be claimed; it is tried again when its lease ends: %s", run, error
                    )
        return found
