"""A run that ends as failed or cancelled after an action that nothing has answered."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract, Skip
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import NamelessWord, UnreadName
from opord.language.diagnostics.wording import WAYS_SHOWN_MAX, quoted, way
from opord.language.flow.graph import Edge, Graph, Moment, along
from opord.statements import call_sites

CODE = code(
    "OP807",
    rule="unanswered",
    title="a bad end after an action that nothing answers",
    suppressed_by=(NamelessWord(("commit", "undoes")), UnreadName("of any action")),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the ends in failure or cancellation that an unanswered action can come before.

    An action is answered by one that undoes it. If no action undoes it, any later action answers
    it. The answering action must have taken effect, so a doubt answers nothing. Nor does an action
    that is `repeatable` or skipped in doubt. Those two kinds, and actions that undo, need no
    answer.
    """
    actions = [action for action in contract.actions if action.undoes is None and _counts(action)]
    bit = {action.name: 1 << index for index, action in enumerate(actions)}
    kill = _answers(contract, bit)

    lost = {id(step.body) for step in graph.steps if _commits_a_stranger(graph, step)}

    def across(edge: Edge, unanswered: int) -> int:
        if id(edge.moment.body) in lost:
            return 0
        for commit in edge.commits:
            if commit.ending == "ok":
                unanswered &= ~kill.get(commit.name, 0)
            if commit.may:
                unanswered |= bit.get(commit.name, 0)
        return unanswered

    at = graph.bits({}, across)
    bad = [state.name for state in contract.states if state.outcome in ("failure", "cancelled")]
    ways = _Ways(graph)
    count = 0
    for final in bad:
        mask = at[final]
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            count += 1
            action = actions[lowest.bit_length() - 1]
            yield _finding(graph, action, final, ways, show=count <= WAYS_SHOWN_MAX)


def _commits_a_stranger(graph: Graph, step: Moment) -> bool:
    """Say whether a step commits an unknown name.

    That name has its own finding, and may have been meant as the answer.
    """
    return any(
        site.verb == "commit" and graph.calls.get(site.name) is None for site, _ in call_sites(step.body)
    )


def _counts(action: Action) -> bool:
    return not action.repeatable and not isinstance(action.doubt, Skip)


def _answers(contract: Contract, bit: dict[str, int]) -> dict[str, int]:
    """Return for each action the bits of the actions that it answers."""
    undone = {action.undoes for action in contract.actions if action.undoes is not None}
    free = 0
    for name, mask in bit.items():
        if name not in undone:
            free |= mask
    names = {action.name for action in contract.actions}
    every = (1 << len(bit)) - 1
    masks = {}
    for action in contract.actions:
        if _counts(action):
            # An unknown name in `undoes` has its own finding, and may have been meant for any
            # action.
            lost = action.undoes is not None and action.undoes not in names
            own = every if lost else free | bit.get(action.undoes or "", 0)
            masks[action.name] = own & ~bit.get(action.name, 0)
    return masks


class _Ways:
    """Shortest ways to bad ends on which nothing answers.

    Actions that are answered by the same actions share their ways.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.undoing: dict[str, list[str]] = {}
        for action in graph.contract.actions:
            if action.undoes is not None:
                self.undoing.setdefault(action.undoes, []).append(action.name)
        self._known: dict[tuple[str, frozenset[str]], dict[str, str | None]] = {}
        self._edges: dict[str, list[Edge]] = {}
        for edge in graph.edges:
            for commit in edge.commits:
                if commit.may:
                    self._edges.setdefault(commit.name, []).append(edge)

    def any_after(self, action: Action) -> Edge:
        """Return a move with a commit of the action."""
        return self._edges[action.name][0]

    def after(self, action: Action, final: str) -> tuple[Edge, list[str]]:
        """Return the commit of the action with the shortest unanswered way to the final state."""
        undoing = frozenset(self.undoing.get(action.name, ()))
        key = (final, undoing)
        if key not in self._known:
            self._known[key] = self._graph.next_towards(final, lambda edge: not self._answers(edge, undoing))
        towards = self._known[key]
        edges = self._edges[action.name]
        ways = [
            (edge, [edge.source, *along(towards, edge.target)]) for edge in edges if edge.target in towards
        ]
        return min(ways, key=lambda each: len(each[1]), default=(edges[0], [edges[0].source, final]))

    def _answers(self, edge: Edge, undoing: frozenset[str]) -> bool:
        for commit in edge.commits:
            by = self._graph.calls.action(commit.name)
            if (
                commit.ending == "ok"
                and by is not None
                and _counts(by)
                and (not undoing or commit.name in undoing)
            ):
                return True
        return False


def _finding(graph: Graph, action: Action, final: str, ways: _Ways, *, show: bool) -> Diagnostic:
    undoing = ways.undoing.get(action.name, [])
    edge, states = ways.after(action, final) if show else (ways.any_after(action), [])
    site = next(commit.site for commit in edge.commits if commit.name == action.name and commit.may)
    outcome = graph.states[final].outcome
    return CODE.at(
        graph.states[final].place,
        f"`{final}` can be reached after `{action.name}` may have taken effect, and nothing "
        + ("undoes it in between" if undoing else "answers it in between"),
        label=f"the run ends as {'a failure' if outcome == 'failure' else 'cancelled'}"
        + (f": {way(states)}" if states else ""),
        labels=(Label(site.place, "may take effect here"), Label(action.place, _who(undoing))),
        help=f"commit {quoted(undoing, 'or')} on the way, or end in another state"
        if undoing
        else f"declare an action that `undoes {action.name}` and commit it on the way, or end in another state",
    )


def _who(undoing: list[str]) -> str:
    return f"undone by {quoted(undoing, 'or')}" if undoing else "no action undoes it"
