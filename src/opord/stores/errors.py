"""The errors that a store raises, and the check that this system can have stores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opord.values.types import RunId

if TYPE_CHECKING:
    from opord.kernel.rows import RunRow


class StoreError(Exception):
    """Base of the errors that a store raises."""


class StoreUnavailable(StoreError):
    """The store cannot answer now (full, locked, read-only, gone). The same call may succeed later.

    `kind` is one of "full", "locked", "readonly", "io", "gone", "two_names", "unreachable",
    "other_server". Nothing
    of the call was done, or it was done as a whole; the next call shows which. `lasting` is true if
    the store will not answer before somebody changes something, such as a wrong password.
    """

    def __init__(self, kind: str, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.lasting = lasting


class StoreMoved(StoreUnavailable):
    """A file of the open store was moved, deleted or replaced. What is written is not kept."""

    def __init__(self, message: str) -> None:
        super().__init__("gone", message)


class StoreOtherServer(StoreUnavailable):
    """Another server than before has the store, and the last commits may be missing there.

    Nothing is read or written until `opord db restored` has marked the live runs.
    """

    def __init__(self, message: str) -> None:
        super().__init__("other_server", message)


class StoreDamaged(StoreError):
    """The store's content is not what it wrote. Do not write to it any more."""


class RowDamaged(StoreDamaged):
    """One row is not what was written. The rows of other runs can be read and written.

    `readable` is what can still be read of a run. It may be shown, but never carried on from. It is
    None unless one run alone was read. `after` is the place at which a listing goes on after this
    row, because the run's name may be unreadable.
    """

    readable: RunRow | None = None
    after: RunId | None = None


class StoreRefused(StoreError):
    """The store cannot be opened as asked: wrong place, wrong version, or an unsafe setting."""


class StoreMisused(StoreRefused):
    """A store is named or asked for in a way that no store answers: write something else."""


class StoreDenied(StoreRefused):
    """The server denies this role a right. A worker that runs waits until it has it again."""

    kind: str = "denied"
    lasting: bool = True


class StoreUnsupported(StoreRefused):
    """This system cannot keep runs: its files and processes lack what a store rests on."""


class StoreTwoNames(StoreRefused):
    """The store's file has, or may have, several names.

    Processes that use different names would not see each other's writes.
    """


class StoreMissing(StoreError):
    """There is no store at a place, and none may be made. `why` says what is there instead."""

    place: str
    why: str

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"there is no store at {place}: {why}")
        self.place, self.why = place, why


class ContractConflict(StoreError):
    """A contract with other content is stored under this name and version, and is still needed.

    - `stored` and `offered` are the two digests.
    - `needed_by` says in words what keeps the stored one from being replaced.
    - `difference` is where the two first differ, if that is known.
    """

    name: str
    version: int
    stored: str
    offered: str
    needed_by: str
    difference: str

    def __init__(
        self, name: str, version: int, stored: str, offered: str, needed_by: str, difference: str = ""
    ) -> None:
        differs = f"{difference} (stored {stored[:12]}, given {offered[:12]})" if difference else ""
        differs = differs or f"stored {stored[:12]}, given {offered[:12]}"
        super().__init__(
            f"contract {name} version {version} is stored with other content, and {needed_by}: {differs}; "
            f"give the changed contract a new version, `contract {name}(…) version {version + 1}`"
        )
        self.name, self.version, self.stored, self.offered = name, version, stored, offered
        self.needed_by, self.difference = needed_by, difference


def check_system() -> None:
    """Refuse a system that cannot keep runs.

    A store rests on what POSIX says of files and processes: a file that is open keeps its content
    when it is moved or deleted, a folder can be synced, and locks end with their process.

    Raises:
        StoreUnsupported: this is no such system.
    """
    if not hasattr(os, "fork"):
        raise StoreUnsupported(
            "Opord keeps runs on POSIX systems only, such as Linux and macOS; on this system it can check, format, "
            "explain, draw and generate contracts"
        )
