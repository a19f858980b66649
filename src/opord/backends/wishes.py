"""What somebody wishes a backend to do, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from opord.values.types import NO_TIME, Duration, Instant


@dataclass(frozen=True, slots=True)
class PruneWish:
    """Which ended runs to prune: those that ended before an instant, or longer ago than `age_us`.

    - `keep_us` is how long their keys stay taken, in microseconds.
    - `contract` is the name of their contract; None for all.
    - `limit` is the maximum number of runs, the oldest first.
    - `compact` gives the freed space back to the disk.
    """

    before: Instant | None = None
    age_us: Duration | None = None
    keep_us: Duration = NO_TIME
    contract: str | None = None
    limit: int | None = None
    compact: bool = False
