"""An action that two states on the way of one run commit, after it may have taken effect in the first."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.graph import Edge, Graph, along
from opord.language.rules.commits import Again, commits_again
from opord.language.rules.words import way

CODE = code("OP506", rule="commitment", title="an action committed by two states of one run")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the commits of an action that another state, earlier on the way, may have brought about."""
    before: dict[str, dict[str, Edge]] = {}
    for edge in graph.edges:
        for commit in edge.commits:
            if commit.may:
                before.setdefault(commit.name, {}).setdefault(edge.target, edge)
    for again in commits_again(contract, graph):
        if not again.circles:
            earlier, states = _nearest(graph, again, before[again.action.name])
            yield CODE.at(
                again.site.place,
                f"a run can commit `{again.action.name}` again after it may have taken effect",
                label=f"comes here by {way(states)}",
                labels=(
                    Label(earlier.commits[-1].site.place, "may have taken effect here"),
                    Label(again.action.place, "has neither `key` with an expression nor `repeatable`"),
                ),
                help="give the action a `key` over what makes it one thing, or declare it `repeatable` "
                "if each time is a new effect",
            )


def _nearest(graph: Graph, again: Again, after: dict[str, Edge]) -> tuple[Edge, list[str]]:
    """Find the nearest earlier commit of the action, and a shortest way from its state to this one."""
    towards = graph.next_towards(again.state, until=after)
    first = next(name for name in reversed(towards) if name in after)
    return after[first], [after[first].source, *along(towards, first)]
