"""Tables of others where the runs are: what the HTTP server keeps for itself lies in such tables.

`Backend.beside` opens them; here is what else their owner needs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from opord.stores import open_store
from opord.stores.base import Store
from opord.stores.beside import Beside, Executes, Steps
from opord.values.types import Instant

__all__ = ["Beside", "Executes", "Steps", "beside", "bring_up_to_date", "open_beside"]

T = TypeVar("T")


def open_beside(url: str) -> Beside:
    """Open tables in a store of their own, which is made if it is missing. Closing closes it.

    Raises:
        StoreError: the store cannot be opened.
    """
    return _Own(url)


def bring_up_to_date(url: str, steps: Steps) -> None:
    """Make the tables of an owner in a store, or bring them up to date.

    Raises:
        StoreError: the store cannot be opened, or the tables cannot be made.
    """
    with closing(open_beside(url)) as tables:
        tables.prepare(steps)


def beside(store: Store) -> Beside:
    """Return what keeps tables beside those of an open store.

    A store of plain dicts has no tables; what is kept beside it is in memory, too.
    """
    make: Callable[[], Beside] | None = getattr(store, "beside", None)
    return make() if make is not None else open_beside("sqlite://:memory:")


class _Own:
    """Tables with a store that is open for them alone."""

    def __init__(self, url: str) -> None:
        self._store = open_store(url)
        try:
            self._tables = beside(self._store)
        except BaseException:
            self._store.close()
            raise

    def now(self) -> Instant:
        return self._tables.now()

    def prepare(self, steps: Steps) -> None:
        self._tables.prepare(steps)

    def read(self, work: Callable[[Executes], T], /) -> T:
        return self._tables.read(work)

    def write(self, work: Callable[[Executes], T], /) -> T:
        return self._tables.write(work)

    def close(self) -> None:
        self._tables.close()
        self._store.close()
