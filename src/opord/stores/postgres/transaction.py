"""An open transaction of a store in PostgreSQL: a program writes in it, and so does the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

import psycopg
from psycopg import errors

from opord.stores.base import Result, Start, Store, StoreError, StoreUnavailable, Write
from opord.stores.handing import ENDED, ROLL_BACK, causes, has_no_place
from opord.stores.postgres.batch import Executes
from opord.stores.postgres.connections import Connection
from opord.stores.postgres.errors import RETRIED, in_one_line, translate
from opord.values.types import RunId

LIMIT_S: Final = 10
"""How long one statement of a program may take, and how long the transaction may stand still.

In seconds. The engine ends a handler before that; here the server ends a transaction whose process
is stopped, and gives its locks back.
"""

_NUMBER: Final = "SELECT txid_current()"

_LIMITS: Final = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")

_BEGIN: Final = "; ".join(["BEGIN", *(f"SET LOCAL {name} = '{LIMIT_S}s'" for name in _LIMITS), _NUMBER])


class HandedConnection(psycopg.Connection[tuple[Any, ...]]):
    """The connection of an open transaction, for the program's own tables.

    It does not end the transaction, and is of no use once that has ended.
    """

    ended = False

    def commit(self) -> NoReturn:
        """Refuse: the transaction is committed with what Opord writes."""
        raise psycopg.ProgrammingError(has_no_place("commit"))

    def rollback(self) -> NoReturn:
        """Refuse: an exception rolls the transaction back."""
        raise psycopg.ProgrammingError(ROLL_BACK)

    def close(self) -> None:
        """Do nothing: the connection ends with its transaction."""

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Exchange something with the server, while the transaction is open."""
        if self.ended:
            raise psycopg.ProgrammingError(ENDED)
        return super().wait(*args, **kwargs)


class PostgresTransaction:
    """Holds a connection of its own until the transaction is committed or rolled back."""

    def __init__(
        self,
        connection: Connection,
        apply: Callable[[Executes, Sequence[Start | Write]], list[Result]],
        place: str,
        done: Callable[[Connection, bool], None],
        viewed: Callable[[Executes], Store],
    ) -> None:
        """Begin on a connection.

        `apply` writes changes, and `viewed` makes the store that uses what executes statements.
        `done` takes the connection at the end. If it is told True, it ends the session: a program
        still uses it, or it is lost.
        """
        self._base = connection
        self._apply, self._place, self._done, self._viewed = apply, place, done, viewed
        self._lock = threading.Lock()
        self._open = True
        self.arrivals: int = 0
        try:
            self._number = self._number_of(_BEGIN)
            self.connection: HandedConnection = HandedConnection(connection.pgconn)
            self.connection.prepare_threshold = None  # other objects prepare in this session, too
        except BaseException:
            done(connection, True)
            raise

    def executes(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Execute a statement of the store's own, and return its rows."""
        cursor = self._base.execute(statement, parameters)
        return cursor.fetchall() if cursor.description is not None else []

    def holds(self, statement: str, held: tuple[RunId, int, int]) -> bool:
        """Lock a run, and note how many messages have come for it; False if it has moved."""
        for (arrivals,) in self.executes(statement, held):
            self.arrivals = arrivals
            return True
        return False

    @property
    def view(self) -> Store:
        """The store as it is within the transaction."""
        return self._viewed(self.executes)

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Write changes that become durable with the transaction."""
        try:
            self._check()
            return self._apply(self.executes, batch)
        except psycopg.Error as error:
            raise translate(error, self._place) from error

    def commit(self) -> None:
        """Make durable all that was written."""
        self.connection.ended = True
        try:
            self._check()
            self._base.execute("COMMIT", prepare=False)
        except psycopg.Error as error:
            self._end(lost=True)
            raise translate(error, self._place) from error
        except StoreError:
            self._end(lost=True)
            raise
        self._end(lost=False)

    def roll_back(self, *, in_use: bool = False) -> None:
        """Undo all that was written; does nothing after the end.

        With `in_use`, the program may still use the connection: its session is ended.
        """
        if not self._open:
            return
        self.connection.ended = True
        lost = in_use
        if not lost:
            try:
                self._base.execute("ROLLBACK", prepare=False)
            except psycopg.Error:
                lost = True  # the server rolls back by itself
        self._end(lost=lost)

    def in_the_way(self, error: BaseException) -> str:
        """Say what was in the way if an error is not the program's own; else empty."""
        cause = next((one for one in causes(error) if isinstance(one, psycopg.Error)), None)
        if cause is None:
            return ""
        if isinstance(cause, RETRIED):
            return f"another transaction was in the way ({in_one_line(cause)})"
        known = translate(cause, self._place)
        away = self._base.broken or isinstance(cause, errors.DiskFull | errors.LockNotAvailable)
        return str(known) if away and isinstance(known, StoreUnavailable) else ""

    def _check(self) -> None:
        """Refuse a transaction that the program has ended itself.

        Raises:
            StoreError: it has.
        """
        if not self._open:
            raise RuntimeError("the transaction has ended")
        if self._number_of(_NUMBER) != self._number:
            raise StoreError(
                f"store {self._place}: the program ended the transaction itself, so that what it wrote before is "
                "durable and the run has not moved; it must execute neither COMMIT nor ROLLBACK"
            )

    def _number_of(self, statements: str) -> int:
        """Execute statements of which the last returns the number of the open transaction."""
        cursor = self._base.execute(statements.encode(), prepare=False)
        while cursor.nextset():
            pass
        row = cursor.fetchone()
        return 0 if row is None else int(row[0])

    def _end(self, *, lost: bool) -> None:
        with self._lock:
            if not self._open:
                return
            self._open = False
        self._done(self._base, lost)
