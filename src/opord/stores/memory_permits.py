"""The ground of limits and of the outbox in a store in memory: tables of SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import apsw
import msgspec

from opord.kernel.rows import RunRow, StoredContract, has_ended
from opord.stores.base import WorkerRow
from opord.stores.permits import Executes
from opord.stores.sqlite.permits import executes_on
from opord.values.types import Digest, Instant, RunId

T = TypeVar("T")

_SCHEMAS: Final = tuple(
    Path(__file__).parent / "sqlite" / "migrations" / name for name in ("0009_limits.sql", "0010_outbox.sql")
)


class LimitTables:
    """Tables in a database of their own, which is made when it is first needed."""

    def __init__(self) -> None:
        self._connection: apsw.Connection | None = None

    @property
    def connection(self) -> apsw.Connection:
        """A connection to the tables."""
        if self._connection is None:
            self._connection = apsw.Connection(":memory:")
            for schema in _SCHEMAS:
                self._connection.execute(schema.read_text(encoding="utf-8"))
        return self._connection

    @property
    def made(self) -> bool:
        """Whether the database has been made."""
        return self._connection is not None

    def copy(self) -> LimitTables:
        """Return a copy with the same rows."""
        other = LimitTables()
        if self._connection is not None:
            other.connection.deserialize("main", self._connection.serialize("main"))
        return other


class Rows(Protocol):
    """The store that the runs are in."""

    def now(self) -> Instant: ...

    def alone(self) -> AbstractContextManager[bool]:
        """Let no other thread change the rows meanwhile."""
        ...

    def contract(self, digest: Digest) -> StoredContract | None: ...

    def load(self, run: RunId) -> RunRow | None: ...

    def put_row(self, row: RunRow) -> None:
        """Put a run's row in place of the old one."""
        ...

    def workers(self) -> list[WorkerRow]: ...


class MemoryGround:
    """Gives `PermitDesk` and `OutboxDesk` what they need of a store in memory.

    Contracts are numbered by their digests, in the order in which they are first asked for.
    """

    def __init__(self, store: Rows, tables: Callable[[], LimitTables]) -> None:
        self._store = store
        self._tables = tables
        self.now: Callable[[], Instant] = store.now

    @contextmanager
    def reads(self) -> Iterator[Executes]:
        with self._store.alone():
            yield self._execute

    def writes(self, work: Callable[[Executes, Instant], T], /) -> T:
        with self._store.alone(), self._in_transaction():
            return work(self._execute, self.now())

    @contextmanager
    def _in_transaction(self) -> Iterator[None]:
        with self._tables().connection:
            yield

    def woken(self) -> None:
        pass  # other handles see the rows themselves

    def _execute(self, name: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        match name:
            case "contract_numbers":
                digests = msgspec.json.decode(values[0])
                found = [self._store.contract(Digest(digest)) for digest in digests]
                return [(one,) for one in {_number(one.digest) for one in found if one is not None}]
            case "standings":
                rows = [self._store.load(RunId(run)) for run in msgspec.json.decode(values[0])]
                return [
                    (row.run, row.epoch, row.head.worker, has_ended(row.head.status))
                    for row in rows
                    if row is not None
                ]
            case "wake_run":
                run, epoch, now = values
                row = self._free(run, epoch)
                if row is not None:
                    self._store.put_row(row.replace(head=row.head.replace(wake_at=now)))
                return []
            case "live_workers":
                return [(one.worker,) for one in self._store.workers()]
            case "begin_telling" | "end_telling":
                return []  # the store itself looks whether there are endpoints
            case _:  # open: a statement of `permits.sql` or `outbox.sql`
                return executes_on(self._tables().connection)(name, values)

    def _free(self, run: RunId, epoch: int) -> RunRow | None:
        """Return a run of this epoch that nobody holds and that has not ended."""
        row = self._store.load(run)
        if row is None or row.epoch != epoch or row.head.worker is not None or has_ended(row.head.status):
            return None
        return row

    def claim_runs(
        self, executes: Executes, runs: Sequence[tuple[RunId, int]], worker: str, until: Instant, /
    ) -> list[RunRow]:
        found = []
        for run, epoch in runs:
            row = self._free(run, epoch)
            if row is not None:
                head = row.head.replace(worker=worker, wake_at=until)
                found.append(row.replace(epoch=epoch + 1, head=head))
                self._store.put_row(found[-1])
        return found


def _number(digest: str) -> int:
    """Return a number for a contract, the same for every handle."""
    return int(digest[:15], 16)
