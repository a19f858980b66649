"""A store in one SQLite file, written through to the disk at every commit."""

from opord.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
