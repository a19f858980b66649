"""An action that a run can commit again, round a cycle of states, after it may have taken effect."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import LeftOut
from opord.language.diagnostics.wording import WAYS_SHOWN_MAX, way
from opord.language.flow.graph import Edge, Graph
from opord.language.flow.repeated_commits import Again, commits_again

CODE = code(
    "OP505",
    rule="commitment",
    title="an action committed again round a cycle",
    suppressed_by=(LeftOut("OP103"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the commits that a cycle of states comes back to, although they may have taken effect."""
    circling = (again for again in commits_again(contract, graph) if again.circles)
    for index, again in enumerate(circling):
        # Each way is searched for through the whole graph.
        way_round = f"comes round by {way(_round(graph, again))}" if index < WAYS_SHOWN_MAX else "comes round"
        yield CODE.at(
            again.site.place,
            f"a run can commit `{again.action.name}` again after it may have taken effect",
            label=way_round,
            labels=(Label(again.action.place, _why(again)),),
            help="give the action a `key` over what makes it one thing, or declare it `repeatable`, "
            "or leave the cycle once it may have happened",
        )


def _why(again: Again) -> str:
    if again.action.key is not None:
        return "`key` alone gives a new key each time the state is entered"
    return "has neither `key` with an expression nor `repeatable`"


def _round(graph: Graph, again: Again) -> list[str]:
    def may(edge: Edge) -> bool:
        return any(commit.site is again.site and commit.may for commit in edge.commits)

    ways = (graph.way(edge.target, again.state) for edge in graph.outgoing[again.state] if may(edge))
    return [again.state, *min((found for found in ways if found), key=len)]
