"""A `goto` to a state that the header does not list."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Goto, Phase, State
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import LABELS_MAX, quoted
from opord.language.flow.graph import Graph
from opord.language.flow.headers import HeaderGap, header_gap

CODE = code(
    "OP305",
    rule="flow",
    title="the header misses a state the body goes to",
    suppressed_by=(Unread("in the head of what it mentions"), Unread("on its line")),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find every state that a `goto` names and the header does not list, at the first such `goto`.

    The target of a shared handler belongs in the header of every state that the handler applies to.
    It is reported once, with all headers that miss it.
    """
    gaps = {state.name: header_gap(graph, state) for state in contract.states}
    missing = {(name, target) for name, gap in gaps.items() for target in gap.missing}
    for state in contract.states:
        gotos = [goto for moment in graph.moments(state) if not moment.shared for goto in moment.gotos]
        for goto in sorted(gotos, key=lambda goto: (goto.place.line, goto.place.column)):
            if (state.name, goto.state) in missing:
                missing.remove((state.name, goto.state))
                yield _own(state, goto, gaps[state.name])
    for phase in contract.phases:
        yield from _shared(graph, phase, gaps, missing)


def _own(state: State, goto: Goto, gap: HeaderGap) -> Diagnostic:
    wrong = _listed_instead(gap, state, goto.state)
    listed = quoted(state.targets) or "nothing"
    if wrong is not None:
        but = f"its header lists `{wrong}` instead"
        help = f"change `{wrong}` to `{goto.state}` in the header"
    else:
        but = "its header does not list it"
        help = f"add `{'|' if state.targets else '->'} {goto.state}` to the header"
    return CODE.at(
        goto.place,
        f"`{state.name}` goes to `{goto.state}`, but {but}",
        label="not in the header",
        labels=(Label(state.place, f"lists {listed}"),),
        help=help,
    )


def _shared(
    graph: Graph, phase: Phase, gaps: dict[str, HeaderGap], missing: set[tuple[str, str]]
) -> Iterator[Diagnostic]:
    for step in graph.shared_steps(phase):
        applies = [state for name in phase.states if graph.shares(state := graph.states[name], step)]
        for goto in step.gotos:
            lacking = [state for state in applies if (state.name, goto.state) in missing]
            if not lacking:
                continue
            missing.difference_update((state.name, goto.state) for state in lacking)
            names = quoted(state.name for state in lacking)
            do = "does" if len(lacking) == 1 else "do"
            wrong = [_listed_instead(gaps[state.name], state, goto.state) for state in lacking]
            yield CODE.at(
                goto.place,
                f"a shared handler of `{phase.name}` goes to `{goto.state}`, but the header of {names} {do} not list it",
                label="belongs in the header of every state it applies to",
                labels=tuple(
                    Label(
                        state.place, f"lists `{name}` instead" if name else f"`{goto.state}` is missing here"
                    )
                    for state, name in zip(lacking[:LABELS_MAX], wrong, strict=False)
                ),
                help=f"list `{goto.state}` in the header of {names}"
                if any(wrong)
                else f"add `| {goto.state}` to the header of {names}",
            )


def _listed_instead(gap: HeaderGap, state: State, target: str) -> str | None:
    """Return the name that a header lists in place of a target, or None."""
    index = gap.replaced.get(target)
    return None if index is None else state.targets[index]
