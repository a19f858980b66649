"""Define the whole of a contract: its header and all its declarations."""

from __future__ import annotations

from dataclasses import dataclass, field

from opord.contract.calls import Action, Effect, Pure
from opord.contract.data import Enum, Failure, Field, RecordType
from opord.contract.events import Event, Role
from opord.contract.expressions import Expr
from opord.contract.places import Place, undocumented, unplaced
from opord.contract.promises import Promise
from opord.contract.states import EventHandler, Phase, State


@dataclass(frozen=True, slots=True)
class Taken:
    """A name in a `use` line: a type of another file, and its place in this file."""

    name: str
    path: str
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Requirement:
    """`require condition else text`: what the input of a start has to fit.

    Both use the input alone. A start that does not fit is refused with the text.
    """

    condition: Expr
    text: Expr
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Contract:
    """One checked workflow.

    All declarations are in the order of the file, those of used files first.
    """

    name: str
    version: int
    params: tuple[Field, ...]
    key: Expr | None
    requirements: tuple[Requirement, ...] = ()
    records: tuple[RecordType, ...] = ()
    enums: tuple[Enum, ...] = ()
    failures: tuple[Failure, ...] = ()
    roles: tuple[Role, ...] = ()
    events: tuple[Event, ...] = ()
    pures: tuple[Pure, ...] = ()
    effects: tuple[Effect, ...] = ()
    actions: tuple[Action, ...] = ()
    states: tuple[State, ...] = ()
    phases: tuple[Phase, ...] = ()
    promises: tuple[Promise, ...] = ()
    taken: tuple[Taken, ...] = field(default=(), compare=False, repr=False)
    doc: str = undocumented()
    place: Place = unplaced()

    def state(self, name: str) -> State:
        """Return the state `name`.

        Raises:
            KeyError: there is no such state.
        """
        for state in self.states:
            if state.name == name:
                return state
        raise KeyError(name)

    def phase_of(self, state: State) -> Phase | None:
        """Return the phase that contains `state`."""
        return next((phase for phase in self.phases if phase.name == state.phase), None)

    def handling(self, event: str) -> tuple[State, ...]:
        """Return the states that handle an event, by a handler of their own or of their phase."""
        return tuple(
            state
            for state in self.states
            if any(handler.event == event for handler in self.handlers_of(state))
        )

    def handlers_of(self, state: State) -> tuple[EventHandler, ...]:
        """Return the event handlers in force in `state`: its own, then the shared ones.

        A shared handler is left out if the state has its own handler for the event.
        """
        phase = self.phase_of(state)
        if phase is None:
            return state.handlers
        own = {handler.event for handler in state.handlers}
        return state.handlers + tuple(shared for shared in phase.handlers if shared.event not in own)
