"""Find commits that come again under a key that an earlier commit of the run has had.

A search begins at each commit of an action that may come again. It follows the moves of a run from
there, and expresses the key of each later commit by the values of the first one (`carried.py`). The
keys are the same if they are made of the same values in the same way. So a key that reads something
that was assigned on the way counts as another key, whatever was assigned, unless both values are
known.

Conditions are followed as far as they are known: a flag that was set, a case that was matched. What
is known when a run comes to the first commit is found before (`arrivals.py`): the literals and the
input that the fields of a state can have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from opord.contract import Action, CallSite, Contract, Expr, Hole
from opord.language.flow.arrivals import Arrivals, Needed
from opord.language.flow.carried import (
    CHANGED,
    KnownFields,
    StepValues,
    carried,
    facts_left,
    has_changed,
    own_atoms,
)
from opord.language.flow.changes import Changes, changes_along
from opord.language.flow.graph import Graph
from opord.language.flow.handed import (
    HANDED_MAX,
    CommitEnd,
    HandedMove,
    HandedMoves,
    KeyUse,
    Work,
    cost_of,
    followed,
    key_value,
)
from opord.language.flow.value_flow import CopiedField, Value, fields_of

# All searches together take no more work than this. Short ways are tried first.
_WORK_MAX = 600_000
# On a longer way, nothing is said about what changes.
_WAY_MAX = 50

_Sources: TypeAlias = dict[str, set[str]]
"""The states that commit each action, by its name."""


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """A commit of an action under the key of an earlier one.

    `first` is that earlier commit and how it ended; `states` lead from its state to the present
    one, and `changes` is what differs there.
    """

    first: CommitEnd
    states: tuple[str, ...]
    changes: Changes


def repeated_keys(contract: Contract, graph: Graph) -> Iterator[tuple[Action, Expr, list[RepeatedKey]]]:
    """Yield the commits that can come under a used key, with the action and its key.

    Those of one action and state are one list. It has an entry for each way in which the earlier
    commit can have ended, taken effect or refused; the shortest way comes first.
    """
    actions = [action for action in contract.actions if _has_own_key(action)]
    again = _committed_again(graph, actions)
    if not again or len(graph.edges) > HANDED_MAX:
        return
    sources = _sources_of(graph, again)
    moves = HandedMoves(graph)
    work = Work(_WORK_MAX)
    groups = _groups(graph, moves, again, sources)
    for index, group in enumerate(groups):
        work.divide(len(groups) - index)
        if not work.spend(len(graph.states)):
            return
        search = _Search(graph, moves, group, sources, work)
        for action in group:
            if action.key is not None and action.key.expr is not None:
                for ways in search.of(action):
                    yield action, action.key.expr, ways


def _sources_of(graph: Graph, actions: list[Action]) -> _Sources:
    sources: _Sources = {action.name: set() for action in actions}
    for edge in graph.edges:
        for commit in edge.commits:
            if commit.name in sources:
                sources[commit.name].add(edge.source)
    return sources


def _groups(graph: Graph, moves: HandedMoves, actions: list[Action], sources: _Sources) -> list[list[Action]]:
    """Put the actions together whose keys read no field of a state; the others are alone."""
    reading = {
        action.name
        for action in actions
        for state in sources[action.name]
        for move in moves.of(graph.states[state])
        for end in move.ends
        if end is not None and end.site.name == action.name
        if fields_of(key_value(action, move.calling(end.site).args))
    }
    together = [action for action in actions if action.name not in reading]
    return [*([together] if together else []), *([each] for each in actions if each.name in reading)]


def _has_own_key(action: Action) -> bool:
    return action.key is not None and action.key.expr is not None and not isinstance(action.key.expr, Hole)


def _committed_again(graph: Graph, actions: list[Action]) -> list[Action]:
    """List the actions that a run can commit again, whatever their keys."""
    bit = {action.name: 1 << index for index, action in enumerate(actions)}
    committed = {
        id(edge): sum({bit.get(commit.name, 0) for commit in edge.commits})
        for edge in graph.edges
        if edge.commits
    }
    before = graph.bits({}, lambda edge, bits: bits | committed.get(id(edge), 0))
    again = 0
    for edge in graph.edges:
        again |= before[edge.source] & committed.get(id(edge), 0)
    return [action for action in actions if bit[action.name] & again]


@dataclass(slots=True, eq=False)
class _Place:
    """A state, what is known there, and where its moves lead, once that was asked.

    Where a move leads to no place, a condition is not met, or no commit can follow. `commits` has
    the step at each commit, by the `id` of its site; None where a condition is not met.
    """

    state: str
    at: KnownFields
    hops: list[tuple[HandedMove, _Place | None]] | None = None
    commits: dict[int, StepValues | None] = field(default_factory=dict)


class _Node(NamedTuple):
    """A place on a way from a commit that ended with `end`, and the moves to it.

    `move` leaves the state `source`, in which the way was at `before`. `late`: on the way, the
    other side has surely forgotten the key.
    """

    place: _Place
    late: bool
    end: CommitEnd
    source: str
    move: HandedMove
    before: _Node | None = None
    moves: int = 1

    def way(self) -> list[tuple[str, HandedMove]]:
        """Return the moves to this place, each with the state that it leaves."""
        moves = []
        node: _Node | None = self
        while node is not None:
            moves.append((node.source, node.move))
            node = node.before
        return moves[::-1]


class _Second(NamedTuple):
    """A commit under the same key, and where the way was before it."""

    node: _Node
    move: HandedMove
    site: CallSite

    @property
    def place(self) -> tuple[str, int]:
        """What is reported once: the state, or a commit that the states of a phase share."""
        return ("", id(self.site)) if self.move.moment.shared else (self.node.place.state, 0)


class _Search:
    """A search for actions of which the same is asked: they share what is known in the states."""

    def __init__(
        self, graph: Graph, moves: HandedMoves, actions: list[Action], sources: _Sources, work: Work
    ) -> None:
        self._graph = graph
        self._moves = moves
        self._sources = sources
        self._work = work
        self._leading = graph.leading_to(state for action in actions for state in sources[action.name])
        self._needed = Needed(graph, moves, self._leading, {action.name: action for action in actions}, work)
        self._arrivals = Arrivals(graph, moves, self._leading, self._needed, work)
        self._places: dict[tuple[str, KnownFields, frozenset[Value]], _Place] = {}

    def of(self, action: Action) -> Iterator[list[RepeatedKey]]:
        """Yield the repeated keys of one action, those of one state together."""
        leading = self._graph.leading_to(self._sources[action.name])
        shortest: dict[tuple[str, int], dict[KeyUse, _Second]] = {}
        for (key, how), nodes in self._first_nodes(action, leading).items():
            for second in self._seconds(action, key, nodes, leading):
                by_how = shortest.setdefault(second.place, {})
                if how not in by_how or second.node.moves < by_how[how].node.moves:
                    by_how[how] = second
        for by_how in shortest.values():
            seconds = sorted(by_how.values(), key=lambda each: (each.node.moves, each.node.end.how))
            yield [self._repeated(action, each) for each in seconds]

    def _repeated(self, action: Action, second: _Second) -> RepeatedKey:
        end = second.node.end
        way = [*second.node.way(), (second.node.place.state, second.move)]
        short = len(way) <= _WAY_MAX
        changes = changes_along(self._graph, action, end.site, way, second.site) if short else Changes()
        return RepeatedKey(end, tuple(state for state, _ in way), changes)

    # --- From the first commit --------------------------------------------------------------------

    def _first_nodes(self, action: Action, leading: set[str]) -> dict[tuple[Value, KeyUse], list[_Node]]:
        """Return the places to which commits of an action lead, by their key and end."""
        nodes: dict[tuple[Value, KeyUse], list[_Node]] = {}
        for state in self._graph.contract.states:
            if state.name in self._sources[action.name]:
                moves = [
                    move
                    for move in self._moves.of(state)
                    if move.goto.state in leading and any(_ends_of(action, move))
                ]
                for at in map(_begun, self._arrivals.of(state)):
                    for move, step in followed(moves, StepValues(at, first=True), self._work):
                        if step is None:
                            continue
                        for end in _ends_of(action, move):
                            first = self._first(action, step, move, end)
                            if first is not None:
                                key, place = first
                                node = _Node(place, False, end, state.name, move)
                                nodes.setdefault((key, end.how), []).append(node)
        return nodes

    def _first(
        self, action: Action, step: StepValues, move: HandedMove, end: CommitEnd
    ) -> tuple[Value, _Place] | None:
        """Return the key of a commit and the place after it; None if it cannot happen so."""
        calling = move.calling(end.site)
        above = {id(condition) for condition in move.requirements}
        after: StepValues | None = step
        for condition in calling.requirements[::-1]:
            if after is not None and id(condition) not in above:
                self._work.spend(cost_of(condition.of))
                after = after.then(condition)
        if after is None:
            return None
        key = after.value(key_value(action, calling.args))
        return None if has_changed(key) else (key, self._after(move, after, key))

    # --- To the commits under its key -------------------------------------------------------------

    def _seconds(
        self, action: Action, key: Value, nodes: list[_Node], leading: set[str]
    ) -> Iterator[_Second]:
        """Yield the commits under a key to which ways from these places lead, short ones first."""
        window = action.key.window if action.key is not None else None
        waiting: deque[_Node] = deque()
        seen: set[tuple[int, bool]] = set()

        def arrive(node: _Node) -> None:
            if (id(node.place), node.late) not in seen:
                seen.add((id(node.place), node.late))
                waiting.append(node)

        for node in nodes:
            arrive(node)
        while waiting:
            node = waiting.popleft()
            for move, place in self._hops(node.place, key):
                if not self._work.spend(2):
                    return
                late = node.late or (
                    node.end.how == "refused" and window is not None and move.waited >= window
                )
                same = [end for end in move.ends if self._has_key(action, key, node.place, move, end)]
                if same and same[0] is not None and not late:
                    yield _Second(node, move, same[0].site)
                if len(same) < len(move.ends) and place is not None and place.state in leading:
                    arrive(_Node(place, late, node.end, node.place.state, move, node, node.moves + 1))

    def _has_key(
        self, action: Action, key: Value, place: _Place, move: HandedMove, end: CommitEnd | None
    ) -> bool:
        """Say whether a move from a place commits the action under the key."""
        if end is None or end.site.name != action.name:
            return False
        calling = move.calling(end.site)
        if id(end.site) not in place.commits:
            self._work.spend(sum(cost_of(condition.of) for condition in calling.requirements))
            step = StepValues(place.at, first=False)
            place.commits[id(end.site)] = step if step.meets(calling.requirements) else None
        after = place.commits[id(end.site)]
        return after is not None and after.value(key_value(action, calling.args)) == after.proves(key)

    def _hops(self, place: _Place, key: Value) -> list[tuple[HandedMove, _Place | None]]:
        """List the moves from a place, each with the place after it."""
        if place.hops is None:
            moves = [
                move
                for move in self._moves.of(self._graph.states[place.state])
                if move.goto.state in self._leading or any(move.ends)
            ]
            place.hops = [
                (
                    move,
                    None
                    if step is None or move.goto.state not in self._leading
                    else self._after(move, step, key),
                )
                for move, step in followed(moves, StepValues(place.at, first=False), self._work)
            ]
        return place.hops

    def _after(self, move: HandedMove, step: StepValues, key: Value) -> _Place:
        """Return the place after a move."""
        target = move.goto.state
        fields = tuple(
            (name, carried(step.value(move.values.get(name, CHANGED))))
            for name in self._needed.fields[target]
        )
        facts = facts_left(step.known, key, [value for _, value in fields], self._needed.topics[target])
        at = KnownFields(fields, facts)
        name = (target, at, own_atoms(key))
        if name not in self._places:
            self._places[name] = _Place(target, at)
        return self._places[name]


def _ends_of(action: Action, move: HandedMove) -> Iterator[CommitEnd]:
    """Yield the ends of an action after which its key is used, one for each commit and use."""
    seen: set[tuple[int, KeyUse]] = set()
    for end in move.ends:
        if end is not None and end.site.name == action.name and end.how != "open":
            if (id(end.site), end.how) not in seen:
                seen.add((id(end.site), end.how))
                yield end


def _begun(at: KnownFields) -> KnownFields:
    """Return where a path begins: what is not known of a field is the value of that field."""
    return KnownFields(
        tuple((name, CopiedField(name) if has_changed(value) else value) for name, value in at.fields)
    )
