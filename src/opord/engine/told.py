"""Remember what this process has told, so that nothing is told twice."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from opord.kernel.open_needs import OpenNeed

TOLD_KEPT: Final = 10_000
"""Number of things that are remembered. Beyond it the oldest is forgotten."""


class Told:
    """The things that were told, the newest of them."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[object, ...], None] = OrderedDict()

    def is_new(self, *mark: object) -> bool:
        """Say whether a thing was not told before, and remember that it is told."""
        new = mark not in self._told
        self._told[mark] = None
        self._told.move_to_end(mark)
        if len(self._told) > TOLD_KEPT:
            self._told.popitem(last=False)
        return new


class ToldNeeds:
    """The needs that were told."""

    def __init__(self) -> None:
        self._told = Told()

    def is_new(self, need: OpenNeed) -> bool:
        """Say whether a need was not told before, and remember that it is told."""
        return self._told.is_new(need.run, need.reason, need.since, need.call, need.key, need.attempt)
