"""A `goto` to a state that the header does not list."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Goto, Phase, State
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import LABELS_MAX, quoted
from opord.language.flow.graph import Graph

CODE = code(
    "OP305",
    rule="flow",
    title="the header misses a state the body goes to",
    suppressed_by=(Unread("in the head of what it mentions"), Unread("on its line")),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find every `goto` whose target is missing in the header of its state.

    The target of a shared handler belongs in the header of every state that the handler applies to.
    It is reported once, with all headers that miss it.
    """
    # The targets of each header. A header that may list all of its targets is left out.
    listed = {
        state.name: frozenset(state.targets) for state in contract.states if not _may_list_all(graph, state)
    }
    for state in contract.states:
        if state.name not in listed:
            continue
        for moment in graph.moments(state):
            if not moment.shared:
                for goto in moment.gotos:
                    if goto.state in graph.states and goto.state not in listed[state.name]:
                        yield _own(state, goto)
    for phase in contract.phases:
        yield from _shared(graph, phase, listed)


def _may_list_all(graph: Graph, state: State) -> bool:
    """Say whether the unknown names in a header may be all the states that it misses.

    Those names have their own findings.
    """
    unknown = sum(target not in graph.states for target in state.targets)
    targets = {goto.state for moment in graph.moments(state) for goto in moment.gotos}
    targets.difference_update(state.targets)
    return 0 < sum(target in graph.states for target in targets) <= unknown


def _own(state: State, goto: Goto) -> Diagnostic:
    listed = quoted(state.targets) or "nothing"
    return CODE.at(
        goto.place,
        f"`{state.name}` goes to `{goto.state}`, but its header does not list it",
        label="not in the header",
        labels=(Label(state.place, f"lists {listed}"),),
        help=f"add `| {goto.state}` to the header"
        if state.targets
        else f"add `-> {goto.state}` to the header",
    )


def _shared(graph: Graph, phase: Phase, listed: dict[str, frozenset[str]]) -> Iterator[Diagnostic]:
    states = [graph.states[name] for name in phase.states if name in listed]
    for step in graph.shared_steps(phase):
        applies = [state for state in states if graph.shares(state, step)]
        for goto in step.gotos:
            lacking = [state for state in applies if goto.state not in listed[state.name]]
            if not lacking or goto.state not in graph.states:
                continue
            names = quoted(state.name for state in lacking)
            do = "does" if len(lacking) == 1 else "do"
            yield CODE.at(
                goto.place,
                f"a shared handler of `{phase.name}` goes to `{goto.state}`, but the header of {names} {do} not list it",
                label="belongs in the header of every state it applies to",
                labels=tuple(
                    Label(state.place, f"`{goto.state}` is missing here") for state in lacking[:LABELS_MAX]
                ),
                help=f"add `| {goto.state}` to the header of {names}",
            )
