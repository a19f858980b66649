"""A path through a step that ends without `goto`: the run would stay there and never move."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Block, Contract, Place, State
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.endings import open_ends
from opord.language.flow.graph import Graph
from opord.language.flow.holes import target_missed

CODE = code("OP301", rule="flow", title="a path without goto", suppressed_by=(Unread("in its body"),))


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find every place where a path of a body, or of a handler's block, ends without `goto`."""
    for state in contract.states:
        waits = state.handlers or state.timers  # with statements besides: another finding
        if state.body and not waits and state.kind != "final":
            yield from _in_step(graph, state.body, state.place, f"in `{state.name}`", state)
        for handler in state.handlers:
            if not handler.ignore:
                yield from _in_step(graph, handler.body, handler.place, f"in `on {handler.event}`", state)
        for timer in state.timers:
            where = f"after this timer of `{state.name}`"
            yield from _in_step(graph, timer.body, timer.place, where, state)
    for phase in contract.phases:
        for handler in phase.handlers:
            if not handler.ignore:
                yield from _in_step(graph, handler.body, handler.place, f"in `on {handler.event}`", None)
        for timer in phase.timers:
            where = f"after this timer of `{phase.name}`"
            yield from _in_step(graph, timer.body, timer.place, where, None)


def _in_step(
    graph: Graph, body: Block, place: Place, where: str, state: State | None
) -> Iterator[Diagnostic]:
    ends: dict[Place, bool] = {}
    for end in open_ends(body, place):
        at = known_place(end.place, place)
        ends[at] = ends.get(at, False) or end.of_if
    for at, otherwise in ends.items():
        yield CODE.at(
            at,
            f"a path {where} ends without `goto`",
            label="when the condition does not hold, nothing follows" if otherwise else "the path ends here",
            help=_help(graph, state, otherwise),
        )


def _help(graph: Graph, state: State | None, otherwise: bool) -> str:
    if state is not None and len(state.targets) == 1:
        target = state.targets[0]
    else:
        target = target_missed(graph, state)
    if otherwise:
        return f"add an `else` that ends in `goto {target}`, or a `goto {target}` below"
    return f"end it with `goto {target}`"
