"""Follow which actions a run has not taken back when it ends as a failure or cancelled.

An action is answered by an action that `undoes` it and has taken effect. Nothing else answers it:
an undoing that is in doubt or skipped does not, nor does an unrelated action.
"""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, CallSite, Skip
from opord.language.flow.graph import Edge, Graph, Moment, along
from opord.statements import call_sites


def is_asked_about(action: Action) -> bool:
    """Say whether an action needs an answer.

    It does not if it undoes another action, is `repeatable`, or is skipped in doubt.
    """
    return action.undoes is None and not action.repeatable and not isinstance(action.doubt, Skip)


class Unanswered:
    """The bad ends that a run can reach after each action, with no answer in between.

    Raises:
        TooManyMoves: the contract is too large to follow.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        contract = graph.contract
        self.actions: list[Action] = [action for action in contract.actions if is_asked_about(action)]
        self._bit = {action.name: 1 << index for index, action in enumerate(self.actions)}
        self.undoing: dict[str, list[str]] = {}
        for action in contract.actions:
            if action.undoes is not None:
                self.undoing.setdefault(action.undoes, []).append(action.name)
        self._answered = self._answered_by()
        self._unclear = {id(step.body) for step in graph.steps if _commits_a_stranger(graph, step)}
        at = graph.bits({}, self._across)
        self.bad_ends: list[str] = [
            state.name for state in contract.states if state.outcome in ("failure", "cancelled")
        ]
        self._at = {name: at[name] for name in self.bad_ends}
        self._commits: dict[str, list[Edge]] = {}
        for edge in graph.edges:
            for commit in edge.commits:
                if commit.may:
                    self._commits.setdefault(commit.name, []).append(edge)
        self._towards: dict[tuple[str, frozenset[str]], dict[str, str | None]] = {}

    @property
    def is_clear(self) -> bool:
        """Whether every step commits known actions only, so that no answer is missed."""
        return not self._unclear

    def is_committed(self, action: Action) -> bool:
        """Say whether a move commits the action in a way that may take effect."""
        return action.name in self._commits

    def ends_after(self, action: Action) -> list[str]:
        """List the bad ends that a run can reach with this action unanswered."""
        bit = self._bit.get(action.name, 0)
        return [name for name in self.bad_ends if self._at[name] & bit]

    def at_end(self, end: str) -> Iterator[Action]:
        """Yield the actions that can be unanswered at a bad end."""
        mask = self._at[end]
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            yield self.actions[lowest.bit_length() - 1]

    def commit_of(self, action: Action) -> CallSite:
        """Return a commit of the action that may take effect."""
        return _site(self._commits[action.name][0], action)

    def way(self, action: Action, end: str) -> tuple[CallSite, list[str]]:
        """Return the commit with the shortest unanswered way to a bad end, and that way."""
        undoing = frozenset(self.undoing.get(action.name, ()))
        key = (end, undoing)
        if key not in self._towards:
            self._towards[key] = self._graph.next_towards(end, lambda edge: not _commits_one(edge, undoing))
        towards = self._towards[key]
        edges = self._commits[action.name]
        ways = [
            (edge, [edge.source, *along(towards, edge.target)]) for edge in edges if edge.target in towards
        ]
        edge, states = min(ways, key=lambda each: len(each[1]), default=(edges[0], [edges[0].source, end]))
        return _site(edge, action), states

    def _answered_by(self) -> dict[str, int]:
        """Return for each undoing action the bits of the actions that it answers."""
        names = {action.name for action in self._graph.contract.actions}
        every = (1 << len(self._bit)) - 1
        # An unknown name has its own finding, and may have been meant for any action.
        return {
            action.name: self._bit.get(action.undoes, 0) if action.undoes in names else every
            for action in self._graph.contract.actions
            if action.undoes is not None
        }

    def _across(self, edge: Edge, unanswered: int) -> int:
        if id(edge.moment.body) in self._unclear:
            return 0
        for commit in edge.commits:
            if commit.ending == "ok":
                unanswered &= ~self._answered.get(commit.name, 0)
            if commit.may:
                unanswered |= self._bit.get(commit.name, 0)
        return unanswered


def _commits_a_stranger(graph: Graph, step: Moment) -> bool:
    """Say whether a step commits an unknown name.

    That name has its own finding, and may have been meant as the answer.
    """
    return any(
        site.verb == "commit" and graph.calls.get(site.name) is None for site, _ in call_sites(step.body)
    )


def _commits_one(edge: Edge, names: frozenset[str]) -> bool:
    return any(commit.ending == "ok" and commit.name in names for commit in edge.commits)


def _site(edge: Edge, action: Action) -> CallSite:
    return next(commit.site for commit in edge.commits if commit.name == action.name and commit.may)
