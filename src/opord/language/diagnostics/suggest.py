"""Near names: what somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that is likely meant by `name`, or None if none is near enough.

    A name is near when a third of its letters at most have to change; another case costs nothing, for it is
    the commonest slip.
    """
    best, best_distance = None, max(len(name), 3) // 3 + 1
    plain = folded(name)
    for candidate in known:
        if candidate == name or abs(len(candidate) - len(name)) >= best_distance + 2:
            continue
        distance = _distance(plain, folded(candidate), best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def surely_meant(name: str, near: str, known: Iterable[str]) -> bool:
    """Say whether `name` is one slip of the hand away from `near`, and further away from all others.

    Short names are never sure: between `id` and `ad` one letter is half of the name.
    """
    plain = folded(name)
    if len(plain) < 4 or _distance(plain, folded(near), 2) > 1:
        return plain == folded(near) and sum(folded(each) == plain for each in known) == 1
    return all(each == near or _distance(plain, folded(each), 3) > 1 for each in known)


def folded(name: str) -> str:
    """Write a name so that its case makes no difference."""
    return name.replace("_", "").lower()


def _distance(a: str, b: str, limit: int) -> int:
    """Count insertions, deletions, changes and swaps of neighbours from `a` to `b`, up to `limit`."""
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
