"""Words that findings share: names in a row, and where to point when the exact place is not known."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from opord.contract import Place

FEW = 20
"""A row of more names is cut: nobody reads more of them in a sentence."""
_STATES_MAX = 40
WAYS_SHOWN_MAX = 50
"""So many findings of a rule show the way through the states that leads to them."""
LABELS_MAX = 10
"""So many other places are worth seeing beside a finding."""


def quoted(names: Iterable[str], last: str = "and") -> str:
    """Write names in a row: "`A`, `B` and `C`"; a very long one ends in "others"."""
    words = [f"`{name}`" for name in islice(names, FEW + 1)]
    if len(words) > FEW:
        words[FEW] = "others"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def known(place: Place, otherwise: Place) -> Place:
    """Return `place`, or `otherwise` where it stands nowhere."""
    return place if place.line else otherwise


def way(states: Iterable[str]) -> str:
    """Write a way through states: "`Charging` → `Charged`"; of a very long one the start and the end."""
    names = [f"`{name}`" for name in states]
    if len(names) > _STATES_MAX:
        names[_STATES_MAX - 1 : -1] = [f"… {len(names) - _STATES_MAX} more …"]
    return " → ".join(names)


def first_of(places: set[Place | None]) -> set[Place | None]:
    """Let the first of several places in a file stand for all; that there may be none is kept."""
    if len(places) < 2:
        return places
    first = min((place for place in places if place is not None), key=lambda each: (each.line, each.column))
    return {None, first} if None in places else {first}
