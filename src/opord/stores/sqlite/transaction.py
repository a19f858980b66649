"""An open transaction of a store in SQLite: a program writes in it, and so does the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import apsw

from opord.stores.base import Result, Start, Store, StoreUnavailable, Write
from opord.stores.bell import Rings
from opord.stores.handing import causes
from opord.stores.sqlite.connection import translate
from opord.stores.sqlite.handed import HandedConnection


class SqliteTransaction:
    """Holds the writing connection until the transaction is committed or rolled back."""

    def __init__(
        self,
        scope: AbstractContextManager[apsw.Connection],
        apply: Callable[[apsw.Connection, Sequence[Start | Write]], list[Result]],
        place: str,
        viewed: Callable[
            [Callable[[], AbstractContextManager[apsw.Connection]], Callable[[Rings], None]], Store
        ],
        rings_for: Callable[[Sequence[Start | Write]], Rings],
        ring: Callable[[Rings], None],
    ) -> None:
        """Begin. `scope` is a transaction of the store, and `apply` writes changes in it.

        `viewed` makes the store that uses the connection that it is given, and notes its rings.
        `ring` is called after the commit, with what `rings_for` says of the changes.
        """
        self._rings_for, self._ring = rings_for, ring
        self._rings: list[Rings] = []
        self._scope, self._apply, self._place, self._viewed = scope, apply, place, viewed
        self._raw = scope.__enter__()
        self._open = True
        self.arrivals = 0
        self.connection: HandedConnection = HandedConnection(self._raw)

    @property
    def raw(self) -> apsw.Connection:
        """The store's own connection."""
        return self._raw

    @property
    def view(self) -> Store:
        """The store as it is within the transaction."""
        return self._viewed(self._lent, self._rings.append)

    @contextmanager
    def _lent(self) -> Iterator[apsw.Connection]:
        self._check_open()
        with self.connection.lent_back() as raw:
            try:
                yield raw
            except apsw.Error as error:
                raise translate(error, self._place) from error

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Write changes that become durable with the transaction."""
        with self._lent() as raw:
            results = self._apply(raw, batch)
        self._rings.append(self._rings_for(batch))
        return results

    def commit(self) -> None:
        """Make durable all that was written."""
        self._check_open()
        self.connection.end()
        self._open = False
        self._scope.__exit__(None, None, None)
        self._ring(Rings(any(one.work for one in self._rings), any(one.end for one in self._rings)))

    def roll_back(self, *, in_use: bool = False) -> None:
        """Undo all that was written; does nothing after the end."""
        if not self._open:
            return
        self._open = False
        self.connection.end()
        undone = _Undone()
        with suppress(_Undone):
            self._scope.__exit__(_Undone, undone, None)

    def _check_open(self) -> None:
        if not self._open:
            raise RuntimeError("the transaction has ended")

    def in_the_way(self, error: BaseException) -> str:
        """Say what was in the way if an error is not the program's own; else empty."""
        raw = next((one for one in causes(error) if isinstance(one, apsw.Error)), None)
        known = None if raw is None else translate(raw, self._place)
        return str(known) if isinstance(known, StoreUnavailable) else ""


class _Undone(Exception):
    """Ends the scope of a transaction without a commit."""
