"""Turn a checked contract, or the part of it that could be read, into what its diagram shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from opord.codegen.diagram.causes import moves
from opord.codegen.diagram.picture import Arrow, ArrowCause, PhaseFrame, Picture, StateNode, Work
from opord.codegen.diagram.short import cut, one_line
from opord.contract import Contract, EventHandler, Field, Phase, State
from opord.language.flow.graph import Graph, Moment
from opord.language.types import show
from opord.statements import call_sites

_NOTE_MAX = 300
_FIELDS_MAX = 12


def picture_of(contract: Contract) -> Picture:
    """Return what the diagram of a contract shows.

    A contract with errors is shown as far as possible: of two states with one name only the first,
    and an undeclared state as missing. Nothing is raised.
    """
    contract = _with_each_once(contract)
    graph = Graph(contract)
    frames = tuple(_frame(graph, phase) for phase in contract.phases)
    framed = {name: frame.name for frame in frames for name in frame.states}
    nodes = [_node(graph, state, framed.get(state.name)) for state in contract.states]
    arrows = _arrows(graph, {frame.name: frame for frame in frames}, framed)
    names = {node.name for node in nodes}
    missing = dict.fromkeys(arrow.target for arrow in arrows if arrow.target not in names)
    nodes += [StateNode(name, "missing", notes=("no state of this name is declared",)) for name in missing]
    doc = one_line(contract.doc)
    return Picture(contract.name, contract.version, doc, tuple(nodes), frames, tuple(arrows))


def _with_each_once(contract: Contract) -> Contract:
    states = {state.name: state for state in reversed(contract.states) if state.name}
    phases = {phase.name: phase for phase in reversed(contract.phases) if phase.name not in states}
    return dataclasses.replace(
        contract, states=tuple(reversed(states.values())), phases=tuple(reversed(phases.values()))
    )


# --- States and phases ----------------------------------------------------------------------------


def _node(graph: Graph, state: State, phase: str | None) -> StateNode:
    own = [moment for moment in graph.moments(state) if not moment.shared]
    ignored = [each.event for each in graph.contract.handlers_of(state) if each.ignore]
    notes = [cut(one_line(state.doc), _NOTE_MAX), _carries(state.fields)]
    if ignored:
        notes.append(f"ignores {', '.join(ignored)}")
    return StateNode(
        name=state.name,
        kind=state.kind,
        initial=state.initial,
        outcome=state.outcome,
        phase=phase,
        work=_work(graph, own),
        notes=tuple(note for note in notes if note),
        line=state.place.line,
    )


def _frame(graph: Graph, phase: Phase) -> PhaseFrame:
    inside = [state for state in graph.contract.states if state.phase == phase.name and state.kind != "final"]
    shared = graph.shared_steps(phase)
    ignored = [each.event for each in phase.handlers if each.ignore]
    notes = [cut(one_line(phase.doc), _NOTE_MAX), f"ignores {', '.join(ignored)}" if ignored else ""]
    return PhaseFrame(
        name=phase.name,
        states=tuple(state.name for state in inside),
        shares=any(moment.gotos for moment in shared),
        work=_work(graph, shared),
        notes=tuple(note for note in notes if note),
        line=phase.place.line,
    )


def _work(graph: Graph, moments: Iterable[Moment]) -> tuple[Work, ...]:
    in_transaction = {action.name for action in graph.contract.actions if action.transaction}
    sites = (site for moment in moments for site, _ in call_sites(moment.body))
    return tuple(dict.fromkeys(Work(site.verb, site.name, site.name in in_transaction) for site in sites))


def _carries(fields: tuple[Field, ...]) -> str:
    if not fields:
        return ""
    shown = [f"{field.name}: {show(field.type)}" for field in fields[:_FIELDS_MAX]]
    more = [f"{len(fields) - _FIELDS_MAX} more"] if len(fields) > _FIELDS_MAX else []
    return f"carries {', '.join([*shown, *more])}"


# --- Moves ----------------------------------------------------------------------------------------


def _arrows(graph: Graph, frames: dict[str, PhaseFrame], framed: dict[str, str]) -> list[Arrow]:
    """Return the arrows between the nodes, one for all moves with the same source and target.

    A move that a phase shares is drawn once, from the phase.
    """
    joined: dict[tuple[str, str], Arrow] = {}
    for state in graph.contract.states:
        own = (moment for moment in graph.moments(state) if not moment.shared)
        for arrow in _of_moments(graph, own, state.name, (state.name,)):
            _add(joined, arrow)
        frame = frames.get(framed.get(state.name, ""))
        if frame is not None and frame.states[-1] == state.name:
            for arrow in _shared_arrows(graph, frame):
                _add(joined, arrow)
    return list(joined.values())


def _shared_arrows(graph: Graph, frame: PhaseFrame) -> Iterator[Arrow]:
    phase = next(phase for phase in graph.contract.phases if phase.name == frame.name)
    for moment in graph.shared_steps(phase):
        states = tuple(name for name in frame.states if graph.shares(graph.states[name], moment))
        if not states:
            continue
        exception = _exception(frame.states, states) if isinstance(moment.handler, EventHandler) else ""
        for arrow in _of_moments(graph, [moment], frame.name, states):
            causes = (
                ArrowCause(f"{cause.text}{exception}", f"{cause.full}{exception}", cause.kind)
                for cause in arrow.causes
            )
            yield dataclasses.replace(arrow, causes=tuple(causes), of_phase=True)


def _exception(all_states: tuple[str, ...], states: tuple[str, ...]) -> str:
    """Return which states of a phase replace a shared handler, in words."""
    others = [name for name in all_states if name not in states]
    if not others:
        return ""
    if len(others) == 1:
        return f", not in {others[0]}"
    return f", in {len(states)} of {len(all_states)} states"


def _of_moments(
    graph: Graph, moments: Iterable[Moment], source: str, states: tuple[str, ...]
) -> Iterator[Arrow]:
    for moment in moments:
        for goto, cause in moves(graph, moment):
            if goto.state:
                yield Arrow(source, goto.state, (cause,), states, line=goto.place.line)


def _add(joined: dict[tuple[str, str], Arrow], arrow: Arrow) -> None:
    key = arrow.source, arrow.target
    before = joined.get(key)
    if before is None:
        joined[key] = arrow
    else:
        states = tuple(dict.fromkeys((*before.states, *arrow.states)))
        causes = tuple(dict.fromkeys((*before.causes, *arrow.causes)))
        joined[key] = dataclasses.replace(before, causes=causes, states=states)
