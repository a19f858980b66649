"""The verbs of the store over PostgreSQL.

Each is one statement, or one short transaction. No transaction is open while a handler is called.
"""

from __future__ import annotations

import copy
import logging
import time
import zlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final, TypeVar

import msgspec
import psycopg
from psycopg import errors

from opord.kernel.conflicts import check_batch, check_prune, compare
from opord.kernel.needs import OVERDUE_US
from opord.kernel.rows import DueNeed
from opord.kernel.scheduling import UNLABELLED, Labels
from opord.kernel.unread import rests
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
    Prune,
    RecordRow,
    Result,
    RowDamaged,
    RunFilter,
    RunRow,
    Start,
    Status,
    StoredContract,
    StoreUnavailable,
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
from opord.stores.postgres import batch as group
from opord.stores.postgres import pruning, sql
from opord.stores.postgres.beside import HasTablesBeside
from opord.stores.postgres.clock import ServerClock
from opord.stores.postgres.connections import Connection, Connections, Handed, fetch
from opord.stores.postgres.contracts import ContractRows
from opord.stores.postgres.errors import RETRIED, translate
from opord.stores.postgres.joining import check_joined, executes_on
from opord.stores.postgres.listening import Listening
from opord.stores.postgres.listing import Listing
from opord.stores.postgres.location import Location, location_of
from opord.stores.postgres.opening import check_writable, prepare
from opord.stores.postgres.origin import check_origin, note_first, note_new
from opord.stores.postgres.permits import PostgresGround
from opord.stores.postgres.progress import Progresses
from opord.stores.postgres.rewriting import compact, kept_of, rewrite
from opord.stores.postgres.rows import contract_row, run_row, run_rows, worker_rows
from opord.stores.postgres.transaction import PostgresTransaction
from opord.stores.putting import put_contract
from opord.stores.seen import tally_of
from opord.values.types import START_OF_TIME, Digest, Duration, Instant, Key, RunId

log: logging.Logger = logging.getLogger("opord.store")

T = TypeVar("T")

READERS: Final = 4
"""How many threads may read at once."""

WRITERS: Final = 2
"""How many threads may write at once: while the server writes one batch, the next is made."""

CONNECTIONS: Final = READERS + WRITERS + 2
"""The most connections of a handle: one for each thread, and two for a program's own."""

TRIES: Final = 5
"""How often a transaction is tried that others have changed rows under."""

_FORGET_WORKERS_AFTER_US: Final = 7 * 24 * 3600 * 1_000_000
_PUT_OFF_US: Final = 60 * 1_000_000
_NEWEST: Final = (1 << 63) - 1


