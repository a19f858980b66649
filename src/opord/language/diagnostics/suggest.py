"""Find similar names for "did you mean" suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PREFIX_MIN: Final = 3
"""Minimum length of a beginning that tells which name is meant."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the known name that `name` probably means, or None if none is similar enough.

    A name is similar if at most a third of its letters must change. A different letter case costs
    nothing, because it is the most common mistake. If no name is similar, one that goes on where
    `name` ends, or ends where `name` goes on, is meant: `Fail` for `Failed`.
    """
    names = list(names)
    best, best_distance = None, max(len(name), 3) // 3 + 1
    plain = folded(name)
    for candidate in names:
        if candidate == name or abs(len(candidate) - len(name)) >= best_distance + 2:
            continue
        distance = _distance(plain, folded(candidate), best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    if best is not None or len(plain) < PREFIX_MIN:
        return best
    longer = [one for one in names if _begins(folded(one), plain)]
    return longer[0] if len(longer) == 1 else None


def _begins(one: str, other: str) -> bool:
    """Say whether one of two different names begins with the other, which is not very short."""
    short, long = sorted((one, other), key=len)
    return one != other and len(short) >= PREFIX_MIN and long.startswith(short)


def surely_meant(name: str, near: str, names: Iterable[str]) -> bool:
    """Say whether `near` is one typing mistake away from `name`, and no other name is.

    Short names are never certain: one letter is half of `id` or `ad`.
    """
    plain = folded(name)
    if len(plain) < 4 or _distance(plain, folded(near), 2) > 1:
        return plain == folded(near) and sum(folded(each) == plain for each in names) == 1
    return all(each == near or _distance(plain, folded(each), 3) > 1 for each in names)


def folded(name: str) -> str:
    """Return a name in lower case without `_`: equal for all letter cases of a name."""
    return name.replace("_", "").lower()


def _distance(a: str, b: str, limit: int) -> int:
    """Return the edit distance from `a` to `b`; stop counting once it must reach `limit`.

    Insertions, deletions, changes and swaps of neighbours count one each.
    """
    if a == b:
        return 0
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row, older = row, [i], before
        for j, y in enumerate(b, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
        before = previous
    return row[-1]
