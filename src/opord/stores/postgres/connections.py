"""The connections of a store, from a pool that makes each new one ready."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.types.numeric import Int8Dumper
from psycopg_pool import ConnectionPool, PoolTimeout

from opord.stores.base import StoreError, StoreMisused, StoreRefused, StoreUnavailable
from opord.stores.postgres.errors import in_one_line, translate
from opord.stores.postgres.location import Location

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

POOL_NAME: Final = "opord"

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

CONNECT_S: Final = 5
"""How long a connection may take to be made, in seconds."""

WAIT_S: Final = 5.0
"""How long a verb waits for a connection, in seconds."""

CHECK_POOLED_S: Final = 1.0
"""How often the server behind a pooler is checked: it changes without a new connection."""

LIFETIME_S: Final = 3600.0
"""How long a connection is used at most, in seconds."""

# A server that is gone without a word is noticed after this time, and not after two hours.
_LIVELINESS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

_WHOLE: Final = (*_LIVELINESS, "keepalives")
"""The parameters of a URL that are whole numbers."""

# Set on a connection of its own. Every look-up is by an index, however small a table was when the
# plan was made: a plan is made once for each connection, and a table may grow a thousandfold
# meanwhile. A transaction that stands still, because its process does, gives its locks back.
_OWN_SETTINGS: Final = (
    "SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan; "
    "SET lock_timeout = '5s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '15s'; "
    "SET idle_session_timeout = 0"
)

# A connection that is kept for long, or for one long statement. What a DBA has set for the role is
# meant for programs that forget to end what they began.
_NO_LIMITS: Final = (
    "SET lock_timeout = 0; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    "SET idle_session_timeout = 0"
)

_TRANSACTION_TIMEOUT_FROM: Final = 170000
"""The first version of the server that can limit a transaction as a whole."""


class _Pooled(psycopg.Connection[tuple[Any, ...]]):
    """A connection of a pool of ours."""


class _LessOfThePool(logging.Filter):
    """Leaves out the warnings of these pools: the engine says once why there is no connection.

    Other pools of the program keep theirs.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        ours = any(one == POOL_NAME or isinstance(one, _Pooled) for one in arguments)
        return record.levelno >= logging.ERROR or not ours


logging.getLogger("psycopg.pool").addFilter(_LessOfThePool())


class Connections:
    """A pool of connections to one server.

    A forked child has connections of its own: those of its parent are left alone there.
    """

    def __init__(self, location: Location, *, most: int, check: Callable[[Connection], None]) -> None:
        """Keep up to `most` connections. `check` may refuse a new one by an exception."""
        check_parameters(location)
        self.location = location
        self.pooled: bool = False
        self.most: int = most
        self._check = check
        self._lock = threading.Lock()
        self._pid = 0
        self._pool: ConnectionPool[Connection] | None = None
        self._refusal: StoreError | None = None
        self._checked_at = 0.0
        self._unsure = False
        self._closed = False

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """Take a connection on which each statement is a transaction of its own."""
        try:
            with self._opened().connection(WAIT_S) as connection:
                if self._unsure or (self.pooled and time.monotonic() - self._checked_at > CHECK_POOLED_S):
                    self._check(connection)
                    self._unsure, self._checked_at = False, time.monotonic()
                yield connection
        except StoreError:
            raise
        except Exception as error:
            if isinstance(error, PoolTimeout):
                raise self._why_none(error) from error
            if isinstance(error, psycopg.Error):
                raise self._translated(error) from error
            raise

    def _translated(self, error: psycopg.Error) -> StoreError:
        """Translate an error. Tables that were gone may come back as those of a restored dump."""
        translated = translate(error, self.location.place)
        if isinstance(translated, StoreUnavailable) and translated.kind == "gone":
            self._unsure = True
        return translated

    def try_one(self) -> None:
        """Make a connection and end it. A server that refuses says so at once, without a wait.

        Raises:
            StoreError: there is no connection now.
        """
        try:
            self._connected().close()
        except psycopg.Error as error:
            raise translate(error, self.location.place) from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Take a connection, and make one transaction of what happens within."""
        with self.use() as connection, connection.transaction():
            if self.pooled:
                connection.execute("SET LOCAL lock_timeout = '5s'", prepare=False)
                connection.execute("SET LOCAL idle_in_transaction_session_timeout = '15s'", prepare=False)
            yield connection

    @contextmanager
    def own(self) -> Iterator[Connection]:
        """Make a connection beside the pool, without limits of time, for one who keeps it."""
        try:
            with self._connected() as connection:
                if not _is_pooled(connection):
                    _set(connection, _NO_LIMITS)
                yield connection
        except psycopg.Error as error:
            raise translate(error, self.location.place) from error

    def new_one(self) -> Connection:
        """Make a connection beside the pool, and check its server.

        Raises:
            StoreError: there is none now, or it is another server.
        """
        try:
            connection = self._connected()
            connection.cursor_factory = psycopg.RawCursor
            connection.adapters.register_dumper(int, Int8Dumper)
            if _is_pooled(connection):
                connection.prepare_threshold = None
            else:
                connection.prepare_threshold, connection.prepared_max = 0, None
            self._check(connection)
        except psycopg.Error as error:
            raise translate(error, self.location.place) from error
        return connection

    def _connected(self) -> Connection:
        url = self.location.url
        return psycopg.connect(url, autocommit=True, application_name="opord", **_defaults(url))

    def close(self) -> None:
        """Close all connections of this process."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            pool.close(timeout=1.0)

    def _opened(self) -> ConnectionPool[Connection]:
        pool = self._pool
        if pool is not None and self._pid == os.getpid():
            return pool
        if self._pid not in (0, os.getpid()):
            # The lock may be held for ever in a child, by a thread that its parent alone has.
            self._lock, self._pool, self._pid = threading.Lock(), None, 0
        with self._lock:
            if self._closed:
                raise StoreRefused(f"store {self.location.place} is closed")
            if self._pool is None:
                self._pool = self._new_pool()
                self._pid = os.getpid()
            return self._pool

    def _new_pool(self) -> ConnectionPool[Connection]:
        pool: ConnectionPool[Connection] = ConnectionPool(
            self.location.url,
            connection_class=_Pooled,
            kwargs={
                "autocommit": True,
                "cursor_factory": psycopg.RawCursor,
                "application_name": "opord",
                "client_encoding": "utf8",
                **_defaults(self.location.url),
            },
            min_size=0,
            max_size=self.most,
            timeout=WAIT_S,
            max_lifetime=LIFETIME_S,
            max_idle=60.0,
            reconnect_timeout=WAIT_S,
            num_workers=2,
            name=POOL_NAME,
            configure=self._configure,
            open=False,
        )
        pool.open()
        return pool

    def _configure(self, connection: Connection) -> None:
        """Make a new connection ready; called by the pool."""
        try:
            # The same statement is planned once, whatever the size of a number.
            connection.adapters.register_dumper(int, Int8Dumper)
            self.pooled = _is_pooled(connection)
            if self.pooled:
                # A pooler hands each transaction to another session: nothing may be left in one.
                connection.prepare_threshold = None
            else:
                connection.prepare_threshold = 0
                connection.prepared_max = None  # there are about a hundred statements
                _set(connection, _OWN_SETTINGS)
            self._check(connection)
            self._refusal = None
        except StoreError as error:
            self._refusal = error
            raise psycopg.OperationalError(str(error)) from error
        except psycopg.Error as error:
            self._refusal = translate(error, self.location.place)
            raise

    def _why_none(self, error: PoolTimeout) -> StoreError:
        """Return why there is no connection: the pool says only that it has none."""
        try:
            self.try_one()
        except StoreError as cause:
            return cause
        return self._refusal or translate(error, self.location.place)


