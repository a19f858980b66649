"""Tables that others keep beside those of a store, in the same database.

The HTTP server keeps its own things there. A store knows nothing of these tables but their steps.
Their SQL is written once, for SQLite and PostgreSQL alike: `opord.` is the store's schema, `$1` a
parameter. A step that makes tables writes their types as PostgreSQL does, and ends each with
`:strict`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from opord.stores.errors import StoreRefused
from opord.values.types import Instant

T = TypeVar("T")

Executes: TypeAlias = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Executes a statement with its parameters, and returns its rows."""

_NAME: Final = re.compile(r"[a-z]+")


class Beside(Protocol):
    """Tables beside those of an open store. They may be used while the store is open."""

    def now(self) -> Instant:
        """Return the store's clock, in microseconds since 1970 UTC."""
        ...

    def prepare(self, steps: Steps) -> None:
        """Bring the tables up to date; it may be called again.

        Raises:
            StoreRefused: a newer Opord made them, or this role may make no tables.
        """
        ...

    def read(self, work: Callable[[Executes], T], /) -> T:
        """Do some work that only reads."""
        ...

    def write(self, work: Callable[[Executes], T], /) -> T:
        """Do some work in one transaction, which is durable when this returns.

        It may be done again from the start, if others have changed rows under it.
        """
        ...

    def close(self) -> None:
        """Give back what is kept for the tables alone. The store stays open."""
        ...


class Steps:
    """The numbered steps that make the tables of one owner, such as `server`.

    Step number n makes version n. The table `opord.<owner>_schema` has those that were done.
    """

    def __init__(self, owner: str, texts: Sequence[str]) -> None:
        if not _NAME.fullmatch(owner):
            raise ValueError(f"expected a name of small letters, got: {owner!r}")
        self.owner: str = owner
        self.texts: tuple[str, ...] = tuple(texts)

    @property
    def table(self) -> str:
        """The table of the steps that were done."""
        return f"opord.{self.owner}_schema"

    @property
    def newest(self) -> int:
        """The version that these steps make."""
        return len(self.texts)

    @property
    def first(self) -> str:
        """The statement that makes the table of the steps."""
        return f"CREATE TABLE IF NOT EXISTS {self.table} (number bigint PRIMARY KEY) :strict"

    def done(self, number: int) -> str:
        """Return the statement that notes a step."""
        return f"INSERT INTO {self.table} (number) VALUES ({number})"  # noqa: S608 - a name of ours

    @property
    def version(self) -> str:
        """The query for the version of the tables."""
        return f"SELECT coalesce(max(number), 0) FROM {self.table}"  # noqa: S608 - a name of ours

    def check(self, version: int, place: str) -> None:
        """Refuse tables that a newer Opord made.

        Raises:
            StoreRefused: they are of a newer version.
        """
        if version > self.newest:
            raise StoreRefused(
                f"the tables of the {self.owner} in store {place} were made by a newer opord (schema {version}, this one "
                f"knows {self.newest}); upgrade opord"
            )
