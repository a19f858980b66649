"""The store that a suite of the engine runs on, chosen in one place.

OPORD_TEST_STORE=postgres pytest tests/engine tests/faults

The same tests run on each store. A fresh store in PostgreSQL is a schema that another test has
used: to delete its rows takes 2 ms, to make a schema 40 ms. Its handle stays open, with the plans
of its statements.
"""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import uuid
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

from opord.stores.memory import MemoryStore
from opord.stores.postgres.clock import ServerClock
from opord.stores.postgres.sql import in_schema
from opord.stores.postgres.store import PostgresStore
from opord.stores.sqlite.store import SqliteStore
from opord.testing.lone_store import LoneStore
from opord.values.types import RunId
from tests.support.postgres import binaries, shared_server

CHOSEN: Final[str] = os.environ.get("OPORD_TEST_STORE", "memory")
"""The store of the suites: `memory`, `sqlite` or `postgres`."""

if CHOSEN not in ("memory", "sqlite", "postgres"):
    raise RuntimeError(f"expected OPORD_TEST_STORE=memory, sqlite or postgres, got: {CHOSEN}")

EACH_STORE: Final[Sequence[str]] = ("postgres",) if CHOSEN == "postgres" else ("memory", "sqlite")
"""The stores of a test that runs on more than one."""

FIRST_STORE: Final = EACH_STORE[0]
"""The store of a test of such a folder that runs on one."""

COLLECT_AT: Final = 8
"""With so many schemas in use, those that only the garbage collector can free are looked for."""

TABLES: Final = (
    "journal", "large_values", "inbox", "event_keys", "used_keys", "workers", "pruned", "heads", "runs", "digests",
    "contracts", "waits", "queues", "permits", "limits", "outbox", "queued", "endpoints",
)  # fmt: skip

_numbers = itertools.count(1)
_free: list[PostgresStore] = []
_all: list[PostgresStore] = []


class Lent(LoneStore):
    """A handle that goes back, with its schema, when nobody has it any more.

    It alone keeps its clock alive: the clock may be a method of whoever has the handle.
    """

    _store: PostgresStore

    def __init__(self, store: PostgresStore, time: _Time) -> None:
        super().__init__(store)
        self._time = time

    def another(self) -> Lent:
        """Return another handle on the same schema."""
        return _Other(self)

    def anew(self) -> PostgresStore:
        """Open the schema once more, as another process does. Whoever asked closes it."""
        store = self._store
        return PostgresStore(_url(store.location.schema), clock=store._clock._given)

    def close(self) -> None:
        """Leave the handle open for the next test."""


class _Other(Lent):
    def __init__(self, lent: Lent) -> None:
        LoneStore.__init__(self, lent._store, lent._answers)
        self._lent = lent


class _Time:
    """A clock, and a function that tells its time as long as something else keeps it alive."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now

    def weakly(self) -> Callable[[], int]:
        there = weakref.ref(self)

        def now() -> int:
            time = there()
            assert time is not None, "nobody has this handle any more"
            return time.now()

        return now


def new_store(now: Callable[[], int], kind: str = CHOSEN) -> Any:
    """Return an empty store of a kind, whose clock is `now`, in microseconds since 1970 UTC."""
    if kind == "memory":
        return MemoryStore(now)
    if kind == "sqlite":
        return SqliteStore(None, clock=now)
    time = _Time(now)
    if not _free and len(_all) >= COLLECT_AT:
        gc.collect()
    if _free:
        store = _free.pop()
        empty_store(store)
        store._clock = ServerClock(time.weakly())
    else:
        store = PostgresStore(_url(f"suite_{os.getpid()}_{next(_numbers)}"), clock=time.weakly())
        _all.append(store)
    lent = Lent(store, time)
    weakref.finalize(lent, _free.append, store).atexit = False
    return lent


def store_in_file(now: Callable[[], int]) -> SqliteStore:
    """Return an empty store in a file of its own, which is read while somebody writes."""
    folder = Path(mkdtemp(prefix="opord-suite-"))
    store = SqliteStore(folder / "opord.db", clock=now)
    weakref.finalize(store, rmtree, folder, ignore_errors=True)
    return store


def store_url(folder: Path) -> str:
    """Return the URL of a new store that real processes share: a file in a folder, or a schema."""
    if CHOSEN != "postgres":
        return f"sqlite:///{folder}/siege.db"
    return _url(f"siege_{os.getpid()}_{next(_numbers)}")


def again(command: str) -> str:
    """Return a command that runs something again, on the store of now."""
    return command if CHOSEN == "memory" else f"OPORD_TEST_STORE={CHOSEN} {command}"


def drop(url: str) -> None:
    """Drop the schema that `store_url` made, if it is one."""
    if CHOSEN == "postgres":
        shared_server().execute(f"DROP SCHEMA IF EXISTS {_schema(url)} CASCADE")


def keep(url: str, folder: Path) -> str:
    """Keep a store of `store_url` for a person, and say how to look at it.

    A schema goes into a file of SQL, as its server ends with the tests.
    """
    if CHOSEN != "postgres":
        return f"opord runs list --store {url}"
    dump = folder / "store.sql"
    server = shared_server().url()
    with dump.open("wb") as file:
        subprocess.run(
            [binaries() / "pg_dump", "--dbname", server, "--schema", _schema(url)], stdout=file, check=True
        )
    return f"psql --file {dump} URL; opord runs list --store 'URL?schema={_schema(url)}'"


def _url(schema: str) -> str:
    return shared_server().url(schema=schema)


def _schema(url: str) -> str:
    return url.rpartition("schema=")[2]


def overwrite_body(store: Any, run: str, body: str) -> None:
    """Put another body into a run's head, past the store's verbs, as damage does."""
    if isinstance(store, MemoryStore):
        row = store._rows.runs[RunId(run)]
        store._rows.runs[RunId(run)] = row.replace(head=row.head.replace(body=body))
    else:
        _execute(
            store,
            "UPDATE opord.heads SET body = $1 FROM opord.runs AS r WHERE r.id = heads.run AND r.run = $2",
            body,
            run,
        )


def overwrite_messages(store: Any, run: str, body: str) -> None:
    """Put another body into all messages of a run that wait, past the store's verbs."""
    if isinstance(store, MemoryStore):
        inboxes = store._rows.inboxes
        inboxes[RunId(run)] = [row.replace(body=body) for row in inboxes[RunId(run)]]
    else:
        _execute(
            store,
            "UPDATE opord.inbox SET body = $1 FROM opord.runs AS r WHERE r.id = inbox.run AND r.run = $2 AND body IS NOT NULL",
            body,
            run,
        )


def _execute(store: Any, statement: str, *parameters: str) -> None:
    with store._connections.use() as connection:
        connection.execute(in_schema(statement, store.location.schema), parameters, prepare=False)


def close_all() -> None:
    """Close the handles, and drop their schemas: a server may be used again."""
    for store in _all:
        with store._connections.own() as connection:
            connection.execute(f"DROP SCHEMA {store.location.schema} CASCADE".encode())
        store.close()
    _all.clear()
    _free.clear()


def empty_store(store: PostgresStore) -> None:
    """Delete all that is in a store."""
    schema = store.location.schema
    deletes = "; ".join(f"DELETE FROM {schema}.{table}" for table in TABLES)
    with store._connections.transaction() as connection:
        connection.execute(
            f"SELECT set_config('opord.may_change', 'yes', true); {deletes}; "
            f"UPDATE {schema}.identity SET id = '{uuid.uuid4().hex}'",
            prepare=False,
        )
