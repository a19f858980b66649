"""What a kind of store offers before a store of it is open: whether one is there, what it is like, and how to open it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from opord.stores.base import Store

Verdict: TypeAlias = Literal["fine", "note", "warning", "wrong"]
"""`note` is nothing to mend; `wrong` stops something from working."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that only this kind of store knows: its `area`, how it is, in words, and the next `move`.

    `facts` says the same for programs.
    """

    area: str
    verdict: Verdict
    said: str
    move: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be seen of a store. Where none `exists` yet, only `where` and some remarks are known.

    `where` is its place in words. `schema` is its version and `schema_known` the newest that this Opord knows; `size`
    is in words; `last_at` the instant of the last record, in microseconds since 1970 UTC. `lasts` says whether it outlives
    the process. `details` are further facts for programs.
    """

    where: str
    exists: bool
    lasts: bool = True
    schema: int = 0
    schema_known: int = 0
    size: str = ""
    runs: int = 0
    stalled: int = 0
    in_doubt: int = 0
    last_at: int | None = None
    remarks: tuple[Remark, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class Kind(Protocol):
    """A kind of store: what is behind the scheme of a URL.

    Each verb raises `StoreRefused` for a URL that names no store of this kind, and for a place where none can be.
    """

    def exists(self, url: str) -> bool:
        """Say whether a store may be there; what is there is not looked into."""
        ...

    def open(self, url: str, *, create: bool, clock: Callable[[], int] | None = None) -> Store:
        """Open the store, and bring its schema up to date; one that is not there is made if `create`.

        `clock` gives its instants in microseconds, the machine's clock if None.

        Raises:
            StoreMissing: it is not there, and is not to be made. Nothing was made or changed.
            StoreRefused: no store can be there, or what is there is none of ours, or made by a newer version.
            StoreUnavailable: it is there, but cannot be opened now.
        """
        ...

    def inspect(self, url: str, *, whole: bool = False) -> Facts:
        """Say what can be seen of the store; nothing is made, brought up to date or written.

        With `whole` it is read from end to end, however large it is.

        Raises:
            StoreRefused: no store can be there, or what is there is none of ours, or made by a newer version.
            StoreUnavailable: it cannot be read now.
            StoreDamaged: it is no store any more.
        """
        ...

    def library(self) -> Remark:
        """Say which library the kind stands on, and whether it can be used."""
        ...