class PostgresStore(Progresses, HasTablesBeside):
    """A store in a schema of a PostgreSQL database, for any number of workers."""

    readers: int = READERS
    writers: int = WRITERS

    def __init__(
        self, url: str, *, create: bool = True, clock: Callable[[], int] | None = None, restored: bool = False
    ) -> None:
        """Open the store. A missing schema is made if `create` is true.

        `clock` takes the place of the server's clock; tests stop and move it. With `restored`,
        another server than the one on record is taken; `note_server` puts it on record.

        Raises:
            StoreMissing: there is no store, and `create` is false.
            StoreRefused: the server, its settings or the schema cannot be used.
            StoreUnavailable: the server cannot be reached or written now.
            StoreOtherServer: another server than the one on record has the store.
        """
        self._restored, self._has_schema = restored, False
        self.location: Location = location_of(url)
        self._connections = Connections(self.location, most=CONNECTIONS, check=self._check)
        self._clock = ServerClock(clock)
        self._sql = sql.queries(self.location.schema)
        self._listening = Listening(self._connections)
        self._own_changes = 0
        self._deaf = False
        self._handed = Handed(self._connections)
        clock_of, schema = (lambda: self._clock), self.location.schema
        ground = PostgresGround(schema, clock_of, self._connections.use, self._transact, self._woken)
        self.permits: PermitDesk = PermitDesk(ground)
        self.outbox: OutboxDesk = OutboxDesk(ground)
        try:
            prepare(self._connections, create=create)
            note_first(self._connections)
            self._has_schema = True
            with self._connections.use() as connection:
                self._check(connection)
            self._look_at_clock()
        except BaseException:
            self._connections.close()
            raise

    def note_server(self) -> None:
        """Put this server on record as the store's; the live runs are marked."""
        note_new(self._connections)

    def _check(self, connection: Connection) -> None:
        """Refuse a server that cannot be written, or that is not the one on record."""
        check_writable(connection, self.location.place)
        if self._has_schema and not self._restored:
            check_origin(connection, self.location.schema, self.location.place)

    # --- Contracts -------------------------------------------------------------------------------

    def identity(self) -> str:
        return str(self._one("identity"))

    def now(self) -> Instant:
        return self._clock.now()

    def put_contract(self, contract: StoredContract) -> None:
        other = self.contract(contract.digest)
        if other is not None and compare(other, contract) == "same":
            return
        self._transact(
            lambda connection: put_contract(ContractRows(connection, self._sql, self._clock.given), contract)
        )

    def contract(self, digest: Digest) -> StoredContract | None:
        rows = self._all("contract", digest)
        return contract_row(rows[0]) if rows else None

    def contracts(self) -> list[StoredContract]:
        return [contract_row(row) for row in self._all("contracts")]

    # --- Writing ---------------------------------------------------------------------------------

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        check_batch(batch)
        if not batch:
            return []
        changes = list(enumerate(batch))
        schema = self.location.schema
        try:
            with self._connections.use() as connection:
                written = group.write(_on(connection), schema, changes, self.now(), self._notice(batch))
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, RETRIED):
                raise
            written = None
        except Exception as error:
            if not isinstance(error.__cause__, errors.UniqueViolation):
                raise
            written = None  # somebody was faster: look at what is there
        if written is None:
            return self._transact(lambda connection: self._apply_each(connection, batch))
        self._own_changes += 1
        return [written[n] for n, _ in changes]

    def _notice(self, batch: Sequence[Start | Write]) -> tuple[str, str] | None:
        """Return the channel and the text of a notice, if a batch makes work for others."""
        rings = rings_for(batch, self.now())
        if self._connections.pooled or not rings:
            return None
        return self._listening.channel, self._listening.text(rings)

    def _apply_each(self, connection: Connection, batch: Sequence[Start | Write]) -> list[Result]:
        """Look at each change of a batch, and write those that fit, in the open transaction."""
        return self._applied_by(_on(connection), batch)

    def _applied_by(self, execute: group.Executes, batch: Sequence[Start | Write]) -> list[Result]:
        schema = self.location.schema
        answers = group.judged(execute, schema, batch)
        fitting = [(n, answer) for n, answer in enumerate(answers) if isinstance(answer, Start | Write)]
        notice = self._notice([answer for _, answer in fitting])
        written = group.write(execute, schema, fitting, self.now(), notice) if fitting else {}
        if written is None:
            raise _Overtaken
        return [written.get(n, answer) for n, answer in enumerate(answers)]  # type: ignore[arg-type]

    def transaction(self, held: tuple[RunId, int, int] | None = None) -> PostgresTransaction | None:
        try:
            opened = PostgresTransaction(
                self._handed.take(),
                self._apply_within,
                self.location.place,
                self._handed.give_back,
                self.within,
            )
            try:
                if held is None or opened.holds(self._sql["is_at"], held):
                    return opened
            except BaseException:
                opened.roll_back()
                raise
        except psycopg.Error as error:
            raise translate(error, self.location.place) from error
        opened.roll_back()
        return None

    def join(self, connection: Any, wait_for: Callable[[Awaitable[Any]], Any]) -> PostgresStore:
        executes, location = executes_on(connection, wait_for), self.location
        check_joined(
            connection,
            executes,
            schema=location.schema,
            identity=self.identity(),
            place=location.place,
        )
        return self.within(executes)

    def within(self, executes: group.Executes) -> PostgresStore:
        """Return this store as it is in a transaction that is open, on what executes statements."""
        view = copy.copy(self)
        view._all = lambda name, *parameters: (  # type: ignore[method-assign]
            [] if sql.has_null(parameters) else executes(self._sql[name], parameters)
        )
        view.apply = lambda batch: self._apply_within(executes, batch)  # type: ignore[method-assign]
        return view

    def _apply_within(self, execute: group.Executes, batch: Sequence[Start | Write]) -> list[Result]:
        """Write those changes of a batch that fit, in a transaction of a program's.

        It goes on after a start of which another transaction was faster.
        """
        check_batch(batch)
        if all(isinstance(one, Write) and not (one.put or one.event_keys) for one in batch):
            written = group.write(
                execute, self.location.schema, [*enumerate(batch)], self.now(), self._notice(batch)
            )
            if written is not None:
                return [written[n] for n in range(len(batch))]
        for _ in range(TRIES):
            execute("SAVEPOINT opord_apply", [])
            try:
                results = self._applied_by(execute, batch)
            except (_Overtaken, errors.UniqueViolation):
                execute("ROLLBACK TO SAVEPOINT opord_apply", [])
                continue
            execute("RELEASE SAVEPOINT opord_apply", [])
            return results
        raise self._contended()

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
        claimed, before = [], []
        for *columns, holder in self._write("claim", *names, self._clock.given, limit, worker, ttl_us):
            try:
                claimed.append(run_row(columns))
                before.append(holder)
            except RowDamaged as error:
                # It must not stop the others.
                log.error("run %s cannot be claimed, and is left alone for a minute: %s", columns[0], error)
                self._write("put_off", columns[0], self._clock.given, _PUT_OFF_US)
        return Claimed(claimed, before)

    def renew(self, worker: str, claims: Sequence[tuple[RunId, int]], *, ttl_us: Duration) -> list[RunId]:
        if not claims:
            return []
        still = self._lease(worker, claims, ttl_us, keep=True)
        return [run for run, _ in claims if run not in still]

    def release(self, worker: str, claims: Sequence[tuple[RunId, int]]) -> None:
        if claims:
            self._lease(worker, claims, 0, keep=False)
            self._woken()

    def _lease(
        self, worker: str, claims: Sequence[tuple[RunId, int]], ttl_us: int, *, keep: bool
    ) -> set[str]:
        """Change the leases of the pairs that are still held; return their runs."""
        pairs = _json([{"run": run, "epoch": epoch} for run, epoch in claims])
        return {run for (run,) in self._write("lease", pairs, worker, self._clock.given, ttl_us, keep)}

    def next_wake(self, contracts: Collection[str], *, labels: Labels = UNLABELLED) -> Instant | None:
        began = time.monotonic_ns()
        names = _json(contracts), _json(labels)
        ((wake_at, clock),) = self._all("next_wake", *names, self._clock.given)
        self._clock.look(clock, began)
        return None if wake_at is None else Instant(wake_at)

    def any_held(
        self, contracts: Collection[str], *, within_us: Duration, labels: Labels = UNLABELLED
    ) -> bool:
        return bool(self._one("any_held", _json(contracts), _json(labels), self._clock.given, within_us))

    # --- Reading ---------------------------------------------------------------------------------

    def load(self, run: RunId) -> RunRow | None:
        return run_row(rows[0]) if (rows := self._all("load", run)) else None

    def ends(self, runs: Sequence[RunId]) -> list[tuple[RunId, RunRow | None]]:
        known = [run for run in runs if "\0" not in run]  # see `_all`
        ends: list[tuple[RunId, RunRow | None]] = [(run, None) for run in runs if "\0" in run]
        for run, *columns in self._all("ends", _json(known)) if known else ():
            ends.append((RunId(run), None if columns[0] is None else run_row(columns)))
        return ends

    def runs(self, where: RunFilter, *, limit: int, after: str | None = None) -> list[RunRow]:
        if limit <= 0 or where.fits_nobody:
            return []
        before = _NEWEST
        if after is not None:
            number = self._one("number", after)
            if number is None:
                return []
            before = number
        names = where.values("contract")
        contracts = [number for name in names or () for (number,) in self._all("contract_numbers", name)]
        if names is not None and not contracts:
            return []
        now = self.now() if where.needs is not None else START_OF_TIME
        listing = Listing(where, contracts, before=before, limit=limit, now=now, schema=self.location.schema)
        with self._connections.use() as connection:
            cursor = connection.execute(listing.statement, listing.parameters, prepare=False)
            return run_rows(cursor.fetchall())

    def due_needs(self, reason: DueNeed, *, limit: int) -> list[RunRow]:
        since_us = OVERDUE_US if reason == "overdue" else 0
        return run_rows(self._all(reason, self._clock.given, since_us, DUE_READ, max(limit, 0)))

    def resting(self, *, limit: int) -> list[RunRow]:
        found = [row for row in run_rows(self._all("resting", DUE_READ)) if rests(row)]
        return found[: max(limit, 0)]

    def kept_for(self, *, before: Instant, limit: int) -> list[KeptFor]:
        return [KeptFor(*row) for row in self._all("kept_for", before, max(limit, 0), KEPT_READ)]

    def unserved_versions(self) -> list[LiveVersion]:
        found = [LiveVersion(*row) for row in self._all("unserved_versions", self._clock.given)]
        return [version for version in found if version.runs > 0]

    def counts(self) -> dict[Status, int]:
        return dict(self._all("counts"))

    def tally(self) -> Tally:
        return tally_of(self._all("tally"))

    def journal(self, run: RunId, *, after: int = 0, limit: int = 1000) -> list[RecordRow]:
        return [RecordRow(*row) for row in self._all("journal", run, after, max(limit, 0))]

    def inbox(self, run: RunId) -> list[InboxRow]:
        return [InboxRow(*row) for row in self._all("inbox", run)]

    def waiting(self, run: RunId) -> int:
        return int(self._one("waiting", run) or 0)

    def waiting_bytes(self, run: RunId) -> int:
        return int(self._one("waiting_bytes", run) or 0)

    def event_key(self, run: RunId, event: str, key: Key) -> EventKey | None:
        rows = self._all("event_key", run, event, key)
        return EventKey(*rows[0]) if rows else None

    def used_key(self, run: RunId, action: str, key: Key) -> UsedKey | None:
        rows = self._all("used_key", run, action, key)
        return UsedKey(*rows[0]) if rows else None

    def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        if digests is None:
            return [ValueRow(*row) for row in self._all("values_of", run)]
        return [ValueRow(*row) for row in self._all("values", run, _json(digests))] if digests else []

    # --- Pruning ---------------------------------------------------------------------------------

    def kept(self, run: RunId, *, unread: list[UnreadRow] | None = None) -> Kept | None:
        if "\0" in run:
            return None
        with self._connections.transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", prepare=False)
            return kept_of(connection, self._sql, run, unread)

    def strays(self) -> list[Stray]:
        return [Stray(*row) for row in self._all("strays")]

    def ended(
        self, before: Instant, *, limit: int, contract: str | None = None, after: EndedRun | None = None
    ) -> list[EndedRun]:
        since, number = (after.since, after.number) if after is not None else (-1, 0)
        rows = self._all("ended", contract, before, since, number, max(limit, 0))
        return [EndedRun(*row) for row in rows]

    def prune(self, batch: Sequence[Prune]) -> list[bool]:
        check_prune(batch)
        return self._transact(lambda connection: pruning.prune(connection, self._sql, batch)) if batch else []

    def tombstone(self, run: RunId) -> Tombstone | None:
        rows = self._all("tombstones", _json([run])) if "\0" not in run else []
        return Tombstone(*rows[0]) if rows else None

    def forget(self, *, limit: int) -> int:
        return len(self._write("forget", self._clock.given, max(limit, 0)))

    # --- Rewriting -------------------------------------------------------------------------------

    def rewrite(self, run: RunId, change: Callable[[Kept], Kept | None]) -> Kept | None:
        if "\0" in run:
            return None
        return self._transact(lambda connection: rewrite(connection, self._sql, run, change))

    def compact(self) -> None:
        """Rewrite the tables whose texts may have been overwritten. Each is locked meanwhile.

        Raises:
            StoreRefused: this role may not; the old texts stay in the server's files until somebody
                who may does it.
        """
        compact(self._connections)

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
        names, taken = _json(sorted(contracts)), _json(sorted(labels))
        forget_us = _FORGET_WORKERS_AFTER_US
        self._write("heartbeat", worker, names, self._clock.given, ttl_us, trouble, calls, forget_us, taken)

    def release_dead(self, dead: WorkerRow, *, within_us: Duration) -> int:
        ends = (dead.alive_until - within_us, dead.alive_until + within_us)

        def release(connection: Connection) -> int:
            if not fetch(connection, self._sql["forget_worker"], (dead.worker, dead.alive_until)):
                return 0
            return len(fetch(connection, self._sql["release_all"], (dead.worker, self._clock.given, *ends)))

        released = self._transact(release)
        if released:
            self._woken()
        return released

    def _woken(self) -> None:
        """Send a notice of work by itself. What was written stands, whatever becomes of it."""
        if not self._connections.pooled:
            with suppress(StoreUnavailable):
                self._all("notify", self._listening.channel, self._listening.text(Rings(work=True)))

    def workers(self, *, gone: bool = False) -> list[WorkerRow]:
        return worker_rows(self._all("workers", self._clock.given, gone))

    def changes(self) -> int:
        """Return a digest of the server's running transactions, less those of this handle.

        It also changes with what other programs write in the same server.
        """
        own = self._own_changes
        first, end, running = str(self._one("changes")).split(":")
        numbers = [int(one) - own for one in (first, end, *filter(None, running.split(",")))]
        return zlib.crc32(repr(numbers).encode())

    def bell(self, ring: Ring) -> Bell | None:
        """Hear the notices of other handles; behind a pooler, which loses them, return None."""
        if not self._connections.pooled:
            return self._listening.add(ring)
        if ring == "work" and not self._deaf:
            self._deaf = True
            log.info(
                "store %s: a pooler stands before the server, so no notices are heard, and a worker looks for new work 20 times "
                "a second; if you can, give workers a direct connection",
                self.location.place,
            )
        return None

    def at_once(self) -> AbstractContextManager[None]:
        """Let verbs be as they are: rows are locked for one statement only."""
        return nullcontext()

    def close(self) -> None:
        self._listening.close()
        self._handed.close()
        self._connections.close()

    # --- Statements ------------------------------------------------------------------------------

    def _all(self, name: str, *parameters: Any) -> list[tuple[Any, ...]]:
        if sql.has_null(parameters):
            return []
        with self._connections.use() as connection:
            return fetch(connection, self._sql[name], parameters)

    def _one(self, name: str, *parameters: Any) -> Any:
        rows = self._all(name, *parameters)
        return rows[0][0] if rows else None

    def _write(self, name: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Execute a statement that writes, again if the server asks for that."""
        rows = self._again(lambda: self._all(name, *parameters))
        self._own_changes += bool(rows) or name == "heartbeat"
        return rows

    def _transact(self, work: Callable[[Connection], T]) -> T:
        """Do some work in one transaction, again if others have changed rows under it."""

        def once() -> T:
            with self._connections.transaction() as connection:
                return work(connection)

        return self._again(once)

    def _again(self, work: Callable[[], T]) -> T:
        last: Exception = self._contended()
        for attempt in range(1, TRIES + 1):
            try:
                return work()
            except _Overtaken:
                pass
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, RETRIED):
                    raise
                last = error
            except Exception as error:
                if not isinstance(error.__cause__, errors.UniqueViolation):
                    raise
                last = error
            if attempt < TRIES:
                time.sleep(0.002 * attempt)
        raise last

    def _contended(self) -> StoreUnavailable:
        return StoreUnavailable(
            "locked", f"store {self.location.place} is contended: others were faster {TRIES} times"
        )

    def _look_at_clock(self) -> None:
        began = time.monotonic_ns()
        self._clock.look(int(self._one("clock")), began)


class _Overtaken(Exception):
    """What fitted when it was looked at does not any more; look again."""


def _on(connection: Connection) -> group.Executes:
    """Return a function that executes statements on a connection."""
    return lambda statement, parameters: fetch(connection, statement, parameters)


def _json(rows: Any) -> str:
    return msgspec.json.encode(list(rows)).decode()
