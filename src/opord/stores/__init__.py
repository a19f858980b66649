"""Where runs live: the promise in `base.py`, and who keeps it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from opord.stores.base import Store, StoreRefused

__all__ = ["open_store", "store_path"]


def open_store(url: str, *, clock: Callable[[], int] | None = None) -> Store:
    """Open the store that a URL names; `clock` gives its instants in microseconds, the machine's clock if None.

    `sqlite:///file.db` is a file beside the working directory, `sqlite:////path/file.db` one by its whole path,
    `sqlite://:memory:` lives in memory, for the returned object alone.

    Raises:
        StoreRefused: not a URL of a store, or no store can be there.
        StoreUnavailable: it is there, but cannot be opened now.
    """
    path = store_path(url)
    # Starting to run must not wait for SQLite to be loaded before it is needed.
    from opord.stores.sqlite import SqliteStore

    return SqliteStore(path, clock=clock)


def store_path(url: str) -> str | None:
    """Return the path of the file that a store's URL names; None is a store in memory.

    Raises:
        StoreRefused: not a URL of a store.
    """
    scheme, colon, rest = url.partition("://")
    if not colon:
        raise StoreRefused(f"expected a store like sqlite:///opord.db, got: {url!r}")
    if scheme in ("postgres", "postgresql", "temporal"):
        raise StoreRefused(f"this version of opord has no {scheme} store; use sqlite:///opord.db")
    if scheme != "sqlite":
        raise StoreRefused(f"expected a store like sqlite:///opord.db, got the scheme {scheme!r} in {url!r}")
    if rest in (":memory:", "/:memory:"):
        return None
    if not rest.startswith("/"):
        raise StoreRefused(
            f"expected three slashes before a file beside you, four before a whole path: sqlite:///{rest}, got: {url!r}"
        )
    if "?" in rest or "#" in rest:
        raise StoreRefused(
            f"a store's URL takes no parameters, got: {url!r}; write ? as %3F and # as %23 in a file name"
        )
    path = unquote(rest[1:])
    if not path or path.endswith("/"):
        raise StoreRefused(f"expected the name of a file, as in sqlite:///opord.db, got: {url!r}")
    if "\0" in path:
        raise StoreRefused(f"a file name cannot hold a NUL character, got: {url!r}")
    return path
