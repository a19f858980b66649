"""A header that lists a state which the body never goes to."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, State
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.endings import is_unread
from opord.language.flow.graph import Graph
from opord.language.flow.holes import has_hole
from opord.statements import statements

CODE = code(
    "OP304",
    rule="flow",
    title="the header lists a state the body never goes to",
    suppressed_by=(Unread("in its body"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the names in a header that no `goto` of the state or of its phase's handlers has.

    A state that leaves out an arm or a `goto` has that finding: what is missing may go there.
    """
    for state in contract.states:
        if state.kind == "final" or not _is_whole(graph, state):
            continue
        targets = {goto.state for moment in graph.moments(state) for goto in moment.gotos}
        missed = [target in graph.states and target not in targets for target in state.targets]
        if not any(missed) or has_hole(graph, state):
            continue
        for index, target in enumerate(state.targets):
            if not missed[index]:
                continue
            place = state.target_places[index] if index < len(state.target_places) else state.place
            if not place.line:
                continue  # treated as an unknown name, which has its own finding
            yield CODE.at(
                place,
                f"the header of `{state.name}` lists `{target}`, but nothing in it goes there",
                label="never gone to",
                help=f"remove `{target}` from the header, or add the `goto {target}` that is missing",
            )


def _is_whole(graph: Graph, state: State) -> bool:
    """Say whether all moves of a state are known.

    An empty or unread body, or an unknown state, has its own finding.
    """
    moments = graph.moments(state)
    if any(goto.state not in graph.states for moment in moments for goto in moment.gotos):
        return False
    if state.kind == "acting" and all(moment.shared for moment in moments):
        return False
    return not any(is_unread(statement) for moment in moments for statement in statements(moment.body))
