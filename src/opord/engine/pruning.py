"""Take ended runs out of a store: archive them durably, then delete them, a few at a time.

The order is the guarantee. A run's history is written to the archive, the archive is made durable,
and then the run is deleted if it is still as it was archived. A prune that stops in between leaves
the run in the store, and perhaps in the archive too. The next prune archives it again and goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from opord.contract import Contract
from opord.kernel.input_digest import input_digest, value_digest
from opord.kernel.instants import capped, text
from opord.kernel.large import Texts, needed
from opord.stores.archive import ArchiveWriter
from opord.stores.base import EndedRun, Kept, Prune, RunFilter, Store, StoredContract, Tombstone
from opord.values.canonical import dumps
from opord.values.types import Digest, Duration, Instant

BATCH_RUNS = 100
"""Maximum number of runs in one transaction.

It deletes them in tens of milliseconds, so workers hardly wait.
"""

BATCH_BYTES = 4 * 1024 * 1024
"""Approximate number of bytes archived before a transaction.

With indexes, it deletes about twice as much.
"""

FORGET_AT_ONCE = 1_000

PruningPoint: TypeAlias = Literal["told", "before sync", "synced", "deleted", "forgotten"]


@dataclass(slots=True)
class Tally:
    """The progress of a prune.

    - `pruned` counts the runs deleted, `left` those kept because they had changed since they were
      archived.
    - `alarmed` counts the runs that stay because an alarm of theirs is open.
    - `keys_forgotten` counts the tombstones removed, `bytes_archived` the bytes written to the
      archive.
    - `oldest` and `newest` are the first and the last to end among the runs that were deleted, or
      would be.
    """

    pruned: int = 0
    left: int = 0
    alarmed: int = 0
    keys_forgotten: int = 0
    bytes_archived: int = 0
    oldest: EndedRun | None = None
    newest: EndedRun | None = None

    def note(self, ended: EndedRun) -> None:
        """Count a run."""
        self.pruned += 1
        if self.oldest is None or ended.ended_at < self.oldest.ended_at:
            self.oldest = ended
        if self.newest is None or ended.ended_at > self.newest.ended_at:
            self.newest = ended


class Pruning:
    """Prunes a store's runs that ended before the instant `before`.

    - `archive` is where they go; None deletes them without an archive.
    - `keep_us` is how long their keys stay taken, in microseconds.
    - `contract` is the name of their contract; None for all.
    - `limit` is the maximum number of runs.
    - `tally` holds the progress at any time.
    - `hook` is called at each crash point.
    """

    def __init__(
        self,
        store: Store,
        *,
        before: Instant,
        archive: ArchiveWriter | None,
        keep_us: Duration,
        contract: str | None = None,
        limit: int | None = None,
        hook: Callable[[PruningPoint], None] = lambda _: None,
    ) -> None:
        self.tally: Tally = Tally()
        self._store = store
        self._before = before
        self._archive = archive
        self._keep_us = keep_us
        self._contract = contract
        self._limit = limit
        self._hook = hook
        self._texts: dict[str, StoredContract] = {}
        self._contracts: dict[str, Contract | None] = {}

    def steps(self) -> Iterator[Tally]:
        """Prune, and yield the tally after each transaction. Other writers can write in between.

        Raises:
            StoreError, OSError: the store or the archive cannot take it. What was done stays done,
                and another prune can go on.
        """
        self.tally.alarmed = _alarmed(self._store, self._before, self._contract)
        for page in pages(self._store, self._before, self._contract, self._limit):
            for batch in self._batches(page):
                self._delete(batch)
                yield self.tally
        while forgotten := self._store.forget(limit=FORGET_AT_ONCE):
            self.tally.keys_forgotten += forgotten
            self._hook("forgotten")
            yield self.tally

    def _batches(self, page: list[EndedRun]) -> Iterator[list[tuple[EndedRun, Prune]]]:
        """Archive the runs of a page, and yield batches that one transaction can delete."""
        batch: list[tuple[EndedRun, Prune]] = []
        size = 0
        for ended in page:
            run = self._store.kept(ended.run)
            if run is None or (run.row.head.status, run.row.head.since) != ("ended", ended.since):
                continue  # another process pruned it meanwhile, and a new run may have its name
            if self._archive is not None:
                if not batch:
                    self._archive.mark(text(self._store.now()))
                size += self._archive.append(run, self._text(run.row.contract))
                self._hook("told")
            batch.append((ended, self._prune(ended, run)))
            if size >= BATCH_BYTES:
                self.tally.bytes_archived += size
                yield batch
                batch, size = [], 0
        self.tally.bytes_archived += size
        if batch:
            yield batch

    def _delete(self, batch: list[tuple[EndedRun, Prune]]) -> None:
        self._hook("before sync")
        if self._archive is not None:
            self._archive.sync()
        self._hook("synced")
        deleted = self._store.prune([prune for _, prune in batch])
        self._hook("deleted")
        for (ended, _), result in zip(batch, deleted, strict=True):
            if result:
                self.tally.note(ended)
            elif self._store.load(ended.run) is not None:
                self.tally.left += 1

    def _prune(self, ended: EndedRun, run: Kept) -> Prune:
        row, now = run.row, self._store.now()
        return Prune(
            row.epoch,
            row.seq,
            row.arrivals,
            row.hash,
            Tombstone(
                row.run,
                row.contract,
                row.name,
                row.version,
                row.started_at,
                self._input_digest(run),
                row.head.state,
                row.head.outcome,
                ended.ended_at,
                now,
                capped(now + self._keep_us),
                self._archive.name if self._archive is not None else None,
            ),
        )

    def _input_digest(self, run: Kept) -> str:
        """Return the digest of a run's input: by value, or by text if no contract can be read."""
        text, digest = _whole_input(run), run.row.contract
        if digest not in self._contracts:
            self._contracts[digest] = _readable(self._text(digest))
        contract = self._contracts[digest]
        return input_digest(text) if contract is None else value_digest(contract, text)

    def _text(self, digest: Digest) -> StoredContract:
        contract = self._texts.get(digest) or self._store.contract(digest)
        if contract is None:
            raise ValueError(f"the store has runs of a contract {digest[:12]} but not its text")
        self._texts[digest] = contract
        return contract


