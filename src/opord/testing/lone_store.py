"""The store of a world: one that nobody else uses meanwhile."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Final, cast

from opord.kernel.rows import RunRow
from opord.kernel.scheduling import UNLABELLED, Labels
from opord.stores import open_store
from opord.stores.base import RunFilter, Store, StoreRefused
from opord.stores.bell import Ring
from opord.stores.memory import MemoryStore
from opord.testing.script import ScriptError
from opord.values.types import Instant, RunId

READS: Final = frozenset({
    "any_held", "at_once", "contract", "contracts", "counts", "due_needs", "ended", "event_key", "identity", "inbox", "journal",
    "kept", "kept_for", "moves", "now", "progress", "readers", "resting", "strays", "tally", "tombstone", "unserved_versions", "used_key", "values",
    "waiting", "waiting_bytes", "workers", "writers",
})  # fmt: skip
"""The verbs and attributes that change no row."""

SCHEMA: Final = "opord_world_"
"""What the name of each schema that a world makes begins with."""


class LoneStore:
    """A handle on a store on a server, in virtual time, while nobody else uses that store.

    It hears no notices: no thread may wake a loop in virtual time. So workers and worlds ask again
    and again. An answer that depends on the rows alone is asked of the server only after a verb
    that may have changed them.
    """

    def __init__(self, store: Store, answers: dict[Any, Any] | None = None) -> None:
        self._store = store
        self._answers: dict[Any, Any] = {} if answers is None else answers

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._store, name)
        if name in READS:
            return value
        self._answers.clear()
        return partial(self._change, value) if callable(value) else value

    def _change(self, verb: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            return verb(*arguments, **named)
        finally:
            self._answers.clear()

    def _ask(self, verb: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        asked = (verb.__name__, *arguments, *named.values())
        if asked not in self._answers:
            self._answers[asked] = verb(*arguments, **named)
        return self._answers[asked]

    def load(self, run: RunId) -> RunRow | None:
        """Return a run's row."""
        return cast(RunRow | None, self._ask(self._store.load, run))

    def runs(self, where: RunFilter, *, limit: int, after: str | None = None) -> list[RunRow]:
        """Return the newest runs that fit."""
        return [*self._ask(self._store.runs, where, limit=limit, after=after)]

    def next_wake(self, contracts: Collection[str], *, labels: Labels = UNLABELLED) -> Instant | None:
        """Return when the next run is due."""
        asked = self._ask(self._store.next_wake, tuple(contracts), labels=tuple(labels))
        return cast(Instant | None, asked)

    def changes(self) -> int:
        """Return how often others have changed rows."""
        return cast(int, self._ask(self._store.changes))

    def ends(self, runs: Sequence[RunId]) -> list[tuple[RunId, RunRow | None]]:
        """Return those of some runs that have ended."""
        return [*self._ask(self._store.ends, tuple(runs))]

    def bell(self, ring: Ring) -> None:
        """Hear nothing."""


class OwnSchema(LoneStore):
    """A store in a schema that was made for it, in a PostgreSQL database."""

    def __init__(self, url: str, now: Callable[[], int]) -> None:
        """Make the schema. `url` is that of the database, `now` the store's clock."""
        self._url, self._schema = url, SCHEMA + uuid.uuid4().hex[:12]
        self._dropped = False
        and_schema = f"{'&' if '?' in url else '?'}schema={self._schema}"
        super().__init__(open_store(url + and_schema, clock=now))

    def drop(self) -> None:
        """Close the store and drop its schema, once."""
        if self._dropped:
            return
        self._dropped = True
        self._store.close()
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {self._schema} CASCADE".encode())


def new_store(url: str | None, now: Callable[[], int]) -> Store:
    """Return an empty store: in memory, or in a new schema of a PostgreSQL database.

    Args:
        url: the URL of the database; None for memory.
        now: the clock of the store, in microseconds since 1970 UTC.
    """
    if url is None:
        return MemoryStore(now)
    if not url.startswith(("postgresql://", "postgres://")):
        raise ScriptError(
            "expected the URL of a PostgreSQL database, as in World(store='postgresql:///shop_test'); "
            "without one, a world is in memory"
        )
    try:
        return cast(Store, OwnSchema(url, now))
    except StoreRefused as error:
        error.add_note("Each world makes a schema of its own in this database.")
        raise
