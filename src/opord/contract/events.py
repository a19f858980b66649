"""Define the events: what may come in, and the roles of those who may send it."""

from __future__ import annotations

from dataclasses import dataclass

from opord.contract.data import Field
from opord.contract.expressions import Attribute, Expr, Var
from opord.contract.places import Place, undocumented, unplaced


@dataclass(frozen=True, slots=True)
class Role:
    """One of `role manager, warehouse`."""

    name: str
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Except:
    """A path after `except`, to a text or a list of texts: who may not send an event.

    It begins at the input, or at a field that every state has which handles the event.
    """

    path: Expr
    place: Place = unplaced()

    @property
    def text(self) -> str:
        """The path as the contract writes it, such as `expense.employee`."""
        names: list[str] = []
        part = self.path
        while isinstance(part, Attribute):
            names.append(part.name)
            part = part.of
        return ".".join([part.name if isinstance(part, Var) else "…", *reversed(names)])

    @property
    def of_state(self) -> bool:
        """Whether the path begins at a field of the state."""
        part = self.path
        while isinstance(part, Attribute):
            part = part.of
        return isinstance(part, Var) and part.origin == "field"


@dataclass(frozen=True, slots=True)
class Event:
    """`event name(params) [by roles] [except paths] [key expr] [keep]`.

    Without roles, anyone may send it.

    The built-in `cancel(reason: str)` is always kept. It is in a contract's events if a handler
    takes it or if it is declared.
    """

    name: str
    params: tuple[Field, ...]
    roles: tuple[str, ...] = ()
    key: Expr | None = None
    keep: bool = False
    excepts: tuple[Except, ...] = ()
    doc: str = undocumented()
    place: Place = unplaced()

    @property
    def senders(self) -> str:
        """Who may send it, as the contract writes it; empty if anyone may."""
        by = f"by {' | '.join(self.roles)}" if self.roles else ""
        but = f"except {', '.join(each.text for each in self.excepts)}" if self.excepts else ""
        return f"{by} {but}".strip()
