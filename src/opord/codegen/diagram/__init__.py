"""The picture of a contract: as SVG, laid out by Graphviz, or as text for Graphviz or Mermaid.

Each takes a contract, or as much of one as could be made out of a broken one (`CheckResult.model`): states
that nobody declares are drawn as missing, and nothing is raised for what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from opord.codegen.diagram.build import picture_of
from opord.codegen.diagram.dot import dot_text
from opord.codegen.diagram.errors import DiagramError, LayoutFailed, LayoutMissing, LayoutTooLarge
from opord.codegen.diagram.graphviz import LIMIT_S
from opord.codegen.diagram.mermaid import mermaid_source
from opord.codegen.diagram.style import THEMES, Theme
from opord.codegen.diagram.svg import draw
from opord.contract import Contract

__all__ = [
    "THEMES",
    "DiagramError",
    "LayoutFailed",
    "LayoutMissing",
    "LayoutTooLarge",
    "Theme",
    "to_dot",
    "to_mermaid",
    "to_svg",
]


def to_svg(
    contract: Contract,
    *,
    theme: Theme = "auto",
    highlight: Sequence[str] = (),
    legend: bool = False,
    limit_s: float = LIMIT_S,
) -> str:
    """Draw a contract.

    `highlight` lights up a way through it: the states that a run came through, in order, the last being where
    it is now. `theme` `auto` follows the colour scheme of whoever looks. `limit_s` bounds the layout, in
    seconds. The same contract gives the same bytes.

    Raises:
        LayoutMissing: Graphviz is not installed (`opord[diagram]`).
        LayoutTooLarge: the layout takes more time than that, or too much memory.
        LayoutFailed: Graphviz refuses the diagram.
    """
    return draw(picture_of(contract), theme=theme, highlight=highlight, legend=legend, limit_s=limit_s)


def to_dot(contract: Contract) -> str:
    """Write the diagram of a contract as DOT, the language of Graphviz."""
    return dot_text(picture_of(contract))


def to_mermaid(contract: Contract) -> str:
    """Write the diagram of a contract as a Mermaid flowchart."""
    return mermaid_source(picture_of(contract))
