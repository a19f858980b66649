"""What may have taken effect before a state is entered: the ground for the rules on repeated commits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opord.contract import Action, CallSite, Contract
from opord.language.graph import Edge, Graph


@dataclass(frozen=True, slots=True)
class Again:
    """A commit of an action that may have taken effect before.

    `circles`: from this very commit, having taken effect, a run can come back to its state.
    """

    action: Action
    site: CallSite
    state: str
    circles: bool


def commits_again(contract: Contract, graph: Graph) -> Iterator[Again]:
    """Yield each commit that can repeat an effect, if its action has neither `key expr` nor `repeatable`."""
    bare = [
        action
        for action in contract.actions
        if not action.repeatable and not (action.key and action.key.expr)
    ]
    bit = {action.name: 1 << index for index, action in enumerate(bare)}

    def across(edge: Edge, done: int) -> int:
        for commit in edge.commits:
            if commit.may:
                done |= bit.get(commit.name, 0)
        return done

    done = graph.bits({}, across)
    circling = {
        (edge.source, id(commit.site))
        for edge in graph.edges
        for commit in edge.commits
        if commit.may and graph.component[edge.source] == graph.component[edge.target]
    }
    told: set[tuple[str, int]] = set()
    for edge in graph.edges:
        for commit in edge.commits:
            where = (edge.source, id(commit.site))
            if where not in told and done[edge.source] & bit.get(commit.name, 0):
                told.add(where)
                action = graph.calls.action(commit.name)
                assert action is not None
                yield Again(action, commit.site, edge.source, where in circling)
