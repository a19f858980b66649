"""The contract as a whole: its guarantee sheet as Markdown, and its diagram."""

from __future__ import annotations

from opord.contract import Contract
from opord.language.sheet import explain_sheet, render_markdown
from opord.lsp.analysis import Analysis


class SheetUnavailable(Exception):
    """The sheet or diagram cannot be made; the message says why, and what would help."""


def explained(analysis: Analysis) -> str:
    """Return the guarantee sheet as Markdown.

    Raises:
        Unavailable: the contract has errors, or the file has only types.
    """
    return render_markdown(explain_sheet(_sound(analysis, "explained")))


def diagram(analysis: Analysis, format: str = "svg") -> str:
    """Draw the states and moves as `svg`, `dot` or `mermaid`.

    A contract with errors is drawn as well, without the parts that could not be read.

    Raises:
        Unavailable: the file has only types, the format is unknown, or no layout engine is
        installed.
    """
    from opord.codegen.diagram import DiagramError, to_dot, to_mermaid, to_svg

    if analysis.lowered.types_only or not analysis.model.states:
        raise SheetUnavailable("there is nothing to draw: the file has no states")
    drawn = {"svg": to_svg, "dot": to_dot, "mermaid": to_mermaid}.get(format)
    if drawn is None:
        raise SheetUnavailable(f"expected the format svg, dot or mermaid, got: {format}")
    try:
        return drawn(analysis.model)
    except DiagramError as why:
        raise SheetUnavailable(str(why)) from why


def _sound(analysis: Analysis, done: str) -> Contract:
    contract = analysis.result.contract
    if contract is None:
        errors = len(analysis.result.errors)
        what = f"it has {errors} error{'s' if errors > 1 else ''}" if errors else "it has types alone"
        raise SheetUnavailable(f"the contract cannot be {done}: {what}")
    return contract
