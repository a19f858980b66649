"""PostgreSQL as a kind of store: the schema that a URL names, and what can be seen of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from opord.stores.base import Store, StoreRefused
from opord.stores.beside import Steps
from opord.stores.kind import Remark, StoreKind, StoreOverview
from opord.stores.postgres.location import location_of

INSTALL = "pip install 'opord[postgres]'"


class PostgresKind:
    """One schema of a database for each store."""

    def exists(self, url: str) -> bool:
        """Say whether the database has the schema of a store."""
        location_of(url)
        self._need_library(url)
        from opord.stores.postgres.inspection import schema_exists

        return schema_exists(url)

    def whole(self, url: str) -> str:
        """Return the URL: a server is the same from everywhere."""
        location_of(url)
        return url

    def for_people(self, url: str) -> str:
        """Return the URL without its password and its parameters."""
        return location_of(url).place

    def lasts(self, url: str) -> bool:
        """Return True: a server outlives its clients."""
        location_of(url)
        return True

    def open(self, url: str, *, create: bool, clock: Callable[[], int] | None = None) -> Store:
        """Open the schema; make it if `create` is true."""
        location_of(url)
        self._need_library(url)
        from opord.stores.postgres.store import PostgresStore

        return PostgresStore(url, create=create, clock=clock)

    @contextmanager
    def open_restored(self, url: str, *, marks: bool) -> Iterator[Store]:
        """Open the schema on whichever server has it; `marks` puts it on record at a good end."""
        location_of(url)
        self._need_library(url)
        from opord.stores.postgres.store import PostgresStore

        with closing(PostgresStore(url, create=False, restored=True)) as store:
            yield store
            if marks:
                store.note_server()

    def inspect(self, url: str, *, whole: bool = False) -> StoreOverview:
        """Inspect the server, the schema and its tables."""
        location_of(url)
        self._need_library(url)
        from opord.stores.postgres.inspection import inspect

        return inspect(url, whole=whole)

    def schema_script(self, url: str, *, role: str | None, beside: Sequence[Steps] = ()) -> str:
        """Return the SQL of the schema that the URL names; the server is not asked."""
        location = location_of(url)
        self._need_library(url)
        from opord.stores.postgres import beside as tables
        from opord.stores.postgres.opening import grants, script

        others = "".join(tables.script(location.schema, steps) for steps in beside)
        rights = "" if role is None else grants(location.schema, role)
        return f"BEGIN;\n{script(location.schema)}{others}{rights}COMMIT;\n"

    def library(self) -> Remark:
        """Say which psycopg is installed."""
        try:
            import psycopg
            import psycopg_pool
        except ImportError as wrong:
            return Remark("postgres", "note", f"no PostgreSQL: {wrong}", f"to use it: {INSTALL}")
        message = (
            f"psycopg {psycopg.__version__} ({psycopg.pq.__impl__}), psycopg_pool {psycopg_pool.__version__}"
        )
        facts = {"version": psycopg.__version__, "libpq": psycopg.pq.version()}
        return Remark("postgres", "fine", message, facts=facts)

    def _need_library(self, url: str) -> None:
        try:
            import psycopg_pool  # noqa: F401
        except ImportError as wrong:
            raise StoreRefused(f"store {location_of(url).place} needs psycopg ({wrong}): {INSTALL}") from None


KIND: StoreKind = PostgresKind()
