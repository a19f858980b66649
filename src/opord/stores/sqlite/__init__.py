"""A store in one SQLite file. Every transaction is written through to the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opord.stores.sqlite.store import SqliteStore as SqliteStore

__all__ = ["SqliteStore"]


def __getattr__(name: str) -> Any:
    """Import the store on first use, so that a file can be inspected without the library."""
    if name != "SqliteStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from opord.stores.sqlite.store import SqliteStore

    return SqliteStore
