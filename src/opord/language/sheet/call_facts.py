"""What being in a state proves about calls: which took effect on every way there, which on some.

Both are questions about all paths. Each call has one bit in each of two sets: "on some path it has
not happened" and "on some path it may have happened". A call is certain where the first bit is not
set.
"""

from __future__ import annotations

from dataclasses import dataclass

from opord.contract import CallSite
from opord.language.flow.calls import CallEnding
from opord.language.flow.graph import Edge, Graph, Moment
from opord.language.flow.walk import follow
from opord.statements import call_sites


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known in a state about the calls of a run.

    Effects in `answered` have answered in every run that is in the state. Actions in `certain` have
    taken effect in every such run, and actions in `possible` may have in some.
    """

    answered: tuple[str, ...]
    certain: tuple[str, ...]
    possible: tuple[str, ...]


def call_facts(graph: Graph) -> dict[str, CallFacts]:
    """Return what is known in each reachable state; calls are in the order of the file."""
    contract = graph.contract
    actions = [action.name for action in contract.actions]
    effects = [effect.name for effect in contract.effects]
    names = effects + actions
    bit = {name: 1 << index for index, name in enumerate(names)}
    initial = [state.name for state in contract.states if state.initial]
    everything = (1 << len(names)) - 1
    steps = _Steps(graph, bit)

    missing = graph.bits(
        dict.fromkeys(initial, everything), lambda edge, before: before & ~steps.certain(edge)
    )
    happened = graph.bits({}, lambda edge, before: before | steps.possible(edge))
    return {
        name: CallFacts(
            answered=tuple(call for call in effects if not missing[name] & bit[call]),
            certain=tuple(call for call in actions if not missing[name] & bit[call]),
            possible=tuple(call for call in actions if missing[name] & happened[name] & bit[call]),
        )
        for name in graph.states
        if name in graph.reachable
    }


class _Steps:
    """For each `goto` of a step, the calls on the paths to it.

    `certain` has the calls that took effect on every path, `possible` those that may have on some.
    """

    def __init__(self, graph: Graph, bit: dict[str, int]) -> None:
        self._certain: dict[int, int] = {}
        self._possible: dict[int, int] = {}
        for moment in graph.steps:
            for name in dict.fromkeys(site.name for site, _ in call_sites(moment.body)):
                if name in bit:
                    self._read(graph, moment, name, bit[name])

    def certain(self, edge: Edge) -> int:
        """The calls that have taken effect whenever this move is made."""
        return self._certain.get(id(edge.goto), 0)

    def possible(self, edge: Edge) -> int:
        """The calls that may have taken effect when this move is made."""
        return self._possible.get(id(edge.goto), 0)

    def _read(self, graph: Graph, moment: Moment, name: str, bit: int) -> None:
        endings_by_goto: dict[int, set[CallEnding]] = {}

        def on_call(before: CallEnding, site: CallSite, ending: CallEnding) -> CallEnding:
            return max(before, ending, key=_ORDER.index) if site.name == name else before

        start: set[CallEnding] = {"failed"}
        follow(
            moment.body,
            start,
            graph.calls,
            on_call,
            lambda goto, facts: endings_by_goto.setdefault(id(goto), set()).update(facts),
        )
        for goto, endings in endings_by_goto.items():
            if endings == {"ok"}:
                self._certain[goto] = self._certain.get(goto, 0) | bit
            if endings - {"failed"}:
                self._possible[goto] = self._possible.get(goto, 0) | bit


_ORDER: tuple[CallEnding, ...] = ("failed", "maybe", "ok")
