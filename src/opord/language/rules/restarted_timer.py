"""An event that leads back to a state and starts its own `after` again, and nothing else.

If the event is sent often enough, the timer never fires.
"""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, EventHandler
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import WAYS_UNREAD
from opord.language.diagnostics.wording import WAYS_SHOWN_MAX, way
from opord.language.flow.graph import Edge, Graph
from opord.language.flow.restarts import acts, restarts

CODE = code("OP804", rule="restarts", title="an event that starts a timer again", suppressed_by=WAYS_UNREAD)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the events that start a state's own `after` again without doing or changing anything."""
    reports: set[tuple[str, str]] = set()
    for edge, timer, idle in restarts(graph):
        handler = edge.moment.handler
        if not idle or not isinstance(handler, EventHandler) or (edge.source, handler.event) in reports:
            continue
        reports.add((edge.source, handler.event))
        # Each way shown needs a search through the whole graph.
        shown = len(reports) <= WAYS_SHOWN_MAX
        yield CODE.at(
            known_place(handler.place, edge.goto.place),
            f"each `{handler.event}` comes back to `{edge.source}`, whose `after` then starts again",
            label=f"comes back by {way([edge.source, *_way_back(graph, edge)])}" if shown else "comes back",
            labels=(Label(timer.place, "counts from the entry into the state"),),
            help="put the `after` on a phase around the state, wait with `at` for a fixed moment, "
            f"or `on {handler.event} ignore`",
        )


def _way_back(graph: Graph, move: Edge) -> list[str]:
    """Return a shortest way from a move's target back to its source, without a commit."""
    return graph.way(move.target, move.source, lambda edge: acts(graph, edge) and not edge.commits)
