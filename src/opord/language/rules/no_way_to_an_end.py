"""A state from which no final state can be reached: a run in it never ends."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, EventHandler, State
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.suppressors import Unread, UnreadWord
from opord.language.diagnostics.wording import quoted
from opord.language.flow.endings import is_unread, open_ends
from opord.language.flow.graph import Graph, Moment
from opord.statements import statements

CODE = code(
    "OP307",
    rule="flow",
    title="a state with no way to an end",
    suppressed_by=(UnreadWord("final"), Unread("on a way from its state")),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the states from which no path leads to a final state.

    A state whose `goto` is missing, or names an unknown state, has its own finding. This rule skips
    such states and the states that lead to them.
    """
    if not any(state.kind == "final" for state in contract.states):
        if contract.states:
            start = next((state for state in contract.states if state.initial), contract.states[0])
            yield CODE.at(
                start.place,
                f"`{contract.name}` has no final state, so its runs never end",
                label="no way from here to an end",
                help="add a `final state … success`, and go to it",
            )
        return
    if len(graph.can_end) == len(graph.states):
        return
    hopeful = graph.leading_to(
        state.name
        for state in contract.states
        if state.kind == "final" or _goes_nobody_knows_where(graph, state)
    )
    for state in contract.states:
        if state.name in hopeful:
            continue
        others = [name for name in graph.successors[state.name] if name != state.name]
        yield CODE.at(
            state.place,
            f"no final state can be reached from `{state.name}`",
            label=f"leads only to {quoted(others)}" if others else "never left",
            help="give it a way on to a final state",
        )


def _goes_nobody_knows_where(graph: Graph, state: State) -> bool:
    steps = [moment for moment in graph.moments(state) if not _is_ignored(moment)]
    if not graph.moments(state):
        return True  # an empty body
    return any(
        any(goto.state not in graph.states for goto in step.gotos)
        or not step.gotos
        or any(open_ends(step.body, state.place))
        or any(is_unread(statement) for statement in statements(step.body))
        for step in steps
    )


def _is_ignored(moment: Moment) -> bool:
    return isinstance(moment.handler, EventHandler) and moment.handler.ignore
