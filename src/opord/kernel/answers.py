"""The answers of a store to a change of a run: it was made, or what prevents it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from opord.kernel.rows import EventKey, RunRow, Tombstone


class Applied(msgspec.Struct, frozen=True):
    """The change is durable. Also the answer if the same change was applied before."""

    arrivals: int


class Exists(msgspec.Struct, frozen=True):
    """A `Start` found a run of that name, `row`. Nothing was changed."""

    row: RunRow


class Stale(msgspec.Struct, frozen=True):
    """The run has moved since.

    `row` is its current row; None if there is no such run. Nothing was changed.
    """

    row: RunRow | None


class KeyTaken(msgspec.Struct, frozen=True):
    """An event key of the write is already used, with this content digest. Nothing was changed."""

    key: EventKey


class WasPruned(msgspec.Struct, frozen=True):
    """A `Start` found that a run of that name has ended and was pruned. Nothing was changed."""

    tombstone: Tombstone


class NotStored(msgspec.Struct, frozen=True):
    """A `Start` names a contract that is not stored: never put, or replaced since.

    Nothing was changed.
    """

    contract: str


Result: TypeAlias = Applied | Exists | Stale | KeyTaken | WasPruned | NotStored
