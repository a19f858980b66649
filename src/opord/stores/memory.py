"""A store of plain dicts: the promise in its shortest form, for tests and simulation.

Nothing is durable.

`another()` returns a second handle on the same rows, as a second process would have.
"""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from typing import Any

import apsw

from opord.kernel.conflicts import Facts, check_batch, check_prune, check_rewrite, compare, judge, may_prune
from opord.kernel.needs import could_go_on, is_overdue
from opord.kernel.rows import DueNeed, NeedFilter, NeedReason, has_ended, known_needs
from opord.kernel.scheduling import UNLABELLED, Labels
from opord.kernel.unread import rests
from opord.stores.base import (
    DUE_READ,
    Applied,
    Claimed,
    ContractConflict,
    EndedRun,
    EventKey,
    Head,
    InboxRow,
    Kept,
    KeptFor,
    LiveVersion,
    Move,
    Progress,
    Prune,
    RecordRow,
    Result,
    RunFilter,
    RunRow,
    Start,
    Status,
    Store,
    StoredContract,
    Tombstone,
    UsedKey,
    ValueRow,
    WorkerRow,
    Write,
)
from opord.stores.bell import Bell, Ring
from opord.stores.filters import any_of, fits_columns
from opord.stores.memory_finding import MemoryFinding
from opord.stores.memory_permits import MemoryGround
from opord.stores.memory_rows import Rows
from opord.stores.memory_transaction import MemoryTransaction
from opord.stores.outbox import OutboxDesk
from opord.stores.permits import PermitDesk
from opord.stores.seen import Stray, Tally, UnreadRow, tally_of
from opord.stores.sqlite.handed import NO_JOIN
from opord.values.types import START_OF_TIME, Digest, Duration, Instant, Key, RunId


