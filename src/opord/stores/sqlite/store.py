"""The verbs of the store over SQLite.

One connection writes; the others read beside it.
"""

from __future__ import annotations

import copy
import heapq
import logging
import time
import weakref
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import apsw
import msgspec

from opord.kernel.conflicts import check_batch, check_prune, compare
from opord.kernel.needs import OVERDUE_US
from opord.kernel.rows import DueNeed
from opord.kernel.scheduling import UNLABELLED, Labels
from opord.stores.base import (
    DUE_READ,
    KEPT_READ,
    Claimed,
    EndedRun,
    EventKey,
    InboxRow,
    Kept,
    KeptFor,
    LiveVersion,
    Move,
    Progress,
    Prune,
    RecordRow,
    Result,
    RowDamaged,
    RunFilter,
    RunRow,
    Start,
    Status,
    Store,
    StoredContract,
    Stray,
    Tally,
    Tombstone,
    UnreadRow,
    UsedKey,
    ValueRow,
    WorkerRow,
    Write,
)
from opord.stores.bell import Bell, Ring, Rings, rings_for
from opord.stores.outbox import OutboxDesk
from opord.stores.permits import PermitDesk
from opord.stores.putting import put_contract
from opord.stores.seen import tally_of
from opord.stores.sqlite import pruning, sql
from opord.stores.sqlite.batch import Batch, ContractNumberStale
from opord.stores.sqlite.bell import LogBell, bell_of, ring_log
from opord.stores.sqlite.beside import SqliteBeside
from opord.stores.sqlite.connection import BoundValues, at_once, rows
from opord.stores.sqlite.contracts import ContractRows
from opord.stores.sqlite.finding import SqliteFinding
from opord.stores.sqlite.handed import NO_JOIN
from opord.stores.sqlite.listing import (
    left_of_run,
    listing,
    number_of,
    parameters,
    strays,
    values_of,
    what_is_left,
)
from opord.stores.sqlite.location import check_location, true_name
from opord.stores.sqlite.permits import SqliteGround
from opord.stores.sqlite.pool import READERS_KEPT, ConnectionPool
from opord.stores.sqlite.rewriting import kept_of, rewrite
from opord.stores.sqlite.transaction import SqliteTransaction
from opord.values.types import NO_TIME, START_OF_TIME, Digest, Duration, Instant, Key, RunId

log: logging.Logger = logging.getLogger("opord.store")

T = TypeVar("T")

_FORGET_WORKERS_AFTER_US = 7 * 24 * 3600 * 1_000_000
_PUT_OFF_US = 60 * 1_000_000
_NEWEST = (1 << 63) - 1

_DUE: Final[Mapping[DueNeed, tuple[str, int, tuple[Status, ...]]]] = {
    "overdue": ("all_turns", OVERDUE_US, ("waiting",)),
    "unserved": ("unserved_turns", 0, ("running", "waiting", "in_doubt")),
}
"""How runs with a need that is not stored are found.

The query of the turns, how long the runs have been due, in microseconds, and their statuses.
"""

_Turn: TypeAlias = tuple[int, int, str]
"""A priority, the number of a contract, and a label: its runs are claimed in one order."""

_encode = msgspec.json.Encoder().encode


