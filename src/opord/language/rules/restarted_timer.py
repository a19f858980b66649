"""An event that leads back to a state and starts its own `after` again.

If the event is sent often enough, the timer never fires.

All events are decided at once. Each move by an event has a bit, and the bits are carried along the
moves of acting states, one group of mutually reachable states after the other. So the time grows
with the number of moves.
"""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, EventHandler, Timer
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import WAYS_UNREAD
from opord.language.diagnostics.wording import WAYS_SHOWN_MAX, way
from opord.language.flow.components import components
from opord.language.flow.graph import Edge, Graph

CODE = code("OP804", rule="restarts", title="an event that starts a timer again", suppressed_by=WAYS_UNREAD)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the events that lead from a state with its own `after` back to it.

    There is no other wait on the way.
    """
    timers: dict[str, Timer] = {}
    for state in contract.states:
        for timer in state.timers:
            if timer.kind == "after":
                timers.setdefault(state.name, timer)
    reports: set[tuple[str, str]] = set()
    for edge in _coming_back(graph, _on_cycles(graph, timers)):
        handler = edge.moment.handler
        if not isinstance(handler, EventHandler) or (edge.source, handler.event) in reports:
            continue
        reports.add((edge.source, handler.event))
        # Each way shown needs a search through the whole graph.
        shown = len(reports) <= WAYS_SHOWN_MAX
        yield CODE.at(
            known_place(handler.place, edge.goto.place),
            f"each `{handler.event}` comes back to `{edge.source}`, whose `after` then starts again",
            label=f"comes back by {way([edge.source, *_way_back(graph, edge)])}" if shown else "comes back",
            labels=(Label(timers[edge.source].place, "counts from the entry into the state"),),
            help="put the `after` on a phase around the state, wait with `at` for a fixed moment, "
            f"or `on {handler.event} ignore`",
        )


def _on_cycles(graph: Graph, timers: dict[str, Timer]) -> list[Edge]:
    """List the moves by events out of states with timers that lie on a cycle."""
    return [
        edge
        for state in timers
        for edge in graph.outgoing[state]
        if isinstance(edge.moment.handler, EventHandler)
        and graph.component[edge.target] == graph.component[state]
    ]


def _coming_back(graph: Graph, moves: list[Edge]) -> Iterator[Edge]:
    """Yield the moves whose target leads back to their source through acting states."""
    if not moves:
        return
    onward = {
        name: [edge.target for edge in edges if _acts(graph, edge)] for name, edges in graph.outgoing.items()
    }
    # States that can reach each other are reached by the same moves. Group numbers fall along a
    # way.
    number = components(onward)
    by = [0] * len(onward)
    for index, edge in enumerate(moves):
        by[number[edge.target]] |= 1 << index
    for name in sorted(onward, key=lambda name: -number[name]):
        for target in onward[name]:
            by[number[target]] |= by[number[name]]
    for index, edge in enumerate(moves):
        if by[number[edge.source]] >> index & 1:
            yield edge


def _acts(graph: Graph, edge: Edge) -> bool:
    return edge.moment.handler is None and graph.states[edge.source].kind == "acting"


def _way_back(graph: Graph, move: Edge) -> list[str]:
    """Return a shortest way from a move's target back to its source through acting states."""
    return graph.way(move.target, move.source, lambda edge: _acts(graph, edge))
