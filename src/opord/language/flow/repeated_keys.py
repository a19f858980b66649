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
from typing import NamedTuple

from opord.contract import Action, CallSite, Contract, Expr, Hole
from opord.language.flow.arrivals import Arrivals, Needed
from opord.language.flow.carried import (
    CHANGED,
    KnownFields,
    StepValues,
    carried,
    facts_left,
    has_changed,
)
from opord.language.flow.changes import Changes, changes_along
from opord.language.flow.graph import Graph
from opord.language.flow.handed import HANDED_MAX, CommitEnd, HandedMove, HandedMoves, KeyUse, key_value
from opord.language.flow.value_flow import CopiedField, Value

# Short ways are tried first. Searches end together after this number of moves.
_MOVES_MAX = 15_000


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
    search = _Search(graph, again)
    for action in again:
        if action.key is not None and action.key.expr is not None:
            for ways in search.of(action):
                yield action, action.key.expr, ways


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


class _Start(NamedTuple):
    """A commit after which a key is used: what is known before it, and how it can have ended."""

    state: str
    at: KnownFields
    move: HandedMove
    ends: tuple[CommitEnd, ...]


class _Second(NamedTuple):
    """A commit under the same key, and the moves that led to it."""

    end: CommitEnd
    way: tuple[tuple[str, HandedMove], ...]
    site: CallSite

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(state for state, _ in self.way)

    @property
    def place(self) -> tuple[str, int]:
        """What is reported once: the state, or a commit that the states of a phase share."""
        state, move = self.way[-1]
        return ("", id(self.site)) if move.moment.shared else (state, 0)


class _Search:
    """Searches for the actions that a run can commit again, with what they have in common."""

    def __init__(self, graph: Graph, actions: list[Action]) -> None:
        self.graph = graph
        self.moves = HandedMoves(graph)
        self.moves_left = _MOVES_MAX
        self._sources: dict[str, set[str]] = {action.name: set() for action in actions}
        for edge in graph.edges:
            for commit in edge.commits:
                if commit.name in self._sources:
                    self._sources[commit.name].add(edge.source)
        leading = graph.leading_to(state for states in self._sources.values() for state in states)
        self.needed = Needed(graph, self.moves, leading, {action.name: action for action in actions})
        self._arrivals = Arrivals(graph, self.moves, leading, self.needed)

    def of(self, action: Action) -> Iterator[list[RepeatedKey]]:
        """Yield the repeated keys of one action, those of one state together."""
        leading = self.graph.leading_to(self._sources[action.name])
        shortest: dict[tuple[str, int], dict[KeyUse, _Second]] = {}
        for start in self._starts(action):
            for second in _Ways(self, action, start, leading):
                by_how = shortest.setdefault(second.place, {})
                best = by_how.get(second.end.how)
                if best is None or len(second.way) < len(best.way):
                    by_how[second.end.how] = second
        for by_how in shortest.values():
            seconds = sorted(by_how.values(), key=lambda each: (len(each.way), each.end.how))
            yield [self._repeated(action, each) for each in seconds]

    def _starts(self, action: Action) -> Iterator[_Start]:
        for state in self.graph.contract.states:
            if state.name in self._sources[action.name]:
                for at in self._arrivals.of(state):
                    for move in self.moves.of(state):
                        for ends in _ends_of(action, move):
                            yield _Start(state.name, at, move, ends)

    def _repeated(self, action: Action, second: _Second) -> RepeatedKey:
        changes = changes_along(self.graph, action, second.end.site, second.way, second.site)
        return RepeatedKey(second.end, second.states, changes)


def _ends_of(action: Action, move: HandedMove) -> Iterator[tuple[CommitEnd, ...]]:
    """Yield the ends of an action after which its key is used, those of one commit together."""
    by_site: dict[int, list[CommitEnd]] = {}
    for end in move.ends:
        if end is not None and end.site.name == action.name and end.how != "open":
            by_site.setdefault(id(end.site), []).append(end)
    yield from map(tuple, by_site.values())


