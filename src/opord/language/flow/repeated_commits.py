"""Find commits that may repeat an effect, because the action may have taken effect before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opord.contract import Action, CallSite, Contract
from opord.language.flow.graph import Edge, Graph


@dataclass(frozen=True, slots=True)
class RepeatedCommit:
    """A commit of an action that may have taken effect before.

    `circles`: after this commit took effect, a run can come back to its state.
    """

    action: Action
    site: CallSite
    state: str
    circles: bool


def repeated_commits(contract: Contract, graph: Graph) -> Iterator[RepeatedCommit]:
    """Yield each commit that can repeat an effect.

    Actions with `key expr` or `repeatable` are left out.
    """
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
    repeats: dict[int, RepeatedCommit] = {}  # a shared handler is one commit, for any number of states
    for edge in graph.edges:
        for commit in edge.commits:
            action = graph.calls.action(commit.name)
            if action is None or not done[edge.source] & bit.get(commit.name, 0):
                continue
            circles = (edge.source, id(commit.site)) in circling
            earlier = repeats.get(id(commit.site))
            if earlier is None or (circles and not earlier.circles):
                repeats[id(commit.site)] = RepeatedCommit(action, commit.site, edge.source, circles)
    yield from repeats.values()
