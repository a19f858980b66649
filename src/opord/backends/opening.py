"""Open the backend that a URL names, to read and maintain runs. It carries no runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from opord.backends.base import Backend
from opord.backends.embedded import Embedded
from opord.engine.crowding import crowd_here
from opord.engine.environment import Environment
from opord.engine.process import Process
from opord.engine.programs import Programs
from opord.engine.protection import SHOWING
from opord.stores import (
    EXAMPLE,
    inspect_store,
    kind_of,
    libraries,
    open_store,
    schema_script,
    shown_url,
    store_exists,
)
from opord.stores.base import DUE_READ, KEPT_READ, StoreMisused, StoreUnavailable, check_system
from opord.stores.kind import Remark, StoreOverview, ToldEndpoint

__all__ = [
    "DUE_READ",
    "KEPT_READ",
    "Remark",
    "StoreOverview",
    "ToldEndpoint",
    "check_lasts",
    "check_system",
    "crowd_here",
    "inspect",
    "libraries_used",
    "may_come_back",
    "open_backend",
    "schema_script",
    "shown_url",
    "store_exists",
    "whole_url",
]


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


def whole_url(url: str) -> str:
    """Return a URL of the same store that does not depend on the working directory.

    Raises:
        StoreMisused: the URL does not name a store.
    """
    return kind_of(url).whole(url)


def check_lasts(url: str) -> None:
    """Refuse a store that ends with this process. Only commands do so; programs may use one.

    Raises:
        StoreMisused: the store is in memory, or the URL does not name a store.
    """
    if not kind_of(url).lasts(url):
        raise StoreMisused(
            f"a store in memory is lost when this command ends; name a file, as in {EXAMPLE}, got: {shown_url(url)!r}"
        )


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


def may_come_back(error: Exception) -> bool:
    """Say whether a store that could not be opened may be opened later, with no change here.

    Its server is away, or has to be put on record by `opord db restored`.
    """
    return (
        isinstance(error, StoreUnavailable)
        and error.kind in ("unreachable", "other_server")
        and not error.lasting
    )