@dataclass(frozen=True, slots=True)
class _Node:
    """A place on a way: a state, what is known there, and the moves before it.

    `late`: on the way to it, the other side has surely forgotten the key.
    """

    state: str
    at: KnownFields
    late: bool = False
    before: _Node | None = field(compare=False, default=None)
    move: HandedMove | None = field(compare=False, default=None)

    def way(self) -> list[tuple[str, HandedMove]]:
        """Return the moves to this place, each with the state that it leaves."""
        moves = []
        node = self
        while node.before is not None and node.move is not None:
            moves.append((node.before.state, node.move))
            node = node.before
        return moves[::-1]


class _Ways:
    """The ways from one commit on, short ones first, to the commits under its key."""

    def __init__(self, search: _Search, action: Action, start: _Start, leading: set[str]) -> None:
        self._search = search
        self._action = action
        self._start = start
        self._leading = leading
        self._window = action.key.window if action.key is not None else None

    def __iter__(self) -> Iterator[_Second]:
        search, start = self._search, self._start
        calling = start.move.calling(start.ends[0].site)
        step = StepValues(_begun(start.at), first=True)
        if not step.meets((*start.move.requirements, *calling.requirements)):
            return
        key = step.value(key_value(self._action, calling.args))
        node = None if has_changed(key) else self._after(_Node(start.state, start.at), start.move, step, key)
        waiting = deque([node] if node is not None else [])
        seen = set(waiting)
        while waiting:
            node = waiting.popleft()
            for move in search.moves.of(search.graph.states[node.state]):
                if search.moves_left <= 0:
                    return
                search.moves_left -= 1
                same = [end for end in move.ends if end is not None and self._has_key(key, node, move, end)]
                if same:
                    yield from self._seconds(node, move, same[0].site)
                step = StepValues(node.at, first=False)
                if len(same) < len(move.ends) and step.meets(move.requirements):
                    late = node.late or self._is_late(move)
                    then = self._after(node, move, step, key, late=late)
                    if then is not None and then not in seen:
                        seen.add(then)
                        waiting.append(then)

    def _after(
        self, node: _Node, move: HandedMove, step: StepValues, key: Value, *, late: bool = False
    ) -> _Node | None:
        """Return the place after a move, if a commit of the action can follow."""
        target = move.goto.state
        if target not in self._leading:
            return None
        needed = self._search.needed
        fields = tuple(
            (name, carried(step.value(move.values.get(name, CHANGED)))) for name in needed.fields[target]
        )
        facts = facts_left(step.known, [key, *(value for _, value in fields)], needed.inputs[target])
        return _Node(target, KnownFields(fields, facts), late, node, move)

    def _has_key(self, key: Value, node: _Node, move: HandedMove, end: CommitEnd) -> bool:
        """Say whether a move commits the action under the key."""
        if end.site.name != self._action.name:
            return False
        calling = move.calling(end.site)
        step = StepValues(node.at, first=False)
        if not step.meets(calling.requirements):
            return False
        return step.value(key_value(self._action, calling.args)) == step.proves(key)

    def _seconds(self, node: _Node, move: HandedMove, site: CallSite) -> Iterator[_Second]:
        """Yield the commit of a move for each end of the first one that leaves the key used."""
        late = node.late or self._is_late(move)
        for end in self._start.ends:
            if end.how == "done" or not late:
                yield _Second(end, (*node.way(), (node.state, move)), site)

    def _is_late(self, move: HandedMove) -> bool:
        return self._window is not None and move.waited >= self._window


def _begun(at: KnownFields) -> KnownFields:
    """Return where a path begins: what is not known of a field is the value of that field."""
    return KnownFields(
        tuple((name, CopiedField(name) if has_changed(value) else value) for name, value in at.fields)
    )
