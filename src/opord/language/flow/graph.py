"""Build the state graph of a contract: every move between states, with its commits.

A state has moments: its body, its handlers, its timers, and those it shares with its phase. Each
moment is one step. The graph has one edge for every `goto` of a step and every combination of
commits before it. It is built from the statements as written, also in a contract with errors: a
`goto` to an unknown state has no edge, and a call of an unknown name is ignored.

Between the intent of a commit and its `goto`, nothing else moves a run. Before the intent, a shared
handler of the phase may take the event while the state acts. So the edges of shared handlers start
at every state of the phase. They carry no commits of the body that the handler interrupted.
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
from opord.language.flow.calls import CallEnding, DeclaredCalls
from opord.language.flow.components import components
from opord.language.flow.walk import follow
from opord.statements import gotos

# Every move and every combination of commits costs the rules time and memory. The largest contracts
# that people write have a tenth of this number. Without a limit, a small file could block a deploy
# gate.
MOVES_MAX = 300_000
# Up to this number of combinations of commits, a step that commits twice keeps its last two
# commits.
_SITES_MAX = 100


@dataclass(frozen=True)
class Moment:
    """One step of a state: its body (without handler), or the handler of an event or a timer."""

    handler: EventHandler | Timer | None
    body: Block
    shared: bool = False

    @cached_property
    def gotos(self) -> list[Goto]:
        """The `goto`s of this step, from top to bottom."""
        return list(gotos(self.body))


@dataclass(frozen=True, slots=True, eq=False)
class Committed:
    """A commit on a path, and how it ended.

    Commits at two places of the text are always two commits, even if they are equal.
    """

    site: CallSite
    ending: CallEnding

    @property
    def name(self) -> str:
        """The name of the action."""
        return self.site.name

    @property
    def may(self) -> bool:
        """Say whether the action may have taken effect."""
        return self.ending != "failed"


@dataclass(frozen=True, slots=True)
class Edge:
    """One move: a state, one of its moments, a `goto`, and the commits before the `goto`."""

    source: str
    target: str
    goto: Goto
    moment: Moment
    commits: tuple[Committed, ...]

    @property
    def by_itself(self) -> bool:
        """Say whether a run takes this move without an event: its state acts, or a timer fires."""
        return not isinstance(self.moment.handler, EventHandler)


class TooManyMoves(Exception):
    """The contract has more than `MOVES_MAX` moves, so its states cannot be analysed."""

    def __init__(self, place: Place) -> None:
        self.place = place
        super().__init__(f"more than {MOVES_MAX} moves, at line {place.line}")


class Graph:
    """The states of a contract and the moves between them."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.calls: DeclaredCalls = DeclaredCalls(contract)
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
        """Refuse a contract whose phases share too many steps to list them."""
        budget = MOVES_MAX
        for state in self.contract.states:
            budget -= len(self._shared.get(state.phase or "", ()))
            if budget < 0:
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
        """Return the declaration of a variant, or None if there is none."""
        return self._variant.get((ref.type, ref.variant))

    def moments(self, state: State) -> list[Moment]:
        """List the steps of a state: body, handlers, timers, then the shared ones.

        Raises:
            TooManyMoves: the phases share too many steps to list those of all states.
        """
        return self._moments[state.name]

    @cached_property
    def steps(self) -> list[Moment]:
        """Every step of the contract, once each: those of the states, then the shared ones."""
        steps = [step for state in self.contract.states for step in self._own[state.name]]
        for phase in self.contract.phases:
            steps += self.shared_steps(phase)
        return steps

    def shares(self, state: State, step: Moment) -> bool:
        """Say whether no own handler of `state` replaces a shared step of its phase."""
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
            TooManyMoves: there are more than `MOVES_MAX` moves.
        """
        if self.overgrown is not None:
            raise self.overgrown
        ways_out: dict[int, list[tuple[Goto, tuple[Committed, ...]]]] = {}
        edges = []
        for state in self.contract.states:
            for moment in self._moments[state.name]:
                key = id(moment.handler or moment.body)
                if key not in ways_out:
                    ways_out[key] = self._ways_out(moment.body, state)
                self._spend(len(ways_out[key]), state)
                for goto, commits in ways_out[key]:
                    if goto.state in self.states:
                        edges.append(Edge(state.name, goto.state, goto, moment, commits))
        return edges

    @property
    def whole(self) -> bool:
        """Say whether `edges` works. If it does not, it raises `TooManyMoves`."""
        try:
            return len(self.edges) >= 0
        except TooManyMoves:
            return False

    def refuse(self, place: Place) -> NoReturn:
        """Stop the analysis, because some decision about this graph takes too long.

        A finding reports it at `place`.

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
        """List the `goto`s of a step, each with every combination of commits before it.

        A correct step commits once. A path that commits more often is reported by a finding; only
        its last commits are kept, so that the work stays limited.
        """
        ways: list[tuple[Goto, tuple[Committed, ...]]] = []
        chains: dict[tuple[tuple[int, CallEnding], ...], tuple[Committed, ...]] = {}

        def on_call(
            before: tuple[Committed, ...], site: CallSite, ending: CallEnding
        ) -> tuple[Committed, ...]:
            if self.calls.action(site.name) is None:
                return before
            chain = before[-1:] if len(chains) < _SITES_MAX else ()
            self._spend(1, state)
            key = (*((id(each.site), each.ending) for each in chain), (id(site), ending))
            return chains.setdefault(key, (*chain, Committed(site, ending)))

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
        edges: dict[str, list[Edge]] = {name: [] for name in self.states}
        for edge in self.edges:
            edges[edge.source].append(edge)
        return edges

    @cached_property
    def incoming(self) -> dict[str, list[Edge]]:
        """The moves that enter each state."""
        edges: dict[str, list[Edge]] = {name: [] for name in self.states}
        for edge in self.edges:
            edges[edge.target].append(edge)
        return edges

    @cached_property
    def successors(self) -> dict[str, list[str]]:
        """The states that directly follow each state, without duplicates."""
        return {
            name: list(dict.fromkeys(edge.target for edge in edges)) for name, edges in self.outgoing.items()
        }

    @cached_property
    def reachable(self) -> set[str]:
        """The states that a run can reach from an initial state."""
        return _closure((state.name for state in self.contract.states if state.initial), self.successors)

    @cached_property
    def can_end(self) -> set[str]:
        """The states from which a run can reach a final state."""
        return self.leading_to(state.name for state in self.contract.states if state.kind == "final")

    def leading_to(self, goals: Iterable[str]) -> set[str]:
        """Return the states from which a run can reach one of `goals`, and the goals themselves."""
        return _closure(goals, self._predecessors)

    @cached_property
    def _predecessors(self) -> dict[str, list[str]]:
        return {
            name: list(dict.fromkeys(edge.source for edge in edges)) for name, edges in self.incoming.items()
        }

    @cached_property
    def component(self) -> dict[str, int]:
        """The number of each state's cycle.

        Two states have the same number if each can reach the other.
        """
        return components(self.successors)

    def bits(self, start: dict[str, int], across: Callable[[Edge, int], int]) -> dict[str, int]:
        """Carry sets of bits along every path until nothing is added.

        Return the possible bits by state.

        `across` returns the bits after an edge, given the bits before it. It may clear bits and set
        others, but each bit must be independent of the rest.
        """
        bits_at = {name: start.get(name, 0) for name in self.states}
        waiting = deque(self.states)
        queued = set(self.states)
        while waiting:
            name = waiting.popleft()
            queued.discard(name)
            for edge in self.outgoing[name]:
                more = bits_at[edge.target] | across(edge, bits_at[name])
                if more != bits_at[edge.target]:
                    bits_at[edge.target] = more
                    if edge.target not in queued:
                        queued.add(edge.target)
                        waiting.append(edge.target)
        return bits_at

    def way(self, start: str, goal: str, allowed: Callable[[Edge], bool] = lambda _: True) -> list[str]:
        """Return the states of a shortest way from `start` to `goal`, both included.

        Empty if none exists.
        """
        return along(self.next_towards(goal, allowed, {start}), start)

    def next_towards(
        self, goal: str, allowed: Callable[[Edge], bool] = lambda _: True, until: Container[str] = ()
    ) -> dict[str, str | None]:
        """Map each state that can reach `goal` to the next state on a shortest way to it.

        The goal itself has None. The search ends at the first state of `until` that it finds; this
        state is then the last of the result.
        """
        next_states: dict[str, str | None] = {goal: None}
        waiting = deque([goal])
        last = goal
        while waiting and last not in until:
            name = waiting.popleft()
            for edge in self.incoming[name]:
                if edge.source not in next_states and allowed(edge):
                    next_states[edge.source] = name
                    waiting.append(edge.source)
                    last = edge.source
                    if last in until:
                        break
        return next_states


def along(next_state: dict[str, str | None], start: str) -> list[str]:
    """Return the way from `start` that `Graph.next_towards` found; empty if there is none."""
    way: list[str] = []
    name: str | None = start if start in next_state else None
    while name is not None:
        way.append(name)
        name = next_state[name]
    return way


def _own_steps(state: State) -> list[Moment]:
    steps = [Moment(None, state.body)] if state.body else []
    steps += [Moment(handler, handler.body) for handler in state.handlers]
    steps += [Moment(timer, timer.body) for timer in state.timers]
    return steps


def _shared_by(phase: Phase) -> list[Moment]:
    steps = [Moment(handler, handler.body, True) for handler in phase.handlers]
    steps += [Moment(timer, timer.body, True) for timer in phase.timers]
    return steps


def _commits_order(commits: tuple[Committed, ...]) -> tuple[tuple[int, int, str], ...]:
    return tuple((each.site.place.line, each.site.place.column, each.ending) for each in commits)


def _closure(start: Iterable[str], successors: dict[str, list[str]]) -> set[str]:
    reached_names = set(start)
    waiting = list(reached_names)
    while waiting:
        for target in successors[waiting.pop()]:
            if target not in reached_names:
                reached_names.add(target)
                waiting.append(target)
    return reached_names
