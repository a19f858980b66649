"""The stores. `base.py` is the promise of every store, `kind.py` what a kind of store offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING

from opord.stores.base import Store, StoreMisused, StoreRefused
from opord.stores.kind import unread

if TYPE_CHECKING:
    from opord.stores.beside import Steps
    from opord.stores.kind import Remark, StoreKind, StoreOverview

__all__ = [
    "EXAMPLE",
    "archive",
    "base",
    "bell",
    "beside",
    "filters",
    "inspect_store",
    "kind",
    "kind_of",
    "libraries",
    "memory",
    "open_restored",
    "open_store",
    "schema_script",
    "shown_url",
    "store_exists",
    "values",
]

KINDS = {
    "sqlite": "opord.stores.sqlite.kind",
    "postgresql": "opord.stores.postgres.kind",
}
"""The module of each kind, by the scheme of its URLs. It has `KIND` and is imported on demand."""

ALIASES = {"postgres": "postgresql"}
"""Other words for a scheme."""

TO_COME = ("temporal",)
"""Schemes that this version knows only by name."""

EXAMPLE = "sqlite:///opord.db"

EXAMPLES = f"{EXAMPLE} or postgresql://user@host/database"


def open_store(url: str, *, create: bool = True, clock: Callable[[], int] | None = None) -> Store:
    """Open the store that a URL names; see `StoreKind.open`.

    `sqlite:///file.db` is a file in the working directory, `sqlite:////path/file.db` one by its
    absolute path. `sqlite://:memory:` is a store in memory, for the returned object alone.
    `postgresql://user@host/database` is the schema `opord` of a PostgreSQL database; `?schema=`
    names another one, and the other parameters are those of libpq.

    Raises:
        StoreMissing: there is no store, and `create` is false.
        StoreRefused: the URL does not name a store, or no store can be there.
        StoreUnavailable: the store is there but cannot be opened now.
    """
    return kind_of(url).open(url, create=create, clock=clock)


def open_restored(url: str, *, marks: bool = True) -> AbstractContextManager[Store]:
    """Open a store that was restored, to mark its live runs; see `StoreKind.open_restored`."""
    return kind_of(url).open_restored(url, marks=marks)


def store_exists(url: str) -> bool:
    """Say whether there may be a store at a URL.

    Raises:
        StoreMisused: the URL does not name a store.
    """
    return kind_of(url).exists(url)


def inspect_store(url: str, *, whole: bool = False) -> StoreOverview:
    """Return the facts of the store that a URL names; see `StoreKind.inspect`. Nothing changes."""
    return kind_of(url).inspect(url, whole=whole)


def shown_url(url: str) -> str:
    """Return a store's URL for people: without what is secret. Unreadable ones are not shown."""
    try:
        return kind_of(url).for_people(url)
    except StoreRefused:
        return unread(url)


def schema_script(url: str, *, role: str | None = None, beside: Sequence[Steps] = ()) -> str:
    """Return the SQL that makes the store that a URL names; see `StoreKind.schema_script`."""
    return kind_of(url).schema_script(url, role=role, beside=beside)


def libraries() -> Iterator[Remark]:
    """Say for each kind which library it uses and whether that library can be used."""
    for module in KINDS.values():
        yield _load(module).library()


def kind_of(url: str) -> StoreKind:
    """Return the kind of the store that a URL names.

    Raises:
        StoreMisused: this version has no such kind.
    """
    scheme, colon, _ = url.partition("://")
    scheme = ALIASES.get(scheme, scheme)
    if not colon:
        raise StoreMisused(f"expected a store like {EXAMPLES}, got: {unread(url)}")
    if scheme in TO_COME:
        raise StoreMisused(f"this version of opord has no {scheme} store; use {EXAMPLE}")
    if scheme not in KINDS:
        raise StoreMisused(f"expected a store like {EXAMPLES}, got the scheme {scheme!r}")
    return _load(KINDS[scheme])


def _load(module: str) -> StoreKind:
    kind: StoreKind = import_module(module).KIND
    return kind