def _is_pooled(connection: Connection) -> bool:
    """Say whether a pooler stands between, which may give each transaction another session."""
    pid = connection.execute("SELECT pg_backend_pid()").fetchone()
    return pid is None or pid[0] != connection.info.backend_pid


def _set(connection: Connection, settings: str) -> None:
    """Set the settings of a session of our own."""
    if connection.info.server_version >= _TRANSACTION_TIMEOUT_FROM:
        settings += "; SET transaction_timeout = 0"
    connection.execute(settings.encode(), prepare=False)


_TERMINATE: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = 'opord'"
)
"""End a session of Opord. Behind a pooler, the number may be that of somebody else's."""


class Handed:
    """Connections beside the pool, for the transactions of programs.

    They have none of the pool's settings, and one that a program may still use is not used again.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lock = threading.Lock()
        self._free: list[Connection] = []
        self._pid = os.getpid()

    def take(self) -> Connection:
        """Take a connection on which no transaction is open.

        Raises:
            StoreError: there is none now.
        """
        self._leave_those_of_the_parent()
        with self._lock:
            while self._free:
                connection = self._free.pop()
                if not connection.closed:
                    return connection
        return self._connections.new_one()

    def give_back(self, connection: Connection, lost: bool) -> None:
        """Take a connection back; if it is `lost`, end its session."""
        if not lost:
            with self._lock:
                if len(self._free) < self._connections.most:
                    self._free.append(connection)
                    return
            connection.close()
        elif connection.closed:
            self.close()  # a stop of the server, for example, has ended the others too
        else:
            self._end_session(connection)

    def _end_session(self, connection: Connection) -> None:
        """End the session of a connection that another thread may use; it must not see it freed."""
        with suppress(StoreError), self._connections.use() as other:
            other.execute(_TERMINATE, (connection.pgconn.backend_pid,))
        # A role may lack the right to end a session, and a pooler hides which one it is. Then a
        # statement goes on until its limit of time, and no other follows.
        with suppress(OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as one:
            one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close those that are not in use."""
        self._leave_those_of_the_parent()
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def _leave_those_of_the_parent(self) -> None:
        """Know none of the connections that were there before this process was forked."""
        if self._pid != os.getpid():
            self._lock, self._free, self._pid = threading.Lock(), [], os.getpid()


def check_parameters(location: Location) -> None:
    """Refuse a URL with parameters that libpq does not know, or with values that it cannot take.

    Raises:
        StoreMisused: it has such a parameter, or a value that libpq cannot take for one.
    """
    try:
        given = psycopg.conninfo.conninfo_to_dict(location.url)
    except psycopg.ProgrammingError as wrong:
        raise StoreMisused(
            f"store {location.place}: {in_one_line(wrong)}; the parameters are `schema` and those of libpq"
        ) from None
    for name in _WHOLE:
        if name in given and not re.fullmatch(r"-?[0-9]+", str(given[name])):
            raise StoreMisused(
                f"store {location.place}: expected a whole number for {name}, got: {given[name]!r}"
            )
    mode = given.get("sslmode", "prefer")
    if mode not in SSL_MODES:
        raise StoreMisused(
            f"store {location.place}: expected one of {', '.join(SSL_MODES)} for sslmode, got: {mode!r}"
        )


def _defaults(url: str) -> dict[str, Any]:
    """Return the settings that the URL does not set itself."""
    given = psycopg.conninfo.conninfo_to_dict(url)
    return {name: value for name, value in _LIVELINESS.items() if name not in given}


def fetch(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Execute a statement of this folder, and return its rows."""
    cursor = connection.execute(statement, parameters)
    return cursor.fetchall() if cursor.description is not None else []
