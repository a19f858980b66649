"""What a kind of store offers before a store is open: check for one, inspect it, open it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from opord.kernel.rows import NeedReason
from opord.stores.base import LiveVersion, Store
from opord.stores.beside import Steps

RemarkVerdict: TypeAlias = Literal["fine", "note", "warning", "wrong"]
"""`note` needs no action. `wrong` means that something cannot work."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark of a kind of store: its `area` and the next `move`.

    `text` says what was found, and `facts` says the same for programs.
    """

    area: str
    verdict: RemarkVerdict
    text: str
    move: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class GoneWorker(NamedTuple):
    """A worker that holds runs and shows no sign of life: since when, and when its leases are over.

    Instants are in microseconds since 1970 UTC; `since` is None if it is not on record.
    """

    worker: str
    runs: int
    since: int | None
    until: int


class TroubledWorker(NamedTuple):
    """A live worker that something keeps from going on, and what, in words."""

    worker: str
    trouble: str


class LabelledWorker(NamedTuple):
    """A live worker that takes runs with labels, and which; `NO_LABEL` for the runs without one."""

    worker: str
    labels: tuple[str, ...]


class LimitedRuns(NamedTuple):
    """A limit by its name, and how many runs wait for it."""

    limit: str
    runs: int


class ToldEndpoint(NamedTuple):
    """An endpoint of webhooks whose messages wait or were given up, and how many of each.

    `sent_to` says whether a process sends to it now, and `stopped` why nothing is sent until
    somebody says so.
    """

    endpoint: str
    stopped: str
    sent_to: bool
    waiting: int
    given_up: int


class Standing(NamedTuple):
    """What runs stand still for, beside what they need from a person.

    - `unserved` are the versions with live runs and without a live worker.
    - `gone` are the workers that hold runs and show no sign of life.
    - `tried_again` is the number of runs between two attempts of a call. Of each contract, the
      `DUE_READ` runs that wake next are looked at.
    - `kept_for` is the number of runs with messages that wait, up to `KEPT_READ`.
    - `troubled` are the live workers that something keeps from going on.
    - `workers` are the names of the live workers that have handlers.
    - `labelled` are the live workers that take runs with labels.
    - `limited` are the limits for which runs wait.
    - `told` are the endpoints of webhooks with messages.
    """

    unserved: tuple[LiveVersion, ...] = ()
    gone: tuple[GoneWorker, ...] = ()
    tried_again: int = 0
    kept_for: int = 0
    troubled: tuple[TroubledWorker, ...] = ()
    workers: tuple[str, ...] = ()
    labelled: tuple[LabelledWorker, ...] = ()
    limited: tuple[LimitedRuns, ...] = ()
    told: tuple[ToldEndpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreOverview:
    """What can be seen of a store. If none `exists` yet, only `where` and some remarks are known.

    - `where` is its place in words; `size` is in words too.
    - `lasts` says whether it outlives the process.
    - `schema` is its version, `schema_known` the newest version that this Opord knows.
    - `needs` counts the runs with each need.
    - `stands` is what runs stand still for beside that.
    - `last_at` is the instant of the last record, in microseconds since 1970 UTC.
    - `beside` are the versions of the tables that others keep in the store, by their owner.
    - `now` is the instant of the look by the store's own clock; None if it goes by the machine's.
    - `details` are further facts for programs.
    """

    where: str
    exists: bool
    lasts: bool = True
    schema: int = 0
    schema_known: int = 0
    size: str = ""
    runs: int = 0
    needs: Mapping[NeedReason, int] = field(default_factory=dict)
    stands: Standing = Standing()
    last_at: int | None = None
    beside: Mapping[str, int] = field(default_factory=dict)
    now: int | None = None
    remarks: tuple[Remark, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def unread(url: str) -> str:
    """Return what may be shown of a URL that cannot be read. A part of it may be a password."""
    if not {"@", "=", "#", "%"} & set(url):
        return repr(url)
    scheme, colon, _ = url.partition("://")
    start = f"{scheme}://…" if colon and scheme.isalnum() else "a text"
    return f"{start} (the rest is not shown: it may have a password)"


class StoreKind(Protocol):
    """A kind of store: what the scheme of a URL names.

    Each verb raises `StoreRefused` for a URL that does not name a store of this kind, and for a
    place where no store can be.
    """

    def exists(self, url: str) -> bool:
        """Say whether there may be a store. Its content is not read."""
        ...

    def whole(self, url: str) -> str:
        """Return a URL of the same store that does not depend on the working directory."""
        ...

    def for_people(self, url: str) -> str:
        """Return the URL without what is secret."""
        ...

    def lasts(self, url: str) -> bool:
        """Say whether a store at this URL outlives the process that made it."""
        ...

    def open(self, url: str, *, create: bool, clock: Callable[[], int] | None = None) -> Store:
        """Open the store and migrate its schema. A missing store is made if `create` is true.

        `clock` returns its instants in microseconds; None means the machine's clock.

        Raises:
            StoreMissing: there is no store, and `create` is false. Nothing was made or changed.
            StoreRefused: no store can be there, or the file is not an Opord store, or a newer
                version made it.
            StoreUnavailable: the store is there but cannot be opened now.
        """
        ...

    def open_restored(self, url: str, *, marks: bool) -> AbstractContextManager[Store]:
        """Open a store that was restored, wherever it is now.

        With `marks`, a good end says that it is marked.

        Raises:
            StoreMissing, StoreRefused, StoreUnavailable: as for `open`.
        """
        ...

    def inspect(self, url: str, *, whole: bool = False) -> StoreOverview:
        """Return the facts of the store. Nothing is made, migrated or written.

        With `whole` the store is read from end to end, whatever its size.

        Raises:
            StoreRefused: no store can be there, or the file is not an Opord store, or a newer
                version made it.
            StoreUnavailable: it cannot be read now.
            StoreDamaged: it is no longer a readable store.
        """
        ...

    def schema_script(self, url: str, *, role: str | None, beside: Sequence[Steps] = ()) -> str:
        """Return the SQL that makes the store or brings it up to date; it may be run again.

        With `beside`, it also makes the tables that others keep in the store. With `role`, it also
        gives that role the rights that a worker needs, and no others.

        Raises:
            StoreRefused: this kind of store needs none, or the URL or the role cannot be used.
        """
        ...

    def library(self) -> Remark:
        """Say which library this kind uses and whether that library can be used."""
        ...
