"""Write a picture as DOT, for Graphviz and other tools. It is readable without a style sheet."""

from __future__ import annotations

from collections.abc import Iterator

from opord.codegen.diagram.picture import Arrow, PhaseFrame, Picture, StateNode, StateSign
from opord.codegen.diagram.plan import ANY_STATE
from opord.codegen.diagram.quoting import dot_label, dot_quoted

_FONT = "Helvetica,Arial,sans-serif"
_SIGNS: dict[StateSign, str] = {"success": "✓ ", "failure": "✗ ", "cancelled": "⊘ ", "missing": "? "}
_LOOKS: dict[StateSign, str] = {
    "acting": 'shape=box style=filled fillcolor="#e9f0fd" color="#3563c4"',
    "waiting": 'shape=octagon style=filled fillcolor="#fff5d9" color="#996300"',
    "success": 'shape=box style="rounded,filled" peripheries=2 fillcolor="#def4e6" color="#1a7741"',
    "failure": 'shape=box style="rounded,filled" peripheries=2 fillcolor="#fde6e4" color="#bb2a25"',
    "cancelled": 'shape=box style="rounded,filled" peripheries=2 fillcolor="#ece8f7" color="#65509a"',
    "missing": 'shape=box style="rounded,dashed" color="#bb2a25"',
}


def dot_text(picture: Picture) -> str:
    """Write a picture as a digraph."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    title = [picture.title, *([picture.doc] if picture.doc else [])]
    heading = dot_label(title, end="\\l")
    yield f"digraph {dot_quoted(picture.name or 'contract')} {{"
    yield f"  graph [rankdir=TB nodesep=0.4 ranksep=0.5 labelloc=t labeljust=l label={heading}"
    yield f'         fontname="{_FONT}" fontsize=14];'
    yield f'  node [fontname="{_FONT}" fontsize=12 margin="0.16,0.09"];'
    yield f'  edge [fontname="{_FONT}" fontsize=10 color="#66737f" arrowsize=0.8];'
    nodes = {node.name: node for node in picture.nodes}
    for frame in picture.frames:
        if frame.states:
            yield from _frame(frame, nodes)
    for node in picture.nodes:
        if node.phase is None:
            yield from _state(node, "  ")
    for arrow in picture.arrows:
        yield _arrow(arrow)
    yield "}"


def _frame(frame: PhaseFrame, nodes: dict[str, StateNode]) -> Iterator[str]:
    yield f"  subgraph {dot_quoted(f'cluster_{frame.name}')} {{"
    attributes = f"id={dot_quoted(f'phase-{frame.name}')} label={dot_label([frame.name])}"
    yield f'    graph [{attributes} style="rounded,dashed" color="#8292a3" margin=14];'
    if frame.shares:
        label = dot_label([ANY_STATE, *(work.marked for work in frame.work)])
        yield f'    {dot_quoted(_any(frame.name))} [label={label} shape=box style="rounded,filled" fillcolor="#e4e9ef" color="#6c7b8a" fontsize=10];'
    for name in frame.states:
        yield from _state(nodes[name], "    ")
    yield "  }"


def _state(node: StateNode, indent: str) -> Iterator[str]:
    label = dot_label([_SIGNS.get(node.sign, "") + node.name, *(work.marked for work in node.work)])
    tooltip = dot_label([node.kind, *node.notes])
    attributes = f"id={dot_quoted(f'state-{node.name}')} label={label} tooltip={tooltip}"
    yield f"{indent}{dot_quoted(node.name)} [{attributes} {_LOOKS[node.sign]}];"
    if node.initial:
        start = dot_quoted(f"start {node.name}")
        yield f'{indent}{start} [label="" shape=circle style=filled fillcolor=black width=0.17 fixedsize=true];'
        yield f"{indent}{start} -> {dot_quoted(node.name)} [weight=8];"


def _arrow(arrow: Arrow) -> str:
    source = dot_quoted(_any(arrow.source) if arrow.of_phase else arrow.source)
    label = dot_label(arrow.lines(), end="\\l")
    timed = " style=dashed" if all(cause.kind == "timer" for cause in arrow.causes) else ""
    return f"  {source} -> {dot_quoted(arrow.target)} [id={dot_quoted(arrow.id)} label={label}{timed}];"


def _any(phase: str) -> str:
    return f"any state of {phase}"
