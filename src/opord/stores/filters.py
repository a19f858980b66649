"""Which runs to list: the conditions that a store decides by its columns."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar

from opord.kernel.rows import Head, NeedFilter, RunRow, Status
from opord.values.types import Instant

T = TypeVar("T")

OneOf: TypeAlias = T | tuple[T, ...] | None
"""One value or any of several; None for any at all."""


class Place(NamedTuple):
    """A state of one version of a contract."""

    contract: str
    version: int
    state: str


class RunFilter(NamedTuple):
    """Which runs to list. A run fits if it fits every condition; None means any.

    - `needs`: a need that is open now; "any" of them.
    - `label`: `NO_LABEL` for the runs that have none.
    - `started_from`, `since_from`, `due_from`: not before; `…_before`: before.
    - `since` is the instant at which a run entered its state. `due` is the next one at which a
      waiting run moves by itself.
    - `waiting_in`: the run waits in one of these states.
    - `reason`: its stored reason holds one of these texts. Stalled runs have one, runs in doubt
      that ask a person, and terminated ones.
    - `texts`: for each group, the stored input or body, as text, holds one of the group's texts.
    """

    contract: OneOf[str] = None
    state: OneOf[str] = None
    status: OneOf[Status] = None
    outcome: OneOf[str] = None
    needs: OneOf[NeedFilter] = None
    version: OneOf[int] = None
    started_from: Instant | None = None
    started_before: Instant | None = None
    since_from: Instant | None = None
    since_before: Instant | None = None
    label: OneOf[str] = None
    texts: tuple[tuple[str, ...], ...] = ()
    due_from: Instant | None = None
    due_before: Instant | None = None
    waiting_in: tuple[Place, ...] | None = None
    reason: OneOf[str] = None

    def values(self, name: str) -> tuple[Any, ...] | None:
        """Return the values that a condition takes; None if it takes any."""
        return any_of(getattr(self, name))

    @property
    def fits_nobody(self) -> bool:
        """Whether a condition has no values to choose from."""
        return any(getattr(self, name) == () for name in self._fields if name != "texts")

    @property
    def by_due(self) -> bool:
        """Whether it asks when runs are due."""
        return self.due_from is not None or self.due_before is not None


def any_of(wanted: OneOf[Any]) -> tuple[Any, ...] | None:
    """Return the values of a condition, each once; None if any will do."""
    if wanted is None:
        return None
    return tuple(dict.fromkeys(wanted)) if isinstance(wanted, tuple) else (wanted,)


def fits_columns(row: RunRow, where: RunFilter) -> bool:
    """Say whether a run fits all but the conditions on its needs and its texts."""
    head = row.head
    return (
        _is_one(row.name, where.contract)
        and _is_one(row.version, where.version)
        and _is_one(row.label, where.label)
        and _is_one(head.state, where.state)
        and _is_one(head.status, where.status)
        and _is_one(head.outcome, where.outcome)
        and _within(row.started_at, where.started_from, where.started_before)
        and _within(head.since, where.since_from, where.since_before)
        and (not where.by_due or _is_due(head, where))
        and (where.waiting_in is None or _waits(row, where.waiting_in))
        and (where.reason is None or any(text in (head.reason or "") for text in any_of(where.reason) or ()))
    )


def _is_one(value: Any, wanted: OneOf[Any]) -> bool:
    values = any_of(wanted)
    return values is None or value in values


def _within(at: Instant, first: Instant | None, before: Instant | None) -> bool:
    return (first is None or at >= first) and (before is None or at < before)


def _is_due(head: Head, where: RunFilter) -> bool:
    at = head.wake_at if head.status == "waiting" else None
    return at is not None and _within(at, where.due_from, where.due_before)


def _waits(row: RunRow, places: tuple[Place, ...]) -> bool:
    return row.head.status == "waiting" and Place(row.name, row.version, row.head.state) in places
