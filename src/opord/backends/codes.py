"""The code of each refusal: the same on every runtime, in the command line, API and console."""

from __future__ import annotations

from typing import NamedTuple

from opord.drive.errors import EngineError
from opord.stores.archive.errors import ArchiveDamaged, ArchiveError
from opord.stores.base import (
    ContractConflict,
    StoreDamaged,
    StoreError,
    StoreMissing,
    StoreMisused,
    StoreOtherServer,
    StoreRefused,
    StoreTwoNames,
    StoreUnavailable,
    StoreUnsupported,
)


class RefusalCode(NamedTuple):
    """A refusal: its code and its message.

    `reached` is false if the store could not be asked, `misused` is true if it was asked wrongly.
    """

    code: str
    message: str
    reached: bool = True
    misused: bool = False


def code_of(error: Exception) -> RefusalCode | None:
    """Return the code of an error that a backend raised; None if it is not one of its errors."""
    if isinstance(error, EngineError):
        return RefusalCode(error.code, str(error))
    if isinstance(error, ArchiveError):
        damaged = isinstance(error, ArchiveDamaged)
        return RefusalCode("archive_damaged" if damaged else "archive_refused", str(error))
    if not isinstance(error, StoreError):
        return None
    if isinstance(error, ContractConflict):
        return RefusalCode("contract_conflict", str(error))
    if isinstance(error, StoreMissing):
        return RefusalCode("store_missing", str(error), False)
    if isinstance(error, StoreOtherServer):
        return RefusalCode(f"store_{error.kind}", str(error), False)
    if isinstance(error, StoreUnavailable):
        return RefusalCode(f"store_{error.kind}", f"the store cannot be reached: {error}", False)
    if isinstance(error, StoreUnsupported):
        return RefusalCode("system_unsupported", str(error), False)
    if isinstance(error, StoreMisused):
        return RefusalCode("store_refused", str(error), False, misused=True)
    if isinstance(error, StoreRefused):
        code = "store_two_names" if isinstance(error, StoreTwoNames) else "store_refused"
        return RefusalCode(code, f"the store cannot be opened: {error}", False)
    if isinstance(error, StoreDamaged):
        return RefusalCode("store_damaged", f"the store is damaged: {error}", False)
    return RefusalCode("store", f"the store cannot be used: {error}", False)


def unanswered(after_s: float, outage: Exception | None) -> str:
    """Say that a store has not answered for so many seconds; `outage` is why (`Backend.outage`)."""
    why = outage if outage is not None else "it is locked, full or out of reach"
    return f"the store has not answered for {after_s:g} s: {why}"


def is_away(error: Exception) -> bool:
    """Return whether a backend raised the error because it cannot reach its store for now."""
    return isinstance(error, StoreUnavailable)
