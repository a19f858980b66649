"""Reading runs straight from the store: no engine, no worker, nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opord.kernel.program import Program
    from opord.kernel.rows import RecordRow, RunRow
    from opord.kernel.run import Run
    from opord.stores.base import RunFilter, Store

PAGE = 500
"""Rows read at a time."""


class Reader:
    """A store and the contracts found in it."""

    def __init__(self, store: Store) -> None:
        from opord.engine.programs import Programs
        from opord.engine.protection import SHOWING

        self.store = store
        self._programs = Programs(SHOWING)
        self._served: frozenset[str] | None = None
        self._damaged: dict[str, str] = {}

    def row(self, run: str) -> RunRow:
        """Return a run as stored.

        Raises:
            RunUnknown: there is none of that name.
            RunPruned: it has ended, and is kept no more.
        """
        from opord.drive.errors import RunPruned, RunUnknown

        row = self.store.load(run)
        if row is None:
            tombstone = self.store.tombstone(run)
            raise RunUnknown(run) if tombstone is None else RunPruned(tombstone)
        return row

    def program(self, row: RunRow) -> Program:
        """Return the program of a run's contract.

        Raises:
            ContractUnreadable: this version cannot compile it.
        """
        return self._programs.load(self.store, row.contract)

    def known(self, row: RunRow) -> Program | None:
        """Return the program of a run's contract, if it can be compiled."""
        from opord.drive.errors import ContractUnreadable
        from opord.stores.base import RowDamaged

        try:
            return self.program(row)
        except (ContractUnreadable, RowDamaged):
            return None

    def by_row(self, row: RunRow) -> Program:
        """Return what is known of a run's contract without its text."""
        from opord.kernel.unread import program_by_row

        stored = self.store.contract(row.contract)
        return program_by_row(row, stored.also if stored is not None else ())

    def run(self, row: RunRow) -> Run:
        """Decode a run."""
        from opord.stores.values import read_run

        return read_run(self.store, self.program(row), row)

    def outline(self, row: RunRow) -> dict[str, Any]:
        """Return a run as shown where nobody sees what it carries; large values are left where they are."""
        from opord.kernel.large import needed

        return self._view(row, self._skeleton if needed(row) else self.run)

    def view(self, row: RunRow) -> dict[str, Any]:
        """Return a run as shown; one whose contract or data cannot be read is shown as far as it goes."""
        return self._view(row, self.run)

    def _skeleton(self, row: RunRow) -> Run:
        from opord.kernel.run import skeleton

        return skeleton(self.program(row), row)

    def _view(self, row: RunRow, read: Callable[[RunRow], Run]) -> dict[str, Any]:
        from opord.drive.errors import ContractUnreadable
        from opord.kernel.views import run_view, unreadable_view
        from opord.stores.base import RowDamaged
        from opord.values.guard import BadValue

        if row.run in self._damaged:
            return unreadable_view(row, self._damaged[row.run])
        try:
            return run_view(read(row), served=self.served())
        except (ContractUnreadable, BadValue, RowDamaged) as wrong:
            return unreadable_view(row, str(wrong))

    def served(self) -> frozenset[str]:
        """Return the contracts for which a live worker has handlers."""
        if self._served is None:
            self._served = frozenset(digest for worker in self.store.workers() for digest in worker.contracts)
        return self._served

    def rows(self, where: RunFilter, *, limit: int | None = None) -> Iterator[RunRow]:
        """Read the runs that match, newest first, page by page; of one that is damaged comes what is left, for `view` alone."""
        last: str | None = None
        left = limit
        while left is None or left > 0:
            wanted = PAGE if left is None else min(PAGE, left)
            page, whole = self._page(where, wanted, last)
            yield from page
            if not page or (whole and len(page) < wanted):
                return
            last = page[-1].run
            left = None if left is None else left - len(page)

    def _page(self, where: RunFilter, limit: int, after: str | None) -> tuple[list[RunRow], bool]:
        """Read up to `limit` rows: all, or those before a damaged one, or that one alone; say whether it is all."""
        from opord.stores.base import RowDamaged

        whole = True
        while True:
            try:
                return self.store.runs(where, limit=limit, after=after), whole
            except RowDamaged as damage:
                if limit > 1:
                    limit, whole = limit // 2, False
                elif damage.left is None:
                    raise
                else:
                    self._damaged[damage.left.run] = str(damage)
                    return [damage.left], False

    def journal(self, run: str) -> Iterator[RecordRow]:
        """Read a run's records in order, page by page."""
        after = 0
        while page := self.store.journal(run, after=after, limit=1000):
            yield from page
            after = page[-1].seq


@contextmanager
def open_reader(url: str, *, create: bool = False) -> Iterator[Reader]:
    """Open a store for reading. Only with `create` one is made where there is none.

    Raises:
        StoreMissing, StoreRefused, StoreUnavailable: it cannot be reached.
    """
    from opord.stores import open_store

    store = open_store(url, create=create)
    try:
        yield Reader(store)
    finally:
        store.close()