class MemoryStore:
    """Keeps all rows in dicts, guarded by one lock."""

    readers = 0
    writers = 0

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self._clock = clock or (lambda: time.time_ns() // 1000)
        self._rows = Rows()
        self._own_changes = 0
        ground = MemoryGround(self, lambda: self._rows.limits)
        self.permits: PermitDesk = PermitDesk(ground)
        self.outbox: OutboxDesk = OutboxDesk(ground)

    def finding(self) -> MemoryFinding:
        return MemoryFinding(self._rows)

    def another(self, clock: Callable[[], int] | None = None) -> MemoryStore:
        """Return another handle on the same rows."""
        other = MemoryStore(clock or self._clock)
        other._rows = self._rows
        return other

    def copy(self) -> MemoryStore:
        """Return an independent copy of the store with its current rows, like a backup."""
        other = MemoryStore(self._clock)
        with self._rows.lock:
            for name in (one.name for one in fields(Rows) if one.name not in ("lock", "tables", "limits")):
                value = getattr(self._rows, name)
                setattr(other._rows, name, copy.copy(value))
            for lists in (other._rows.journals, other._rows.inboxes):
                for run, rows in lists.items():
                    lists[run] = [*rows]
            other._rows.values = {run: {**values} for run, values in other._rows.values.items()}
            if self._rows.tables is not None:
                other.tables.deserialize("main", self._rows.tables.serialize("main"))
            other._rows.limits = self._rows.limits.copy()
        return other

    def identity(self) -> str:
        return self._rows.identity

    def now(self) -> Instant:
        return Instant(self._clock())

    def put_contract(self, contract: StoredContract) -> None:
        rows = self._rows
        with rows.lock:
            for other in [*rows.contracts.values()]:
                if (other.name, other.version) != (contract.name, contract.version):
                    continue
                how = compare(other, contract)
                if how in ("same", "other text"):
                    rows.contracts[other.digest] = other.replace(sources=contract.sources)
                    return
                if how == "other" and (needed_by := self._needed_by(other)):
                    raise ContractConflict(
                        contract.name, contract.version, other.digest, contract.digest, needed_by
                    )
                del rows.contracts[other.digest]
                if how == "newer digest":
                    contract = contract.replace(also=(other.digest, *other.also))
                    rows.runs |= {
                        run: row.replace(contract=contract.digest)
                        for run, row in rows.runs.items()
                        if row.contract == other.digest
                    }
                else:
                    contract = contract.replace(also=())
                break
            else:
                contract = contract.replace(also=())
            rows.contracts[contract.digest] = contract
            self._changed()

    def _needed_by(self, contract: StoredContract) -> str:
        """Say what keeps a contract from being replaced, as every store does.

        Return an empty text if nothing does.
        """
        digests = {contract.digest, *contract.also}
        if any(row.contract in digests for row in self._rows.runs.values()):
            return "runs were started with it"
        if any(stays.contract in digests for stays in self._rows.tombstones.values()):
            return "pruned runs were started with it"
        for worker in self.workers():
            if not digests.isdisjoint(worker.contracts):
                return f"the worker {worker.worker} serves it"
        return ""

    def contract(self, digest: Digest) -> StoredContract | None:
        rows = self._rows
        contract = rows.contracts.get(digest)
        return contract or next((each for each in rows.contracts.values() if digest in each.also), None)

    def _current(self, contracts: Collection[str]) -> set[str]:
        """Return the current digests for digests of any form."""
        by_digest = {digest: self.contract(Digest(digest)) for digest in contracts}
        return {contract.digest if contract is not None else digest for digest, contract in by_digest.items()}

    def contracts(self) -> list[StoredContract]:
        return sorted(self._rows.contracts.values(), key=lambda contract: (contract.name, contract.version))

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        check_batch(batch)
        rows = self._rows
        with rows.lock:
            results = [self._apply(change) for change in batch]
            if batch:
                self._changed()
        return results

    def transaction(self, held: tuple[RunId, int, int] | None = None) -> MemoryTransaction | None:
        if held is not None and not self.is_at(*held):
            return None
        return MemoryTransaction(self, 0 if held is None else self._rows.runs[held[0]].arrivals)

    def join(self, connection: Any, wait_for: Callable[[Awaitable[Any]], Any]) -> Store:
        raise TypeError(NO_JOIN)

    def is_at(self, run: RunId, epoch: int, seq: int) -> bool:
        """Say whether a run has this epoch and this sequence number."""
        row = self._rows.runs.get(run)
        return row is not None and (row.epoch, row.seq) == (epoch, seq)

    def alone(self) -> AbstractContextManager[bool]:
        """Let no other thread change the rows meanwhile."""
        return self._rows.lock

    def judged(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Return what applying a batch would answer, and change nothing."""
        check_batch(batch)
        answers = [judge(change, self._facts(change)) for change in batch]
        return [
            Applied(self._arrivals(answer)) if isinstance(answer, Start | Write) else answer
            for answer in answers
        ]

    def _arrivals(self, change: Start | Write) -> int:
        if isinstance(change, Start):
            return change.row.arrivals
        return self._rows.runs[change.run].arrivals + len(change.put)

    @property
    def tables(self) -> apsw.Connection:
        """The tables of a program that it writes in transactions, in a database of their own."""
        if self._rows.tables is None:
            self._rows.tables = apsw.Connection(":memory:")
        return self._rows.tables

    def put_row(self, row: RunRow) -> None:
        """Put a run's row in place of the old one."""
        self._rows.runs[row.run] = row
        self._changed()

    def _apply(self, change: Start | Write) -> Result:
        rows = self._rows
        answer = judge(change, self._facts(change))
        if isinstance(answer, Start):
            contract = self.contract(answer.row.contract)
            row = answer.row.replace(contract=contract.digest) if contract is not None else answer.row
            rows.runs[row.run] = row
            rows.journals[row.run] = list(answer.records)
            rows.inboxes[row.run] = []
            rows.values[row.run] = {value.digest: value for value in answer.values}
            rows.highest += 1
            rows.numbers[row.run] = rows.highest
            rows.tell(None, row, answer.records)
            return Applied(row.arrivals)
        if not isinstance(answer, Write):
            return answer
        run, records = answer.run, answer.records
        row = rows.runs[run]
        rows.runs[run] = row.replace(
            epoch=answer.new_epoch,
            seq=answer.seq + len(records),
            hash=records[-1].hash if records else row.hash,
            arrivals=row.arrivals + len(answer.put),
            head=answer.head or row.head,
        )
        rows.journals[run] += records
        rows.inboxes[run] = [m for m in rows.inboxes[run] if m.id not in answer.take] + list(answer.put)
        rows.messages |= {(run, message.id) for message in answer.put}
        rows.event_keys |= {(run, key.event, key.key): key for key in answer.event_keys}
        for used in answer.used_keys:
            rows.used_keys.setdefault((run, used.action, used.key), used)
        for value in answer.values:
            rows.values[run].setdefault(value.digest, value)
        rows.tell(row, rows.runs[run], records)
        return Applied(rows.runs[run].arrivals)

    def _facts(self, change: Start | Write) -> Facts:
        rows = self._rows
        run = change.row.run if isinstance(change, Start) else change.run
        row = rows.runs.get(run)
        if row is None:
            contract = change.row.contract if isinstance(change, Start) else None
            unstored = [contract] if contract is not None and self.contract(contract) is None else []
            return Facts(tombstones=rows.tombstones, unstored=unstored)
        hashes = {(run, record.seq): record.hash for record in rows.journals[run]}
        return Facts({run: row}, hashes, rows.messages, rows.event_keys)

    def claim(
        self,
        worker: str,
        contracts: Collection[str],
        *,
        limit: int,
        ttl_us: Duration,
        labels: Labels = UNLABELLED,
    ) -> Claimed:
        rows, now = self._rows, self.now()
        with rows.lock:
            due = [
                (-row.priority, row.head.wake_at, number, row)
                for number, row in enumerate(self._of(contracts, labels))
                if row.head.wake_at is not None and row.head.wake_at <= now
            ]
            claimed, before = [], []
            for *_, row in sorted(due, key=lambda item: item[:3])[: max(limit, 0)]:
                before.append(row.head.worker)
                head = row.head.replace(worker=worker, wake_at=now + ttl_us)
                row = row.replace(epoch=row.epoch + 1, head=head)
                rows.runs[row.run] = row
                claimed.append(row)
            if claimed:
                self._changed()
            return Claimed(claimed, before)

    def renew(self, worker: str, claims: Sequence[tuple[RunId, int]], *, ttl_us: Duration) -> list[RunId]:
        return self._lease(worker, claims, lambda row, now: row.head.replace(wake_at=now + ttl_us))

    def release(self, worker: str, claims: Sequence[tuple[RunId, int]]) -> None:
        self._lease(worker, claims, lambda row, now: row.head.replace(worker=None, wake_at=now))

    def _lease(
        self, worker: str, claims: Sequence[tuple[RunId, int]], change: Callable[[RunRow, int], Head]
    ) -> list[RunId]:
        rows, now = self._rows, self.now()
        lost_runs = []
        with rows.lock:
            for run, epoch in claims:
                row = rows.runs.get(run)
                if row is None or (row.epoch, row.head.worker) != (epoch, worker):
                    lost_runs.append(run)
                else:
                    rows.runs[run] = row.replace(head=change(row, now))
            if len(lost_runs) < len(claims):
                self._changed()
        return lost_runs

    def _of(self, contracts: Collection[str], labels: Labels) -> list[RunRow]:
        """Return the runs of these contracts and labels, in the order of their starts."""
        digests = self._current(contracts)
        return [row for row in self._rows.runs.values() if row.contract in digests and row.label in labels]

    def next_wake(self, contracts: Collection[str], *, labels: Labels = UNLABELLED) -> Instant | None:
        with self._rows.lock:
            wakes = [row.head.wake_at for row in self._of(contracts, labels)]
        return min((wake for wake in wakes if wake is not None), default=None)

    def any_held(
        self, contracts: Collection[str], *, within_us: Duration, labels: Labels = UNLABELLED
    ) -> bool:
        before = self.now() + within_us
        with self._rows.lock:
            return any(
                row.head.worker is not None and row.head.wake_at is not None and row.head.wake_at < before
                for row in self._of(contracts, labels)
            )

    def load(self, run: RunId) -> RunRow | None:
        return self._rows.runs.get(run)

    def ends(self, runs: Sequence[RunId]) -> list[tuple[RunId, RunRow | None]]:
        with self._rows.lock:
            rows = [(run, self._rows.runs.get(run)) for run in runs]
        return [(run, row) for run, row in rows if row is None or has_ended(row.head.status)]

    def progress(self, runs: Sequence[RunId]) -> list[Progress]:
        return self._rows.progress(runs)

    def moves(self, since: Instant, *, limit: int) -> list[Move]:
        return self._rows.moves(since, limit)

    def runs(self, where: RunFilter, *, limit: int, after: str | None = None) -> list[RunRow]:
        with self._rows.lock:
            newest = list(reversed(self._rows.runs.values()))
        if after is not None:
            newest = [row for row in newest if self._rows.numbers[row.run] < self._rows.numbers.get(after, 0)]
        fits = [
            row
            for row in newest
            if fits_columns(row, where)
            and all(any(text in row.input or text in row.head.body for text in one) for one in where.texts)
            and (where.needs is None or any(self._has_need(row, one) for one in any_of(where.needs) or ()))
        ]
        return fits[: max(limit, 0)]

    def _has_need(self, row: RunRow, needs: NeedFilter) -> bool:
        head, now = row.head, self.now()
        reasons: set[NeedReason] = {*known_needs(head.needs)}
        if is_overdue(head.status, head.wake_at, now):
            reasons.add("overdue")
        if not self._served(row) and could_go_on(head.status, head.wake_at, now):
            reasons.add("unserved")
        return bool(reasons) if needs == "any" else needs in reasons

    def _served(self, row: RunRow) -> bool:
        """Say whether a worker that is alive takes a run."""
        return any(row.contract in one.contracts and row.label in one.labels for one in self.workers())

    def due_needs(self, reason: DueNeed, *, limit: int) -> list[RunRow]:
        with self._rows.lock:
            found = [row for row in self._rows.runs.values() if self._has_need(row, reason)]
        return sorted(found, key=lambda row: row.head.wake_at or 0)[: max(limit, 0)]

    def resting(self, *, limit: int) -> list[RunRow]:
        with self._rows.lock:
            waking = [row for row in self._rows.runs.values() if row.head.wake_at is not None]
        read: Counter[tuple[str, str, int]] = Counter()
        found: list[RunRow] = []
        for row in sorted(waking, key=lambda row: row.head.wake_at or 0):
            turn = (row.contract, row.label, row.priority)
            read[turn] += 1
            if read[turn] <= DUE_READ and rests(row):
                found.append(row)
        return found[: max(limit, 0)]

    def kept_for(self, *, before: Instant, limit: int) -> list[KeptFor]:
        rows = self._rows
        with rows.lock:
            waiting = [(run, rows.inboxes[run]) for run in rows.runs if rows.inboxes.get(run)]
            found = [KeptFor(RunId(run), messages[0].arrived) for run, messages in waiting]
        return [one for one in found if one.since < before][: max(limit, 0)]

    def unserved_versions(self) -> list[LiveVersion]:
        with self._rows.lock:
            live = Counter(
                (row.name, row.version, row.label)
                for row in self._rows.runs.values()
                if not has_ended(row.head.status) and not self._served(row)
            )
        return [
            LiveVersion(name, version, runs, label) for (name, version, label), runs in sorted(live.items())
        ]

    def journal(self, run: RunId, *, after: int = 0, limit: int = 1000) -> list[RecordRow]:
        records = self._rows.journals.get(run, [])
        return [record for record in records if record.seq > after][: max(limit, 0)]

    def inbox(self, run: RunId) -> list[InboxRow]:
        return list(self._rows.inboxes.get(run, ()))

    def waiting(self, run: RunId) -> int:
        return len(self._rows.inboxes.get(run, ()))

    def waiting_bytes(self, run: RunId) -> int:
        return sum(len(message.body.encode()) for message in self.inbox(run))

    def event_key(self, run: RunId, event: str, key: Key) -> EventKey | None:
        return self._rows.event_keys.get((run, event, key))

    def used_key(self, run: RunId, action: str, key: Key) -> UsedKey | None:
        return self._rows.used_keys.get((run, action, key))

    def rewrite(self, run: RunId, change: Callable[[Kept], Kept | None]) -> Kept | None:
        rows = self._rows
        with rows.lock:
            if run not in rows.runs:
                return None
            old = self._whole_run(run)
            new = change(old)
            if new is not None:
                check_rewrite(old, new)
                rows.runs[run] = new.row.replace(epoch=old.row.epoch + 1)
                rows.journals[run] = list(new.records)
                rows.inboxes[run] = list(new.inbox)
                rows.event_keys |= {(run, key.event, key.key): key for key in new.event_keys}
                rows.used_keys |= {(run, key.action, key.key): key for key in new.used_keys}
                rows.values[run] = {value.digest: value for value in new.values}
                self._changed()
            return old

    def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        with self._rows.lock:
            by_digest = self._rows.values.get(run, {})
            return [
                by_digest[one]
                for one in sorted(by_digest if digests is None else by_digest.keys() & set(digests))
            ]

    def kept(self, run: RunId, *, unread: list[UnreadRow] | None = None) -> Kept | None:
        with self._rows.lock:
            return self._whole_run(run) if run in self._rows.runs else None

    def strays(self) -> list[Stray]:
        return []

    def _whole_run(self, run: RunId) -> Kept:
        rows = self._rows
        return Kept(
            rows.runs[run],
            tuple(rows.journals[run]),
            tuple(rows.inboxes[run]),
            tuple(key for (one, _, _), key in rows.event_keys.items() if one == run),
            tuple(key for (one, _, _), key in rows.used_keys.items() if one == run),
            tuple(self.values(run)),
        )

    def ended(
        self, before: Instant, *, limit: int, contract: str | None = None, after: EndedRun | None = None
    ) -> list[EndedRun]:
        return self._rows.ended(before, contract, after)[: max(limit, 0)]

    def prune(self, batch: Sequence[Prune]) -> list[bool]:
        check_prune(batch)
        rows = self._rows
        with rows.lock:
            return [self._prune(each) for each in batch]

    def _prune(self, request: Prune) -> bool:
        rows, run = self._rows, request.tombstone.run
        if not may_prune(request, rows.runs.get(run)) or run in rows.told_of([run]):
            return False
        del rows.runs[run], rows.journals[run], rows.inboxes[run], rows.values[run]
        rows.messages = {each for each in rows.messages if each[0] != run}
        rows.event_keys = {at: key for at, key in rows.event_keys.items() if at[0] != run}
        rows.used_keys = {at: key for at, key in rows.used_keys.items() if at[0] != run}
        rows.tombstones[run] = request.tombstone
        self._changed()
        return True

    def tombstone(self, run: RunId) -> Tombstone | None:
        return self._rows.tombstones.get(run)

    def forget(self, *, limit: int) -> int:
        now, tombstones = self.now(), self._rows.tombstones
        with self._rows.lock:
            over = [run for run, stays in tombstones.items() if stays.forget_at <= now]
            over.sort(key=lambda run: tombstones[run].forget_at)
            for run in over[: max(limit, 0)]:
                del tombstones[run]
                if run not in self._rows.runs:
                    del self._rows.numbers[run]
        return len(over[: max(limit, 0)])

    def compact(self) -> None:
        pass

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
        with self._rows.lock:
            alive_until = Instant(self.now() + ttl_us)
            self._rows.workers[worker] = WorkerRow(
                worker, tuple(sorted(contracts)), alive_until, trouble, calls, tuple(sorted(labels))
            )
            self._changed()

    def release_dead(self, dead: WorkerRow, *, within_us: Duration) -> int:
        with self._rows.lock:
            worker = self._rows.workers.get(dead.worker)
            if worker is None or worker.alive_until != dead.alive_until:
                return 0
            del self._rows.workers[dead.worker]
            runs = [
                (run, row)
                for run, row in self._rows.runs.items()
                if row.head.worker == dead.worker
                and row.head.wake_at is not None
                and abs(row.head.wake_at - dead.alive_until) <= within_us
            ]
            for run, row in runs:
                self._rows.runs[run] = row.replace(head=row.head.replace(worker=None, wake_at=self.now()))
            self._changed()
            return len(runs)

    def workers(self, *, gone: bool = False) -> list[WorkerRow]:
        now = START_OF_TIME if gone else self.now()
        with self._rows.lock:
            alive = [
                row._replace(contracts=tuple(sorted(self._current(row.contracts))))
                for row in self._rows.workers.values()
                if row.alive_until > now
            ]
        return sorted(alive)

    def changes(self) -> int:
        return self._rows.changes - self._own_changes

    def counts(self) -> dict[Status, int]:
        with self._rows.lock:
            return dict(Counter(row.head.status for row in self._rows.runs.values()))

    def tally(self) -> Tally:
        with self._rows.lock:
            runs = [*self._rows.runs.values()]
        return tally_of((row.name, row.head.status, row.head.needs, 1) for row in runs)

    def bell(self, ring: Ring) -> Bell | None:
        """Return None: in virtual time, to look now and then costs nothing."""
        return None

    def at_once(self) -> AbstractContextManager[None]:
        return nullcontext()

    def close(self) -> None:
        """Nothing to close; the rows live as long as a handle does."""

    def _changed(self) -> None:
        self._rows.changes += 1
        self._own_changes += 1
