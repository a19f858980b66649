"""What a store answers to a change of a run: whether it was made, and if not, what stands in its way."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from opord.kernel.rows import EventKey, RunRow, Tombstone


class Applied(msgspec.Struct, frozen=True):
    """The change is durable. (Also the answer if the very same change had been applied before.)"""

    arrivals: int


class Exists(msgspec.Struct, frozen=True):
    """A `Start` found a run of that name; here it is. Nothing was changed."""

    row: RunRow


class Stale(msgspec.Struct, frozen=True):
    """The run has moved on since; here it is now (None: there is no such run). Nothing was changed."""

    row: RunRow | None


class KeyTaken(msgspec.Struct, frozen=True):
    """An event key of the write is already there, with this content digest. Nothing was changed."""

    taken: EventKey


class WasPruned(msgspec.Struct, frozen=True):
    """A `Start` found that a run of that name has ended and was pruned. Nothing was changed."""

    tombstone: Tombstone


class NotStored(msgspec.Struct, frozen=True):
    """A `Start` names a contract that is not stored: it was never put, or replaced since. Nothing was changed."""

    contract: str


Result: TypeAlias = Applied | Exists | Stale | KeyTaken | WasPruned | NotStored
