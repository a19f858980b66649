"""An open transaction of a store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import apsw

from opord.stores.base import Applied, Result, Start, Store, StoreUnavailable, Write
from opord.stores.sqlite.connection import translate
from opord.stores.sqlite.handed import HandedConnection


class Stored(Protocol):
    """The store whose transaction it is."""

    @property
    def tables(self) -> apsw.Connection:
        """The program's tables."""
        ...

    def alone(self) -> AbstractContextManager[bool]:
        """Let no other thread change the rows meanwhile."""
        ...

    def judged(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Return what applying a batch would answer."""
        ...

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Apply a batch."""
        ...

    def copy(self) -> Store:
        """Return a copy of the store."""
        ...


class MemoryTransaction:
    """A transaction of a program's own tables and the store's rows. Only its end changes the rows.

    They are judged again at its end, as other handles may have changed them.
    """

    def __init__(self, store: Stored, arrivals: int) -> None:
        self._store = store
        self.arrivals = arrivals
        self._batch: list[Start | Write] = []
        self._view: Store | None = None
        self._open = True
        if store.tables.in_transaction:
            raise StoreUnavailable("locked", "the store in memory is locked by another transaction")
        store.tables.execute("BEGIN IMMEDIATE")
        self.connection: HandedConnection = HandedConnection(store.tables)

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Return what the end of the transaction will answer, unless others change these runs."""
        self._check_open()
        results = self._store.judged(batch) if self._view is None else self._view.apply(batch)
        self._batch += [
            change for change, result in zip(batch, results, strict=True) if isinstance(result, Applied)
        ]
        return results

    @property
    def view(self) -> Store:
        """A copy of the store, in which the changes are made at once."""
        if self._view is None:
            self._view = self._store.copy()
            self._view.apply(self._batch)
        return self._view

    def commit(self) -> None:
        """Make all changes at once."""
        self._check_open()
        self.connection.end()
        self._open = False
        with self._store.alone():
            overtaken = not self._fits()
            try:
                self._store.tables.execute("ROLLBACK" if overtaken else "COMMIT")
            except apsw.Error as error:
                self._store.tables.execute("ROLLBACK")
                raise translate(error, "in memory") from error
            if overtaken:
                raise StoreUnavailable("locked", "others have changed the runs of this transaction")
            for change in self._batch:
                self._store.apply([change])

    def _fits(self) -> bool:
        """Say whether all changes still fit, each after those before it."""
        seen: set[str] = set()
        first = []
        for change in self._batch:
            run = change.run if isinstance(change, Write) else change.row.run
            if run not in seen:
                first.append(change)
            seen.add(run)
        return all(isinstance(one, Applied) for one in self._store.judged(first))

    def roll_back(self, *, in_use: bool = False) -> None:
        """Undo what was written; does nothing after the end."""
        if self._open:
            self._open = False
            self.connection.end()
            self._store.tables.execute("ROLLBACK")

    def _check_open(self) -> None:
        if not self._open:
            raise RuntimeError("the transaction has ended")

    def in_the_way(self, error: BaseException) -> str:
        """Return an empty text: nothing is ever in the way in memory."""
        return ""
