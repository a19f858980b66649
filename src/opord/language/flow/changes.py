"""Find what changes between two commits of an action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from opord.contract import Action, CallSite, EventHandler, Field
from opord.language.flow.carried import KnownFields, StepValues, carried, has_changed
from opord.language.flow.graph import Graph
from opord.language.flow.handed import HandedMove, HandedMoves
from opord.language.flow.value_flow import CopiedField

PathMoves: TypeAlias = Sequence[tuple[str, HandedMove]]
"""Moves, each with the state that it leaves."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs at the second commit.

    These are parameters of the action, fields of its state, and parameters of events on the way.
    """

    arguments: tuple[Field, ...] = ()
    fields: tuple[Field, ...] = ()
    event_params: tuple[Field, ...] = ()


def changes_along(graph: Graph, action: Action, first: CallSite, way: PathMoves, second: CallSite) -> Changes:
    """Follow all values along a way, from the commit in its first step to that in its last one."""
    step = StepValues(KnownFields(()), first=True)
    before = [step.value(arg) for arg in way[0][1].calling(first).args]
    event_params: dict[tuple[str, str], Field] = {}
    for (_, move), (_, then) in pairwise(way):
        fields = tuple((name, carried(step.value(value))) for name, value in move.values.items())
        step = StepValues(KnownFields(fields), first=False)
        event_params |= _params_of_event(graph, then)
    state, last = way[-1]
    after = [step.value(arg) for arg in last.calling(second).args]
    values = zip(action.params, before, after, strict=True)
    return Changes(
        tuple(param for param, old, new in values if old != new or has_changed(new)),
        tuple(each for each in graph.states[state].fields if has_changed(step.value(CopiedField(each.name)))),
        tuple(event_params.values()),
    )


def changes_round(graph: Graph, action: Action, site: CallSite, states: Sequence[str]) -> Changes:
    """Say what changes on a round through these states, which begins and ends at a commit."""
    moves = HandedMoves(graph)
    way = [
        (source, move)
        for source, target in pairwise(states)
        for move in moves.of(graph.states[source])
        if move.goto.state == target
    ]
    first = [
        each for each in way if each[0] == states[0] and any(end and end.site is site for end in each[1].ends)
    ]
    hops = dict(reversed([(source, (source, move)) for source, move in way]))
    if not first or len(site.args) != len(action.params):
        return Changes()
    return changes_along(
        graph, action, site, [first[0], *(hops[state] for state in states[1:-1]), first[0]], site
    )


def _params_of_event(graph: Graph, move: HandedMove) -> dict[tuple[str, str], Field]:
    """Return the parameters of the event that begins a step."""
    handler = move.moment.handler
    if not isinstance(handler, EventHandler):
        return {}
    return {
        (event.name, param.name): param
        for event in graph.contract.events
        if event.name == handler.event
        for param in event.params
    }
