"""A store in one SQLite file, written through to the disk with every transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opord.stores.sqlite.store import SqliteStore as SqliteStore

__all__ = ["SqliteStore"]


def __getattr__(name: str) -> Any:
    """Import the store when it is first asked for: what can be said of a file needs no library to be said."""
    if name != "SqliteStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from opord.stores.sqlite.store import SqliteStore

    return SqliteStore
