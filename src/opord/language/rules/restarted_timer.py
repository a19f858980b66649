"""An event that comes back to a state whose own `after` then starts again: sent often enough, it never fires."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, EventHandler, State
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.graph import Edge, Graph
from opord.language.rules.words import known, way

CODE = code("OP804", rule="restarts", title="an event that starts a timer again")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the events that lead from a state with its own `after` back to it, with no other wait between."""
    timers = {
        state.name: timer
        for state in contract.states
        for timer in state.timers[::-1]
        if timer.kind == "after"
    }
    coming_back = _coming_back(graph, list(timers))
    for state in contract.states:
        if state.name not in coming_back:
            continue
        timer = timers[state.name]
        told: set[str] = set()
        for edge in graph.outgoing[state.name]:
            handler = edge.moment.handler
            if not isinstance(handler, EventHandler) or handler.event in told:
                continue
            back = _way_back(graph, state, edge.target)
            if back:
                told.add(handler.event)
                yield CODE.at(
                    known(handler.place, edge.goto.place),
                    f"each `{handler.event}` comes back to `{state.name}`, whose `after` then starts again",
                    label=f"comes back by {way([state.name, *back])}",
                    labels=(Label(timer.place, "counts from the entry into the state"),),
                    help="put the `after` on a phase around the state, wait with `at` for a fixed moment, "
                    f"or `on {handler.event} ignore`",
                )


def _coming_back(graph: Graph, states: list[str]) -> set[str]:
    """Give those of `states` that an event can bring back to themselves, so that only they are searched."""
    bit_of = {name: 1 << number for number, name in enumerate(states)}
    start: dict[str, int] = {}
    for name, bit in bit_of.items():
        for edge in graph.outgoing[name]:
            # A way back is a cycle: most states lie on none.
            if isinstance(edge.moment.handler, EventHandler) and (
                graph.component[edge.target] == graph.component[name]
            ):
                start[edge.target] = start.get(edge.target, 0) | bit
    if not start:
        return set()
    reached = graph.bits(start, lambda edge, bits: bits if _acts(graph, edge) else 0)
    return {name for name, bit in bit_of.items() if reached[name] & bit}


def _acts(graph: Graph, edge: Edge) -> bool:
    return edge.moment.handler is None and graph.states[edge.source].kind == "acting"


def _way_back(graph: Graph, state: State, start: str) -> list[str]:
    """Give a shortest way from `start` back to `state` through states that act, or nothing."""
    return graph.way(start, state.name, lambda edge: _acts(graph, edge))
