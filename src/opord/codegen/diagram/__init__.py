"""The diagram of a contract: an SVG laid out by Graphviz, or text for Graphviz or Mermaid.

Each function takes a contract, also one with errors as far as it could be read
(`CheckResult.model`). Undeclared states are drawn as missing. Errors in the contract raise nothing.
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
    """Draw a contract as SVG.

    `highlight` marks a path: the states that a run has been in, in order, with its present state
    last. The `theme` "auto" follows the colour scheme of the reader. `limit_s` bounds the layout,
    in seconds. The same contract gives the same bytes.

    Raises:
        LayoutMissing: Graphviz is not installed (`opord[diagram]`).
        LayoutTooLarge: the layout takes more time than `limit_s`, or too much memory.
        LayoutFailed: Graphviz refuses the diagram.
    """
    return draw(picture_of(contract), theme=theme, highlight=highlight, legend=legend, limit_s=limit_s)


def to_dot(contract: Contract) -> str:
    """Write the diagram of a contract as DOT, the language of Graphviz."""
    return dot_text(picture_of(contract))


def to_mermaid(contract: Contract) -> str:
    """Write the diagram of a contract as a Mermaid flowchart."""
    return mermaid_source(picture_of(contract))
