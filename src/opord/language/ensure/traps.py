"""Runs that never end and never come to what they owe: states in which they stay, with no way out.

A cycle that has a way out is left some time, so a run stays only where no way leads out: in states that can
each reach the others and nothing else. In a contract without findings of `flow` each state can come to an end, so
there a run stays only where the way out was a timer of its phase, which has fired: in a cycle, or in a wait that
nothing ends. A state that goes nowhere from the start, which `flow` finds too, is not meant.
"""

from __future__ import annotations

from opord.language.diagnostics.model import StoryStep
from opord.language.ensure.ends import Runs
from opord.language.ensure.monitors import Monitors
from opord.language.ensure.story import Search
from opord.language.flow.components import components
from opord.language.flow.graph import Graph


def has_traps(runs: Runs) -> bool:
    """Say whether a run can come to a state from which it cannot end."""
    return not runs.graph.reachable <= runs.graph.can_end or bool(runs.lost)


def owing_for_ever(graph: Graph, monitors: Monitors) -> tuple[StoryStep, ...]:
    """Tell the shortest run into a trap in which one promise stays owed; empty if there is none."""
    search = Search(graph, monitors)
    moves = search.moves()
    nodes = list(moves)
    number_of = {node: str(index) for index, node in enumerate(nodes)}
    group = components({number_of[node]: [number_of[each] for each in moves[node]] for node in nodes})
    groups = {node: group[number_of[node]] for node in nodes}
    left = {groups[node] for node in nodes if any(groups[each] != groups[node] for each in moves[node])}
    moving = {groups[node] for node in nodes if moves[node]}
    paid = {groups[node] for node in nodes if not node[1] & monitors.owed}
    traps = {node for node in nodes if groups[node] in moving - left - paid}
    traps |= {
        node
        for node in nodes
        if not moves[node] and node[1] & monitors.owed and graph.outgoing[node[0].state]
    }
    return search.towards(traps) if traps else ()
