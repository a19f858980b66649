"""Where a finding points when the exact place is not known, or there are several."""

from __future__ import annotations

from opord.contract import Place


def known_place(place: Place, otherwise: Place) -> Place:
    """Return `place`, or `otherwise` where it stands nowhere."""
    return place if place.line else otherwise


def first_place(places: set[Place | None]) -> set[Place | None]:
    """Let the first of several places in a file stand for all; that there may be none is kept."""
    if len(places) < 2:
        return places
    first = min((place for place in places if place is not None), key=lambda each: (each.line, each.column))
    return {None, first} if None in places else {first}
