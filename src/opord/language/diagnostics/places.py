"""Choose the place of a finding if its exact place is unknown, or if there are several."""

from __future__ import annotations

from opord.contract import Place


def known_place(place: Place, otherwise: Place) -> Place:
    """Return `place`, or `otherwise` if `place` is `NOWHERE`."""
    return place if place.line else otherwise


def first_place(places: set[Place | None]) -> set[Place | None]:
    """Reduce several places in a file to the first one; keep None if it is present."""
    if len(places) < 2:
        return places
    first = min((place for place in places if place is not None), key=lambda each: (each.line, each.column))
    return {None, first} if None in places else {first}
