"""Define the states and phases, with their handlers of events and their timers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from opord.contract.data import Field
from opord.contract.expressions import Expr
from opord.contract.places import Place, undocumented, unplaced
from opord.contract.statements import Block


@dataclass(frozen=True, slots=True)
class EventHandler:
    """`on event(names) [if guard] -> …`: `names` has the bound name, or None, for each parameter.

    `ignore` is True for `on event ignore`: the event is recorded and changes nothing; `body` is
    empty then.
    """

    event: str
    names: tuple[str | None, ...]
    guard: Expr | None
    body: Block
    ignore: bool = False
    place: Place = unplaced()


TimerKind: TypeAlias = Literal["after", "at"]


@dataclass(frozen=True, slots=True)
class Timer:
    """`after duration -> …`, from the entry into the state or phase, or `at datetime -> …`."""

    kind: TimerKind
    when: Expr
    body: Block
    place: Place = unplaced()


StateKind: TypeAlias = Literal["acting", "waiting", "final"]
Outcome: TypeAlias = Literal["success", "failure", "cancelled"]


@dataclass(frozen=True, slots=True)
class State:
    """A state with its fields, its targets, and its body (acting) or handlers (waiting)."""

    name: str
    kind: StateKind
    initial: bool
    fields: tuple[Field, ...]
    targets: tuple[str, ...]
    body: Block = ()
    handlers: tuple[EventHandler, ...] = ()
    timers: tuple[Timer, ...] = ()
    phase: str | None = None
    outcome: Outcome | None = None
    target_places: tuple[Place, ...] = field(default=(), compare=False, repr=False)
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Phase:
    """A group of states with shared handlers and timers."""

    name: str
    states: tuple[str, ...]
    handlers: tuple[EventHandler, ...] = ()
    timers: tuple[Timer, ...] = ()
    doc: str = undocumented()
    place: Place = unplaced()
