"""The ground of limits and of the outbox in a store in SQLite."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import msgspec

from opord.kernel.rows import RunRow
from opord.stores import outbox
from opord.stores.base import RowDamaged
from opord.stores.permits import Executes, statements, statements_of
from opord.stores.sqlite.connection import rows
from opord.stores.sqlite.sql import queries
from opord.values.types import Instant, RunId

log: logging.Logger = logging.getLogger("opord.store")

T = TypeVar("T")

_OWN: Final = tuple(Path(__file__).parent / name for name in ("permits.sql", "outbox.sql"))

_LIST: Final = "SELECT value FROM json_each($1)"


@cache
def _statements() -> dict[str, str]:
    """Return the statements by name. A program has no tables of these names in its file."""
    both = statements() | outbox.statements()
    shared = {name: text.replace("opord.", "opord_") for name, text in both.items()}
    return {
        name: text.replace(":texts", _LIST).replace(":numbers", _LIST).replace(":for_update", "")
        for name, text in (shared | statements_of(*_OWN)).items()
    }


def executes_on(connection: apsw.Connection) -> Executes:
    """Return what executes the statements of limits and of the outbox on a connection."""
    texts = _statements()

    def execute(name: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        bound = {str(number): value for number, value in enumerate(values, 1)}
        return list(connection.execute(texts[name], bound))

    return execute


class SqliteGround:
    """Gives `PermitDesk` and `OutboxDesk` what they need of a store in SQLite."""

    def __init__(
        self,
        clock: Callable[[], Instant],
        reading: Callable[[], AbstractContextManager[apsw.Connection]],
        writing: Callable[[], AbstractContextManager[apsw.Connection]],
        woken: Callable[[], None],
    ) -> None:
        self.now = clock
        self.woken = woken
        self._reading = reading
        self._writing = writing
        self._connection: apsw.Connection | None = None

    @contextmanager
    def reads(self) -> Iterator[Executes]:
        with self._reading() as connection:
            yield executes_on(connection)

    def writes(self, work: Callable[[Executes, Instant], T], /) -> T:
        with self._writing() as connection:
            self._connection = connection
            return work(executes_on(connection), self.now())

    def claim_runs(
        self, executes: Executes, runs: Sequence[tuple[RunId, int]], worker: str, until: Instant, /
    ) -> list[RunRow]:
        claimed = [run for run, epoch in runs if executes("claim_run", (run, epoch, worker, until))]
        assert self._connection is not None
        load, found = queries()["load_many"], []
        for run in claimed:
            try:
                found += rows(self._connection, load, (msgspec.json.encode([run]).decode(),), RunRow)
            except RowDamaged as error:
                log.error("run %s cannot be claimed; it is tried again when its lease ends: %s", run, error)
        return found
