"""A state that nothing reaches."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.endings import is_unread
from opord.language.flow.graph import Graph
from opord.language.flow.holes import has_hole
from opord.statements import statements

CODE = code(
    "OP306",
    rule="flow",
    title="a state that nothing reaches",
    suppressed_by=(Unread("on a way to its state"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the states that no path from the initial state reaches.

    If a reachable state has text that could not be read, leaves out an arm or a `goto`, or goes to
    an unknown state, the rule cannot know what is reached, and finds nothing. If a header lists a
    state without a `goto` to it, the header has the finding: one mistake is one finding.
    """
    reached = _reached_or_listed(contract, graph)
    if not reached or len(reached) == len(graph.states):
        return
    if any(_is_torn(graph, name) or has_hole(graph, graph.states[name]) for name in graph.reachable):
        return
    for state in contract.states:
        if state.name in reached:
            continue
        sources = (edge.source for edge in graph.incoming[state.name])
        only = next((name for name in sources if name != state.name), None)
        yield CODE.at(
            state.place,
            f"nothing reaches `{state.name}`",
            label=f"only `{only}` goes here, which nothing reaches either"
            if only
            else "no `goto` leads here",
            help=f"add a `goto {state.name}` to a state that leads here, or remove `{state.name}`",
        )


def _reached_or_listed(contract: Contract, graph: Graph) -> set[str]:
    reached = {state.name for state in contract.states if state.initial}
    waiting = list(reached)
    while waiting:
        name = waiting.pop()
        for target in (*graph.successors[name], *graph.states[name].targets):
            if target in graph.states and target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _is_torn(graph: Graph, name: str) -> bool:
    moments = graph.moments(graph.states[name])
    return any(goto.state not in graph.states for moment in moments for goto in moment.gotos) or any(
        is_unread(statement) for moment in moments for statement in statements(moment.body)
    )
