"""The contract as a whole: its guarantee sheet as Markdown, and its diagram."""

from __future__ import annotations

from importlib import import_module
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
    """Draw the states and moves as `svg`, `dot` or `mermaid`.

    Raises:
        Unavailable: the contract has errors, or this installation draws no diagrams.
    """
    contract = _sound(analysis, "drawn")
    try:
        room: Any = import_module("opord.codegen.diagram")
    except ModuleNotFoundError as missing:
        raise Unavailable(f"no diagrams can be drawn here: {missing}") from missing
    try:
        return str(room.render_diagram(contract, format))
    except ModuleNotFoundError as missing:
        raise Unavailable('drawing needs more packages: pip install "opord[diagram]"') from missing


def _sound(analysis: Analysis, done: str) -> Any:
    contract = analysis.result.contract
    if contract is None:
        errors = len(analysis.result.errors)
        what = f"it has {errors} error{'s' if errors > 1 else ''}" if errors else "it has types alone"
        raise Unavailable(f"the contract cannot be {done}: {what}")
    return contract
