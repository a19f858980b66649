"""Write a picture as a Mermaid flowchart, which wikis and code hosts draw in their pages."""

from __future__ import annotations

import json
from collections.abc import Iterator

from opord.codegen.diagram.picture import PhaseFrame, Picture, StateNode, StateSign
from opord.codegen.diagram.plan import ANY_STATE
from opord.codegen.diagram.quoting import mermaid_text

_SHAPES: dict[StateSign, tuple[str, str]] = {
    "acting": ("[", "]"),
    "waiting": ("{{", "}}"),
    "success": ("([", "])"),
    "failure": ("([", "])"),
    "cancelled": ("([", "])"),
    "missing": ("(", ")"),
}
_SIGNS: dict[StateSign, str] = {"success": "✓ ", "failure": "✗ ", "cancelled": "⊘ ", "missing": "? "}
_LOOKS: dict[StateSign, str] = {
    "acting": "fill:#e9f0fd,stroke:#3563c4,color:#16202b",
    "waiting": "fill:#fff5d9,stroke:#996300,color:#16202b",
    "success": "fill:#def4e6,stroke:#1a7741,color:#16202b,stroke-width:3px",
    "failure": "fill:#fde6e4,stroke:#bb2a25,color:#16202b,stroke-width:3px",
    "cancelled": "fill:#ece8f7,stroke:#65509a,color:#16202b,stroke-width:3px",
    "missing": "fill:#ffffff,stroke:#bb2a25,color:#16202b,stroke-dasharray:4 3",
}


def mermaid_source(picture: Picture) -> str:
    """Write a picture as a flowchart."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "---"
    yield f"title: {json.dumps(picture.title, ensure_ascii=False)}"
    yield "---"
    yield "flowchart TB"
    if picture.doc:
        yield f"  accDescr: {_plain(picture.doc)}"
    nodes = {node.name: node for node in picture.nodes}
    for frame in picture.frames:
        if frame.states:
            yield from _frame(frame, nodes)
    for node in picture.nodes:
        if node.phase is None:
            yield from _state(node, "  ")
    for arrow in picture.arrows:
        source = f"any_{arrow.source}" if arrow.of_phase else _id(arrow.source)
        line = "-.->" if all(cause.kind == "timer" for cause in arrow.causes) else "-->"
        yield f"  {source} {line}|{mermaid_text(arrow.lines())}| {_id(arrow.target)}"
    for sign in _LOOKS:
        members = [_id(node.name) for node in picture.nodes if node.sign == sign]
        if members:
            yield f"  classDef {sign} {_LOOKS[sign]}"
            yield f"  class {','.join(members)} {sign}"


def _frame(frame: PhaseFrame, nodes: dict[str, StateNode]) -> Iterator[str]:
    yield f"  subgraph phase_{frame.name}[{mermaid_text([frame.name])}]"
    if frame.shares:
        yield f"    any_{frame.name}([{mermaid_text([ANY_STATE, *(work.marked for work in frame.work)])}])"
    for name in frame.states:
        yield from _state(nodes[name], "    ")
    yield "  end"


def _state(node: StateNode, indent: str) -> Iterator[str]:
    opening, closing = _SHAPES[node.sign]
    label = mermaid_text([_SIGNS.get(node.sign, "") + node.name, *(work.marked for work in node.work)])
    yield f"{indent}{_id(node.name)}{opening}{label}{closing}"
    if node.initial:
        yield f'{indent}start_{node.name}((" ")) --> {_id(node.name)}'


def _id(name: str) -> str:
    """Return an id for a node that is not a word of Mermaid."""
    return f"state_{name}"


def _plain(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in " .,-" else " " for sign in text)
