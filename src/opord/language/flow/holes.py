"""Find the steps that leave something out: what is missing there may go to any state."""

from __future__ import annotations

from opord.contract import Block, EventHandler, Match, Place, State
from opord.language.flow.coverage import cases_of, first_missing, is_complete
from opord.language.flow.endings import open_ends
from opord.language.flow.graph import Graph, Moment
from opord.statements import Branching, branching

SOME_STATE = "<state>"
"""How a message names a state that only the author knows."""

_NOWHERE = Place("", 0, 0, 0, 0)


def has_hole(graph: Graph, state: State) -> bool:
    """Say whether a step of a state has a path without `goto`, or a case without an arm."""
    return any(_leaves_out(graph, moment) for moment in graph.moments(state))


def target_missed(graph: Graph, state: State | None) -> str:
    """Return the one state that a header lists and no `goto` names, or a placeholder."""
    if state is None:
        return SOME_STATE
    there = {goto.state for moment in graph.moments(state) for goto in moment.gotos}
    missed = [target for target in state.targets if target not in there and target in graph.states]
    return missed[0] if len(missed) == 1 else SOME_STATE


def state_of(graph: Graph, step: Moment) -> State | None:
    """Return the state that a step belongs to; None if a phase shares it."""
    states = graph.contract.states
    return next((state for state in states if not step.shared and step in graph.moments(state)), None)


def _leaves_out(graph: Graph, moment: Moment) -> bool:
    if isinstance(moment.handler, EventHandler) and moment.handler.ignore:
        return False
    return _has_open_end(moment.body) or any(_misses(graph, each) for each in branching(moment.body))


def _has_open_end(body: Block) -> bool:
    return bool(open_ends(body, _NOWHERE))


def _misses(graph: Graph, statement: Branching) -> bool:
    if isinstance(statement, Match):
        return not is_complete(graph, statement)
    cases = cases_of(graph, statement)
    return cases is None or bool(first_missing(cases, statement.arms, 1))
