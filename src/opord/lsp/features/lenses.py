"""Code lenses: the number of ways into each state, above the state."""

from __future__ import annotations

from dataclasses import dataclass

from opord.contract import Place
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Lens:
    """A line above a name: its text, and the places that it leads to."""

    span: Span
    title: str
    places: tuple[Place, ...]


def lenses(analysis: Analysis) -> list[Lens]:
    """List the lenses of a file: one for each state."""
    graph = analysis.graph
    if not graph.whole:
        return []
    lenses: list[Lens] = []
    for symbol in analysis.ctx.states.values():
        if symbol.name not in graph.states:
            continue
        ways = tuple(dict.fromkeys(edge.goto.place for edge in graph.incoming[symbol.name]))
        start = "start of a run" if symbol.node.kind == "initial" else ""
        counted = f"{len(ways)} way{'' if len(ways) == 1 else 's'} in" if ways or not start else ""
        title = " · ".join(each for each in (start, counted) if each)
        lenses.append(Lens(analysis.span(symbol.place), title, ways))
    return lenses
