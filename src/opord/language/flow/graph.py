"""The state graph of a contract: every move from a state to a state, with what was committed on the way.

A state has moments: its body, its handlers, its timers, and those it shares with its phase. Each moment is
one step. The graph holds one edge for every `goto` in it and every way to have committed before it. It is
taken from the statements that stand there, also in a contract with errors: `goto`s to unknown states lead
nowhere, calls of unknown names tell nothing.

From a commit's intent to its `goto` nothing else moves a run; before that, a phase's shared handler may take
a state that acts. So the edges of shared handlers start at every state of the phase, and none of them
carries the commits of the body that it cut short.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from opord.contract import (
    Block,
    CallSite,
    Contract,
    EventHandler,
    Goto,
    Phase,
    Place,
    State,
    Timer,
    Variant,
    VariantRef,
)
from opord.language.flow.calls import Calls, Ending
from opord.language.flow.components import components
from opord.language.flow.walk import follow
from opord.statements import gotos

# Every move and every way to have committed costs the rules time and memory. The largest contract that people
# write has a tenth of this; beyond it a small file could stop a gate.
MOVES_MAX = 300_000
# Up to so many different ways to have committed, a step that commits twice keeps the last two commits of each.
_SITES_MAX = 100


@dataclass(frozen=True)
class Moment:
    """One step that a state can take: its body (no handler), or what an event or a timer sets off."""

    handler: EventHandler | Timer | None
    body: Block
    shared: bool = False

    @cached_property
    def gotos(self) -> list[Goto]:
        """The moves that end this step, from top to bottom."""
        return list(gotos(self.body))


@dataclass(frozen=True, slots=True, eq=False)
class Committed:
    """A commit on a path, and how it ended. Each is one object: two places in the text are two commits."""

    site: CallSite
    ending: Ending

    @property
    def name(self) -> str:
        """The action that was committed."""
        return self.site.name

    @property
    def may(self) -> bool:
        """Say whether the action may have taken effect."""
        return self.ending != "failed"


@dataclass(frozen=True, slots=True)
class Edge:
    """One move: from a state, in one of its moments, through a `goto`, with the commits made on the way."""

    source: str
    target: str
    goto: Goto
    moment: Moment
    commits: tuple[Committed, ...]


class TooManyMoves(Exception):
    """The states of a contract cannot be gone through: there are more than `MOVES_MAX` ways."""

    def __init__(self, place: Place) -> None:
        self.place = place
        super().__init__(f"more than {MOVES_MAX} moves, at line {place.line}")


class Graph:
    """The states of a contract and the moves between them."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.calls = Calls(contract)
        self._moves_left = MOVES_MAX
        self.overgrown: TooManyMoves | None = None
        self.variants: dict[str, tuple[Variant, ...]] = {enum.name: enum.variants for enum in contract.enums}
        self.variants |= {failure.name: failure.variants for failure in contract.failures}
        self._variant = {
            (type, variant.name): variant for type, variants in self.variants.items() for variant in variants
        }
        self.states: dict[str, State] = {state.name: state for state in contract.states}
        self._phases = {phase.name: phase for phase in contract.phases}
        self._shared = {phase.name: _shared_by(phase) for phase in contract.phases}
        self._own_events = {
            state.name: {handler.event for handler in state.handlers} for state in contract.states
        }
        self._own = {state.name: _own_steps(state) for state in contract.states}
        self._count_shared()

    def _count_shared(self) -> None:
        """Refuse a contract whose phases share so much that listing it alone would take too long."""
        left = MOVES_MAX
        for state in self.contract.states:
            left -= len(self._shared.get(state.phase or "", ()))
            if left < 0:
                self.overgrown = TooManyMoves(state.place)
                return

    @cached_property
    def _moments(self) -> dict[str, list[Moment]]:
        if self.overgrown is not None:
            raise self.overgrown
        return {state.name: self._moments_of(state) for state in self.contract.states}

    def _moments_of(self, state: State) -> list[Moment]:
        phase = self._phases.get(state.phase) if state.phase is not None else None
        if phase is None or state.kind == "final":
            return self._own[state.name]
        shared = self._shared[phase.name]
        return self._own[state.name] + [step for step in shared if self.shares(state, step)]

    def variant(self, ref: VariantRef) -> Variant | None:
        """Return the declaration of a variant, if there is one."""
        return self._variant.get((ref.type, ref.variant))

    def moments(self, state: State) -> list[Moment]:
        """List the steps that can be taken from a state: body, handlers, timers, then the shared ones.

        Raises:
            TooManyMoves: phases share so much that the steps of all states cannot be gone through.
        """
        return self._moments[state.name]

    @cached_property
    def steps(self) -> list[Moment]:
        """Every step of the contract, each once: those of the states, then those that phases share."""
        found = [step for state in self.contract.states for step in self._own[state.name]]
        for phase in self.contract.phases:
            found += self.shared_steps(phase)
        return found

    def shares(self, state: State, step: Moment) -> bool:
        """Say whether a step that the phase of `state` shares is in force there: no handler of its own replaces it."""
        handler = step.handler
        return not isinstance(handler, EventHandler) or handler.event not in self._own_events[state.name]

    def shared_steps(self, phase: Phase) -> list[Moment]:
        """List the steps that the states of a phase share."""
        return self._shared[phase.name]

    def timers(self, state: State) -> list[Timer]:
        """List the timers that run in a state, its own and those of its phase."""
        return [moment.handler for moment in self._moments[state.name] if isinstance(moment.handler, Timer)]

    @cached_property
    def edges(self) -> list[Edge]:
        """Every move to a declared state, in the order of the file.

        Raises:
            TooManyMoves: there are more than can be gone through.
        """
        if self.overgrown is not None:
            raise self.overgrown
        known: dict[int, list[tuple[Goto, tuple[Committed, ...]]]] = {}
        found = []
        for state in self.contract.states:
            for moment in self._moments[state.name]:
                key = id(moment.handler or moment.body)
                if key not in known:
                    known[key] = self._ways_out(moment.body, state)
                self._spend(len(known[key]), state)
                for goto, commits in known[key]:
                    if goto.state in self.states:
                        found.append(Edge(state.name, goto.state, goto, moment, commits))
        return found

    @property
    def whole(self) -> bool:
        """Say whether all moves can be gone through; where they cannot, asking for them raises `TooManyMoves`."""
        try:
            return len(self.edges) >= 0
        except TooManyMoves:
            return False

    def refuse(self, place: Place) -> NoReturn:
        """Say that something about this graph takes too long to decide; a finding tells it at `place`.

        Raises:
            TooManyMoves: always.
        """
        self.overgrown = TooManyMoves(place)
        raise self.overgrown

    def _spend(self, moves: int, state: State) -> None:
        self._moves_left -= moves
        if self._moves_left < 0:
            self.refuse(state.place)

    def _ways_out(self, block: Block, state: State) -> list[tuple[Goto, tuple[Committed, ...]]]:
        """List the `goto`s of a step, each with every commit that a path to it can have made.

        A sound step commits once. Where a path commits more often a finding says so, and its last commits
        stand for all, so that the work stays within bounds.
        """
        ways: list[tuple[Goto, tuple[Committed, ...]]] = []
        made: dict[tuple[tuple[int, Ending], ...], tuple[Committed, ...]] = {}

        def on_call(before: tuple[Committed, ...], site: CallSite, ending: Ending) -> tuple[Committed, ...]:
            if self.calls.action(site.name) is None:
                return before
            kept = before[-1:] if len(made) < _SITES_MAX else ()
            self._spend(1, state)
            key = (*((id(each.site), each.ending) for each in kept), (id(site), ending))
            return made.setdefault(key, (*kept, Committed(site, ending)))

        def on_goto(goto: Goto, facts: set[tuple[Committed, ...]]) -> None:
            self._spend(len(facts), state)
            ways.extend((goto, fact) for fact in sorted(facts, key=_commits_order))

        def join(facts: set[tuple[Committed, ...]]) -> set[tuple[Committed, ...]]:
            self._spend(len(facts) // 10, state)
            return facts

        start: set[tuple[Committed, ...]] = {()}
        follow(block, start, self.calls, on_call, on_goto, join)
        return ways

    @cached_property
    def outgoing(self) -> dict[str, list[Edge]]:
        """The moves that leave each state."""
        found: dict[str, list[Edge]] = {name: [] for name in self.states}
        for edge in self.edges:
            found[edge.source].append(edge)
        return found

    @cached_property
    def incoming(self) -> dict[str, list[Edge]]:
        """The moves that enter each state."""
        found: dict[str, list[Edge]] = {name: [] for name in self.states}
        for edge in self.edges:
            found[edge.target].append(edge)
        return found

    @cached_property
    def successors(self) -> dict[str, list[str]]:
        """The states that each state can become, each once."""
        return {
            name: list(dict.fromkeys(edge.target for edge in edges)) for name, edges in self.outgoing.items()
        }

    @cached_property
    def reachable(self) -> set[str]:
        """The states that a run can come to from an initial one."""
        return _closure((state.name for state in self.contract.states if state.initial), self.successors)

    @cached_property
    def can_end(self) -> set[str]:
        """The states from which a run can come to a final one."""
        return self.leading_to(state.name for state in self.contract.states if state.kind == "final")

    def leading_to(self, goals: Iterable[str]) -> set[str]:
        """Give the states from which a run can come to one of `goals`, these included."""
        return _closure(goals, self._predecessors)

    @cached_property
    def _predecessors(self) -> dict[str, list[str]]:
        return {
            name: list(dict.fromkeys(edge.source for edge in edges)) for name, edges in self.incoming.items()
        }

    @cached_property
    def component(self) -> dict[str, int]:
        """For each state the number of its cycle: two states have the same if each can reach the other."""
        return components(self.successors)

    def bits(self, start: dict[str, int], across: Callable[[Edge, int], int]) -> dict[str, int]:
        """Carry sets of bits along every path until nothing is added; give the bits that can stand at each state.

        `across` says which bits stand after an edge, given those before it; it may clear bits and set others,
        each independent of the rest.
        """
        known = {name: start.get(name, 0) for name in self.states}
        waiting = deque(self.states)
        queued = set(self.states)
        while waiting:
            name = waiting.popleft()
            queued.discard(name)
            for edge in self.outgoing[name]:
                more = known[edge.target] | across(edge, known[name])
                if more != known[edge.target]:
                    known[edge.target] = more
                    if edge.target not in queued:
                        queued.add(edge.target)
                        waiting.append(edge.target)
        return known

    def way(self, start: str, goal: str, allowed: Callable[[Edge], bool] = lambda _: True) -> list[str]:
        """Give the states of a shortest way from `start` to `goal`, both included; empty if there is none."""
        return along(self.next_towards(goal, allowed, {start}), start)

    def next_towards(
        self, goal: str, allowed: Callable[[Edge], bool] = lambda _: True, until: Container[str] = ()
    ) -> dict[str, str | None]:
        """Say for each state from which `goal` can be reached which state comes next on a shortest way there.

        The goal itself has None. The search ends with the first state of `until` that it finds, which is then
        the last one of the answer.
        """
        found: dict[str, str | None] = {goal: None}
        waiting = deque([goal])
        last = goal
        while waiting and last not in until:
            name = waiting.popleft()
            for edge in self.incoming[name]:
                if edge.source not in found and allowed(edge):
                    found[edge.source] = name
                    waiting.append(edge.source)
                    last = edge.source
                    if last in until:
                        break
        return found


def along(next_state: dict[str, str | None], start: str) -> list[str]:
    """Give the way from `start` that `Graph.next_towards` has found; empty if there is none."""
    found: list[str] = []
    name: str | None = start if start in next_state else None
    while name is not None:
        found.append(name)
        name = next_state[name]
    return found


def _own_steps(state: State) -> list[Moment]:
    found = [Moment(None, state.body)] if state.body else []
    found += [Moment(handler, handler.body) for handler in state.handlers]
    found += [Moment(timer, timer.body) for timer in state.timers]
    return found


def _shared_by(phase: Phase) -> list[Moment]:
    found = [Moment(handler, handler.body, True) for handler in phase.handlers]
    found += [Moment(timer, timer.body, True) for timer in phase.timers]
    return found


def _commits_order(commits: tuple[Committed, ...]) -> tuple[tuple[int, int, str], ...]:
    return tuple((each.site.place.line, each.site.place.column, each.ending) for each in commits)


def _closure(start: Iterable[str], successors: dict[str, list[str]]) -> set[str]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for target in successors[waiting.pop()]:
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found
