"""The contract as a whole: its guarantee sheet as Markdown, and its diagram."""

from __future__ import annotations

from typing import Any

from opord.language.sheet import explain_sheet, render_markdown
from opord.lsp.analysis import Analysis


class Unavailable(Exception):
    """It cannot be made; the message says why, and what would help."""


def explained(analysis: Analysis) -> str:
    """Write the guarantee sheet.

    Raises:
        Unavailable: the contract has errors, or the file has types alone.
    """
    return render_markdown(explain_sheet(_sound(analysis, "explained")))


def diagram(analysis: Analysis, format: str = "svg") -> str:
    """Draw the states and moves as `svg`, `dot` or `mermaid`; a broken contract as far as it could be made out.

    Raises:
        Unavailable: there is no such format, Graphviz is not installed, or the layout takes too long.
    """
    from opord.codegen import diagram as room

    draw = {"svg": room.to_svg, "dot": room.to_dot, "mermaid": room.to_mermaid}.get(format)
    if draw is None:
        raise Unavailable(f"expected the format svg, dot or mermaid, got: {format}")
    try:
        return draw(analysis.result.model)
    except room.DiagramError as wrong:
        raise Unavailable(str(wrong)) from wrong


def _sound(analysis: Analysis, done: str) -> Any:
    contract = analysis.result.contract
    if contract is None:
        errors = len(analysis.result.errors)
        what = f"it has {errors} error{'s' if errors > 1 else ''}" if errors else "it has types alone"
        raise Unavailable(f"the contract cannot be {done}: {what}")
    return contract
