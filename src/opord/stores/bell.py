"""How a store tells another process that it has made work: a bell that rings after the write.

A ring is a hint. It may be lost, and may come without need, so whoever listens also looks at the
store now and then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from opord.kernel.rows import Start, Write, has_ended
from opord.values.types import Duration, Instant

Ring: TypeAlias = Literal["work", "end"]
"""What a bell rings for.

- `work`: a run is due or soon will be, or it got a message.
- `end`: a run has ended.
"""

SOON_US: Final = Duration(2_000_000)
"""A bell rings for runs that are due within this time, in microseconds; looks find later ones."""


class Bell(Protocol):
    """Rings in this process when another handle has made work, or has ended a run."""

    def fileno(self) -> int:
        """Return a descriptor that can be read once the bell has rung."""
        ...

    def heard(self) -> None:
        """Take in all rings so far. It never waits."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...


class Rings(NamedTuple):
    """What to ring for after a write."""

    work: bool = False
    end: bool = False

    def __bool__(self) -> bool:
        return self.work or self.end


def rings_for(changes: Iterable[Start | Write], now: Instant) -> Rings:
    """Say what to ring for after changes.

    A step of a run that its worker holds rings for nothing: nobody else can go on with it.
    """
    work = end = False
    for change in changes:
        if type(change) is Write:
            head = change.head
            work = work or bool(change.put)
        else:
            head = change.row.head  # type: ignore[union-attr]
        if head is None or head.worker is not None:
            continue
        if has_ended(head.status):
            end = True
        elif head.wake_at is not None and head.wake_at <= now + SOON_US:
            work = True
    return Rings(work, end)
