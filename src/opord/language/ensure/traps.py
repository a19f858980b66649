"""Runs that go on for ever without what they owe: states in which a run stays, with no way out.

A cycle with a way out is left at some time. So a run stays only in states that can each reach the
others and nothing else. If `flow` has no findings, each state has a way to an end. Then a run stays
only where the way out was a timer of its phase that has fired: in a cycle, or in a wait that
nothing ends. A state that goes nowhere from the start is not counted here; `flow` reports it.
"""

from __future__ import annotations

from opord.language.diagnostics.model import StoryStep
from opord.language.ensure.ends import ReachableSpots
from opord.language.ensure.monitors import Monitors
from opord.language.ensure.story import Search
from opord.language.flow.components import components
from opord.language.flow.graph import Graph


def has_traps(runs: ReachableSpots) -> bool:
    """Say whether a run can reach a state from which it cannot end."""
    return not runs.graph.reachable <= runs.graph.can_end or bool(runs.endless)


def owing_for_ever(graph: Graph, monitors: Monitors) -> tuple[StoryStep, ...]:
    """Return the shortest run into a trap in which the promise stays owed.

    Empty if there is none.
    """
    search = Search(graph, monitors)
    moves = search.moves()
    nodes = list(moves)
    groups = components(moves)
    exited = {groups[node] for node in nodes if any(groups[each] != groups[node] for each in moves[node])}
    moving = {groups[node] for node in nodes if moves[node]}
    paid = {groups[node] for node in nodes if not node[1] & monitors.owed}
    traps = {node for node in nodes if groups[node] in moving - exited - paid}
    traps |= {
        node
        for node in nodes
        if not moves[node] and node[1] & monitors.owed and graph.outgoing[node[0].state]
    }
    return search.towards(traps) if traps else ()
