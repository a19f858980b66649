"""Open the backend that a URL names, to read and maintain runs. It carries no runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from opord.backends.base import Backend
from opord.backends.embedded import Embedded
from opord.engine.environment import Environment
from opord.engine.process import Process
from opord.engine.programs import Programs
from opord.engine.protection import SHOWING
from opord.stores import inspect_store, libraries, open_store
from opord.stores.kind import Remark, StoreOverview

__all__ = ["Remark", "StoreOverview", "inspect", "libraries_used", "open_backend"]


@asynccontextmanager
async def open_backend(url: str) -> AsyncIterator[Backend]:
    """Open the backend that a URL names, to read and maintain its runs.

    It needs no key and makes no store.

    All is done in place, because nothing else in this process waits. A store that cannot answer is
    an error at once.

    Raises:
        StoreMissing, StoreRefused, StoreUnavailable, StoreDamaged: it cannot be reached.
    """
    store = open_store(url, create=False)
    try:
        environment = Environment(store_thread=None, own_threads=False)
        process = Process(store, programs=Programs(SHOWING), environment=environment, patient=False)
        process.open()
        try:
            yield Embedded(process)
        finally:
            await process.close()
    finally:
        store.close()


def inspect(url: str, *, whole: bool = False) -> StoreOverview:
    """Return the facts of the store that a URL names, and change nothing.

    `whole` reads it from end to end.

    Raises:
        StoreRefused, StoreUnavailable, StoreDamaged: it cannot be reached.
    """
    return inspect_store(url, whole=whole)


def libraries_used() -> Iterator[Remark]:
    """Say for each kind of store which library it uses and whether that library can be used."""
    return libraries()
