"""A run that ends as failed or cancelled while something it did still stands, and nothing answered it."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract, Skip
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.graph import Edge, Graph
from opord.language.rules.words import quoted, way

CODE = code("OP807", rule="unanswered", title="a bad end after an action that nothing answers")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the ends in failure or cancellation that an unanswered action can come before.

    An action is answered by one that undoes it or, if none does, by any later one; by none that is
    `repeatable` or skipped in doubt. Those two kinds, and actions that undo, are not asked about.
    """
    asked = [action for action in contract.actions if action.undoes is None and _counts(action)]
    bit = {action.name: 1 << index for index, action in enumerate(asked)}
    kill = _answers(contract, bit)

    def across(edge: Edge, unanswered: int) -> int:
        for commit in edge.commits:
            if commit.may:
                unanswered = unanswered & ~kill.get(commit.name, 0) | bit.get(commit.name, 0)
        return unanswered

    at = graph.bits({}, across)
    for state in contract.states:
        if state.kind == "final" and state.outcome in ("failure", "cancelled") and at[state.name]:
            for action in asked:
                if at[state.name] & bit[action.name]:
                    yield _finding(graph, action, state.name, bit[action.name], kill)


def _counts(action: Action) -> bool:
    return not action.repeatable and not isinstance(action.doubt, Skip)


def _answers(contract: Contract, bit: dict[str, int]) -> dict[str, int]:
    """Say for each action which of the asked ones it answers."""
    undone = {action.undoes for action in contract.actions if action.undoes is not None}
    free = 0
    for name, mask in bit.items():
        if name not in undone:
            free |= mask
    return {
        action.name: (free | bit.get(action.undoes or "", 0)) & ~bit.get(action.name, 0)
        for action in contract.actions
        if _counts(action)
    }


def _finding(graph: Graph, action: Action, final: str, own: int, kill: dict[str, int]) -> Diagnostic:
    undoing = [each.name for each in graph.contract.actions if each.undoes == action.name]
    edge, states = _a_way(graph, action, final, own, kill)
    site = next(commit.site for commit in edge.commits if commit.name == action.name and commit.may)
    outcome = graph.states[final].outcome
    return CODE.at(
        graph.states[final].place,
        f"`{final}` can be reached after `{action.name}` may have taken effect, and nothing "
        + ("undoes it in between" if undoing else "answers it in between"),
        label=f"the run ends as {'a failure' if outcome == 'failure' else 'cancelled'}: {way(states)}",
        labels=(Label(site.place, "may take effect here"), Label(action.place, _who(undoing))),
        help=f"commit {quoted(undoing, 'or')} on the way, or end in another state"
        if undoing
        else f"declare an action that `undoes {action.name}` and commit it on the way, or end in another state",
    )


def _who(undoing: list[str]) -> str:
    return f"undone by {quoted(undoing, 'or')}" if undoing else "no action undoes it"


def _a_way(
    graph: Graph, action: Action, final: str, own: int, kill: dict[str, int]
) -> tuple[Edge, list[str]]:
    """Find a shortest way from a commit of the action to the final state on which nothing answers it."""

    def unanswered(edge: Edge) -> bool:
        return not any(commit.may and kill.get(commit.name, 0) & own for commit in edge.commits)

    found: list[tuple[Edge, list[str]]] = []
    for edge in graph.edges:
        if any(commit.name == action.name and commit.may for commit in edge.commits):
            states = graph.way(edge.target, final, unanswered)
            if states:
                found.append((edge, [edge.source, *states]))
    return min(found, key=lambda each: len(each[1]))