class SqliteStore:
    """A store in one file. With `path` None it is in memory, for this object alone."""

    writers = 0

    def __init__(
        self,
        path: str | Path | None,
        *,
        create: bool = True,
        clock: Callable[[], int] | None = None,
        vfs: str | None = None,
    ) -> None:
        """Open the store. A missing store is made if `create` is true.

        `vfs` names the layer through which SQLite reaches the disk. Tests use one that fails and
        forgets.

        Raises:
            StoreMissing: there is no store, and `create` is false.
            StoreRefused: no store can be there, or the file is not an Opord store.
            StoreTwoNames: the file has, or may have, another name.
            StoreUnavailable: locked, full or unreadable now.
        """
        # A step reads the clock a dozen times, so there is no call in between.
        self.now: Callable[[], Instant] = clock or _wall_clock  # type: ignore[assignment]
        self._sql = sql.queries()
        self._batch = Batch(self._sql)
        name = None if path is None else Path(path).absolute()
        self._path = None if name is None else true_name(name)
        if self._path is not None and (create or self._path.exists()):
            check_location(self._path)
        self._bells: weakref.WeakSet[LogBell] = weakref.WeakSet()
        self._pool = ConnectionPool(self._path, link=name, create=create, vfs=vfs, reopened=self._watch_again)
        self.readers = 0 if self._path is None else READERS_KEPT
        self._read = self._pool.read
        self._write = self._pool.write
        ground = SqliteGround(self.now, self._read, self._write, lambda: self._ring(Rings(work=True)))
        self.permits: PermitDesk = PermitDesk(ground)
        self.outbox: OutboxDesk = OutboxDesk(ground)

    # --- Contracts -------------------------------------------------------------------------------

    def identity(self) -> str:
        return self._all("identity", (), str)[0]

    def put_contract(self, contract: StoredContract) -> None:
        other = self.contract(contract.digest)
        if other is not None and compare(other, contract) == "same":
            return
        with self._write() as connection:
            put_contract(ContractRows(connection, self._sql, self.now()), contract)

    def contract(self, digest: Digest) -> StoredContract | None:
        return self._first("contract", (digest,), StoredContract)

    def contracts(self) -> list[StoredContract]:
        return self._all("contracts", (), StoredContract)

    # --- Writing ---------------------------------------------------------------------------------

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        check_batch(batch)
        if not batch:
            return []
        try:
            results = self._apply(batch)
        except ContractNumberStale:
            self._batch.forget_contracts()
            results = self._apply(batch)
        self._ring(self._rings_for(batch))
        return results

    def _rings_for(self, batch: Sequence[Start | Write]) -> Rings:
        return rings_for(batch, self.now())

    def _apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        with self._write() as connection:
            return self._batch.apply(connection, batch)

    def transaction(self, held: tuple[RunId, int, int] | None = None) -> SqliteTransaction | None:
        opened = SqliteTransaction(
            self._write(), self._apply_once, self._pool.place, self._view, self._rings_for, self._ring
        )
        try:
            if held is None:
                return opened
            for arrivals in rows(opened.raw, self._sql["is_at"], held, int):
                opened.arrivals = arrivals
                return opened
        except BaseException:
            opened.roll_back()
            raise
        opened.roll_back()
        return None

    def join(self, connection: Any, wait_for: Callable[[Awaitable[Any]], Any]) -> Store:
        raise TypeError(NO_JOIN)

    def _view(
        self, lent: Callable[[], AbstractContextManager[apsw.Connection]], ring: Callable[[Rings], None]
    ) -> SqliteStore:
        """Return this store as it is on a connection that is lent, in an open transaction.

        `ring` is called in place of a ring, which has to wait for the end of the transaction.
        """
        view = copy.copy(self)
        view._read = view._write = lent  # type: ignore[assignment]
        view._ring = ring  # type: ignore[assignment, method-assign]
        return view

    def _apply_once(self, connection: apsw.Connection, batch: Sequence[Start | Write]) -> list[Result]:
        check_batch(batch)
        try:
            return self._batch.apply(connection, batch)
        except ContractNumberStale:
            self._batch.forget_contracts()
            return self._batch.apply(connection, batch)

    def at_once(self) -> AbstractContextManager[None]:
        return at_once()

    # --- Leases ----------------------------------------------------------------------------------

    def claim(
        self,
        worker: str,
        contracts: Collection[str],
        *,
        limit: int,
        ttl_us: Duration,
        labels: Labels = UNLABELLED,
    ) -> Claimed:
        if limit <= 0 or not contracts:
            return Claimed()
        names = _json(contracts), _json(labels)
        # Most calls find nothing; those take no lock.
        first = self.next_wake(contracts, labels=labels)
        if first is None or first > self.now():
            return Claimed()
        with self._write() as connection:
            now = self.now()
            turns = rows(connection, self._sql["due_turns"], (*names, now), tuple[int, int, str])
            batch: list[tuple[int, RunRow]] = []
            for priority in sorted({turn[0] for turn in turns}, reverse=True):
                room = limit - len(batch)
                # Sorted by due time, then by age, over all contracts and labels.
                due = heapq.merge(
                    *(self._due(connection, turn, now, room) for turn in turns if turn[0] == priority),
                    key=lambda item: (item[1].head.wake_at or 0, item[0]),
                )
                batch += islice(due, room)
                if len(batch) == limit:
                    break
            numbers = _encode([number for number, _ in batch]).decode()
            connection.execute(self._sql["claim"], (numbers, worker, now + ttl_us))
        claimed = []
        for _, row in batch:
            head = row.head.replace(worker=worker, wake_at=now + ttl_us)
            claimed.append(row.replace(epoch=row.epoch + 1, head=head))
        return Claimed(claimed, [row.head.worker for _, row in batch])

    def _due(
        self, connection: apsw.Connection, turn: _Turn, now: Instant, limit: int
    ) -> list[tuple[int, RunRow]]:
        """Return the due runs of a turn. A row that cannot be read does not stop the others."""
        try:
            return rows(connection, self._sql["due"], (*turn, now, limit), tuple[int, RunRow])
        except RowDamaged:
            items = []
            for number in rows(connection, self._sql["due_numbers"], (*turn, now, limit), int):
                try:
                    items += rows(connection, self._sql["due_number"], (number,), tuple[int, RunRow])
                except RowDamaged as error:
                    log.error(
                        "run number %d cannot be claimed; it is tried again in a minute: %s", number, error
                    )
                    connection.execute(self._sql["renew"], (_encode([number]).decode(), now + _PUT_OFF_US))
            return items

    def renew(self, worker: str, claims: Sequence[tuple[RunId, int]], *, ttl_us: Duration) -> list[RunId]:
        if not claims:
            return []
        still = self._lease("renew", worker, claims, ttl_us)
        return [run for run, _ in claims if run not in still]

    def release(self, worker: str, claims: Sequence[tuple[RunId, int]]) -> None:
        if claims:
            self._lease("release", worker, claims, NO_TIME)
            self._ring(Rings(work=True))

    def _lease(
        self, verb: str, worker: str, claims: Sequence[tuple[RunId, int]], ttl_us: Duration
    ) -> set[str]:
        """Change the leases of the pairs that are still held; return their runs."""
        with self._write() as connection:
            pairs = rows(connection, self._sql["held"], (_encode(claims).decode(), worker), tuple[int, str])
            numbers = _encode([number for number, _ in pairs]).decode()
            connection.execute(self._sql[verb], (numbers, self.now() + ttl_us))
        return {run for _, run in pairs}

    def next_wake(self, contracts: Collection[str], *, labels: Labels = UNLABELLED) -> Instant | None:
        names = _json(contracts), _json(labels)
        instants = self._all("next_wake", names, Instant | None)  # type: ignore[arg-type]
        return instants[0] if instants else None

    def any_held(
        self, contracts: Collection[str], *, within_us: Duration, labels: Labels = UNLABELLED
    ) -> bool:
        names = _json(contracts), _json(labels)
        return bool(self._all("any_held", (*names, self.now() + within_us), int))

    # --- Reading ---------------------------------------------------------------------------------

    def load(self, run: RunId) -> RunRow | None:
        try:
            return self._first("load", (run,), RunRow)
        except RowDamaged as damage:
            with self._read() as connection:
                damage.readable = left_of_run(connection, run)
            raise

    def ends(self, runs: Sequence[RunId]) -> list[tuple[RunId, RunRow | None]]:
        return self._all("ends", (_json(runs),), tuple[RunId, RunRow | None])

    def progress(self, runs: Sequence[RunId]) -> list[Progress]:
        return self._all("progress", (_json(runs),), Progress)

    def moves(self, since: Instant, *, limit: int) -> list[Move]:
        return self._all("moves", (since, limit), Move)

    def runs(self, where: RunFilter, *, limit: int, after: str | None = None) -> list[RunRow]:
        if limit <= 0 or where.fits_nobody:
            return []
        with self._read() as connection:
            before = _NEWEST
            if after is not None:
                number = number_of(connection, self._sql, after)
                if number is None:
                    return []
                before = number
            numbers: list[int] = []
            if where.contract is not None:
                query = "SELECT id AS row FROM contracts WHERE name IN (SELECT value FROM json_each(?))"
                numbers = rows(connection, query, (_json(values_of(where, "contract")),), int)
                if not numbers:
                    return []
            now = self.now() if where.needs is not None else START_OF_TIME
            values = parameters(where, before=before, limit=limit, now=now)
            try:
                return rows(connection, listing(where, numbers), values, RunRow)
            except RowDamaged as damage:
                if limit == 1:
                    damage.readable, damage.after = what_is_left(connection, where, numbers, values)
                raise

    def due_needs(self, reason: DueNeed, *, limit: int) -> list[RunRow]:
        now = self.now()
        query, before, statuses = _DUE[reason]
        found: list[RunRow] = []
        with self._read() as connection:
            parameters = {"now": now} if reason == "unserved" else ()
            for turn in rows(connection, self._sql[query], parameters, tuple[int, int, str]):
                values = (*turn, now - before, max(limit, 0), DUE_READ, _json(statuses))
                found += rows(connection, self._sql["due_with_status"], values, RunRow)
        return sorted(found, key=lambda row: row.head.wake_at or 0)[: max(limit, 0)]

    def resting(self, *, limit: int) -> list[RunRow]:
        found: list[RunRow] = []
        with self._read() as connection:
            for turn in rows(connection, self._sql["all_turns"], (), tuple[int, int, str]):
                found += rows(connection, self._sql["resting"], (*turn, max(limit, 0), DUE_READ), RunRow)
        return sorted(found, key=lambda row: row.head.wake_at or 0)[: max(limit, 0)]

    def kept_for(self, *, before: Instant, limit: int) -> list[KeptFor]:
        return self._all("kept_for", (before, max(limit, 0), KEPT_READ), KeptFor)

    def unserved_versions(self) -> list[LiveVersion]:
        found = self._all("unserved_versions", {"now": self.now()}, LiveVersion)
        return [version for version in found if version.runs > 0]

    def counts(self) -> dict[Status, int]:
        with self._read() as connection:
            return dict(rows(connection, self._sql["counts"], (), tuple[Status, int]))

    def tally(self) -> Tally:
        return tally_of(self._all("tally", (), tuple[str, str, str, int]))

    def journal(self, run: RunId, *, after: int = 0, limit: int = 1000) -> list[RecordRow]:
        return self._all("journal", (run, after, max(limit, 0)), RecordRow)

    def inbox(self, run: RunId) -> list[InboxRow]:
        return self._all("inbox", (run,), InboxRow)

    def waiting(self, run: RunId) -> int:
        return sum(self._all("waiting", (run,), int))

    def waiting_bytes(self, run: RunId) -> int:
        return sum(self._all("waiting_bytes", (run,), int))

    def event_key(self, run: RunId, event: str, key: Key) -> EventKey | None:
        return self._first("event_key", (run, event, key), EventKey)

    def used_key(self, run: RunId, action: str, key: Key) -> UsedKey | None:
        return self._first("used_key", (run, action, key), UsedKey)

    def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        if digests is None:
            return self._all("values_of", (run,), ValueRow)
        return self._all("values", (run, _json(digests)), ValueRow) if digests else []

    # --- Pruning ---------------------------------------------------------------------------------

    def kept(self, run: RunId, *, unread: list[UnreadRow] | None = None) -> Kept | None:
        with self._snapshot() as connection:
            return kept_of(connection, self._sql, run, unread)

    def strays(self) -> list[Stray]:
        with self._read() as connection:
            return strays(connection)

    def ended(
        self, before: Instant, *, limit: int, contract: str | None = None, after: EndedRun | None = None
    ) -> list[EndedRun]:
        with self._read() as connection:
            return pruning.ended(connection, self._sql, before, limit=limit, contract=contract, after=after)

    def prune(self, batch: Sequence[Prune]) -> list[bool]:
        check_prune(batch)
        if not batch:
            return []
        with self._write() as connection:
            return pruning.prune(connection, self._sql, batch)

    def tombstone(self, run: RunId) -> Tombstone | None:
        return self._first("tombstones", (_json([run]),), Tombstone)

    def forget(self, *, limit: int) -> int:
        with self._write() as connection:
            connection.execute(self._sql["forget"], (self.now(), max(limit, 0)))
            return connection.changes()

    # --- Rewriting -------------------------------------------------------------------------------

    def rewrite(self, run: RunId, change: Callable[[Kept], Kept | None]) -> Kept | None:
        with self._write() as connection:
            return rewrite(connection, self._sql, run, change)

    def compact(self) -> None:
        with self._pool.write_alone() as connection:
            connection.execute("VACUUM")
            connection.pragma("wal_checkpoint(TRUNCATE)")

    # --- Workers, changes, the end ---------------------------------------------------------------

    def heartbeat(
        self,
        worker: str,
        contracts: Collection[str],
        *,
        ttl_us: Duration,
        trouble: str = "",
        calls: str = "",
        labels: Labels = UNLABELLED,
    ) -> None:
        with self._write() as connection:
            now = self.now()
            names, taken = _json(sorted(contracts)), _json(sorted(labels))
            values = (worker, names, now + ttl_us, trouble, calls, taken)
            connection.execute(self._sql["heartbeat"], values)
            connection.execute(self._sql["forget_workers"], (now - _FORGET_WORKERS_AFTER_US,))

    def release_dead(self, dead: WorkerRow, *, within_us: Duration) -> int:
        with self._write() as connection:
            if not connection.execute(self._sql["forget_worker"], (dead.worker, dead.alive_until)).get:
                return 0
            ends = (dead.alive_until - within_us, dead.alive_until + within_us)
            connection.execute(self._sql["release_all"], (dead.worker, self.now(), *ends))
            released = connection.changes()
        self._ring(Rings(work=released > 0))
        return released

    def workers(self, *, gone: bool = False) -> list[WorkerRow]:
        return self._all("workers", (START_OF_TIME if gone else self.now(),), WorkerRow)

    def changes(self) -> int:
        return self._pool.changes()

    def bell(self, ring: Ring) -> Bell | None:
        """Return a bell; None for a store in memory, which nobody else has."""
        bell = None if self._path is None else bell_of(self._path, ring)
        if bell is not None:
            self._bells.add(bell)
        return bell

    def _ring(self, rings: Rings) -> None:
        if rings and self._path is not None:
            ring_log(self._path, rings)

    def _watch_again(self) -> None:
        """Let the bells watch the log that the store has now."""
        for bell in list(self._bells):
            bell.watch_again()

    def close(self) -> None:
        self._pool.close()

    def beside(self) -> SqliteBeside:
        """Return what keeps tables of others in this file; see `opord.stores.beside`."""
        return SqliteBeside(self._pool, self.now)

    def finding(self) -> SqliteFinding:
        return SqliteFinding(self._pool)

    # --- Connections -----------------------------------------------------------------------------

    @contextmanager
    def _snapshot(self) -> Iterator[apsw.Connection]:
        """Yield a reading connection that sees one instant, whatever is written meanwhile."""
        with self._read() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("ROLLBACK")

    def _all(self, name: str, values: BoundValues, kind: type[T]) -> list[T]:
        with self._read() as connection:
            return rows(connection, self._sql[name], values, kind)

    def _first(self, name: str, values: BoundValues, kind: type[T]) -> T | None:
        page = self._all(name, values, kind)
        return page[0] if page else None


def _wall_clock() -> Instant:
    return time.time_ns() // 1000  # type: ignore[return-value]


def _json(names: Collection[str]) -> str:
    return _encode(list(names)).decode()