def _readable(stored: StoredContract) -> Contract | None:
    """Return a stored contract; None if this version of Opord cannot read it."""
    from opord.loading import read_accepted

    try:
        sources = [(name, text) for name, text in json.loads(stored.sources)]
        return read_accepted(sources, stored.digest, stored.form)
    except Exception:
        return None


def _whole_input(run: Kept) -> str:
    """Return the stored input of a run with its large values in it."""
    if not needed(run.row, data=False):
        return run.row.input
    return dumps(Texts(run.values).whole_input(run.row.input))


def survey(store: Store, *, before: Instant, contract: str | None, limit: int | None) -> Tally:
    """Count the runs that a prune would delete, and find the first and the last of them to end."""
    tally = Tally(alarmed=_alarmed(store, before, contract))
    for page in pages(store, before, contract, limit):
        for ended in page:
            tally.note(ended)
    return tally


def _alarmed(store: Store, before: Instant, contract: str | None) -> int:
    """Count the runs that ended before an instant and stay because an alarm of theirs is open."""
    where = RunFilter(contract, status="ended", needs="alarm")
    count, after = 0, None
    while page := store.runs(where, limit=BATCH_RUNS, after=after):
        count += sum(row.head.since < before for row in page)
        after = page[-1].run
    return count


def pages(store: Store, before: Instant, contract: str | None, limit: int | None) -> Iterator[list[EndedRun]]:
    """Yield ended runs page by page, at most `limit` runs."""
    last: EndedRun | None = None
    budget = limit
    while budget is None or budget > 0:
        most = BATCH_RUNS if budget is None else min(BATCH_RUNS, budget)
        page = store.ended(before, limit=most, contract=contract, after=last)
        if not page:
            return
        yield page
        last = page[-1]
        budget = None if budget is None else budget - len(page)
