"""Define the events: what may come in, and the roles of those who may send it."""

from __future__ import annotations

from dataclasses import dataclass

from opord.contract.data import Field
from opord.contract.expressions import Expr
from opord.contract.places import Place, undocumented, unplaced


@dataclass(frozen=True, slots=True)
class Role:
    """One of `role manager, warehouse`."""

    name: str
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Event:
    """`event name(params) [by roles] [key expr] [keep]`. Without roles, anyone may send it.

    The built-in `cancel(reason: str)` is always kept. It is in a contract's events if a handler
    takes it or if it is declared.
    """

    name: str
    params: tuple[Field, ...]
    roles: tuple[str, ...] = ()
    key: Expr | None = None
    keep: bool = False
    doc: str = undocumented()
    place: Place = unplaced()
