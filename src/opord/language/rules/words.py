"""Words that findings share: names in a row, and where to point when the exact place is not known."""

from __future__ import annotations

from collections.abc import Iterable

from opord.contract import Place


def quoted(names: Iterable[str], last: str = "and") -> str:
    """Write names in a row: "`A`, `B` and `C`"."""
    words = [f"`{name}`" for name in names]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def known(place: Place, otherwise: Place) -> Place:
    """Return `place`, or `otherwise` where it stands nowhere."""
    return place if place.line else otherwise


def way(states: Iterable[str]) -> str:
    """Write a way through states: "`Charging` → `Charged`"."""
    return " → ".join(f"`{name}`" for name in states)
