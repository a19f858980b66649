"""An action that a cycle of states can commit again after it may have taken effect."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import STR, Action, Attribute, Contract, Expr, RunInfo, Var
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import LeftOut
from opord.language.diagnostics.wording import WAYS_SHOWN_MAX, way
from opord.language.flow.changes import Changes, changes_round
from opord.language.flow.graph import Edge, Graph
from opord.language.flow.repeated_commits import RepeatedCommit, repeated_commits
from opord.language.rules.same_key import key_with_arguments, new_argument
from opord.statements import nodes

_RUN_ID = Attribute(Var("run", "run", RunInfo()), "id", STR)

CODE = code(
    "OP505",
    rule="commitment",
    title="an action committed again round a cycle",
    suppressed_by=(LeftOut("OP103"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the commits that a cycle of states reaches again after they may have taken effect."""
    circling = (repeated for repeated in repeated_commits(contract, graph) if repeated.circles)
    for index, repeated in enumerate(circling):
        # Each cycle shown needs a search through the whole graph.
        states = _round(graph, repeated) if index < WAYS_SHOWN_MAX else []
        yield CODE.at(
            repeated.site.place,
            f"a run can commit `{repeated.action.name}` again after it may have taken effect",
            label=f"comes round by {way(states)}" if states else "comes round",
            labels=(Label(repeated.action.place, _why(repeated)),),
            help=f"{_help(graph, repeated, states)}, declare the action `repeatable`, "
            "or leave the cycle once it may have happened",
        )


def _why(repeated: RepeatedCommit) -> str:
    if repeated.action.key is not None:
        return "`key` alone gives a new key each time the state is entered"
    return "has neither `key` with an expression nor `repeatable`"


def _help(graph: Graph, repeated: RepeatedCommit, states: list[str]) -> str:
    action = repeated.action
    changes = changes_round(graph, action, repeated.site, states) if states else Changes()
    key = key_with_arguments(graph, _run_in_key(graph.contract, action), changes)
    if key is not None:
        return f"give `{action.name}` a key that changes on the way, as in `key {key}`"
    return f"{new_argument(graph, action, repeated.state, changes)} and read it in its `key`"


def _run_in_key(contract: Contract, action: Action) -> Expr:
    """Return what tells this run from others in a key, where parameters hide inputs."""
    params = {param.name for param in action.params}
    hidden = contract.key is None or any(
        isinstance(node, Var) and node.name in params for node in nodes(contract.key, types=False)
    )
    return _RUN_ID if hidden or contract.key is None else contract.key


def _round(graph: Graph, repeated: RepeatedCommit) -> list[str]:
    def may(edge: Edge) -> bool:
        return any(commit.site is repeated.site and commit.may for commit in edge.commits)

    ways = (graph.way(edge.target, repeated.state) for edge in graph.outgoing[repeated.state] if may(edge))
    return [repeated.state, *min((way for way in ways if way), key=len)]
