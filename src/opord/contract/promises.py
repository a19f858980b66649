"""Define the promises: the `ensure` lines of a contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from opord.contract.places import Place, unplaced

PromiseKind: TypeAlias = Literal[
    "at most once", "only after", "never after", "eventually", "no wait is endless", "every run ends"
]


@dataclass(frozen=True, slots=True)
class Promise:
    """An `ensure` line.

    `subjects` are the X (the A of `at most once`), `others` the Y: names of states, actions or
    effects. `within` belongs to `every run ends`. `whole` says that every name has a
    declaration.
    """

    kind: PromiseKind
    subjects: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    within: timedelta | None = None
    whole: bool = field(default=True, compare=False, repr=False)
    place: Place = unplaced()
