"""The crash points. In production no function listens to them and they cost nothing.

A test gives the engine a function that is called with the point's name and the run. The function
may raise, kill the process, or wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from opord.values.types import RunId

Point: TypeAlias = Literal[
    "before start",
    "start written",
    "claimed",
    "step begins",
    "before intent",
    "intent written",
    "call answered",
    "transaction begun",
    "before outcome",
    "outcome written",
    "before event",
    "event written",
    "timer fires",
    "doubt written",
    "check answered",
    "parked",
    "before attempt",
    "before evidence",
]

Hook: TypeAlias = Callable[[Point, RunId], None]


def nothing(point: Point, run: RunId) -> None:
    """Do nothing. Production uses this hook."""
