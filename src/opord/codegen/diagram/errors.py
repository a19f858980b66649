"""The reasons why a diagram cannot be drawn."""

from __future__ import annotations


class DiagramError(Exception):
    """A diagram cannot be drawn. The message says what to do instead, and `code` names the kind."""

    code = "diagram_failed"


class LayoutMissing(DiagramError):
    """No layout engine is installed. The text formats need none."""

    code = "diagram_needs_graphviz"

    def __init__(self) -> None:
        super().__init__(
            "SVG is laid out by Graphviz, which is not installed: pip install 'opord[diagram]'; "
            "the formats dot and mermaid need nothing more"
        )


class LayoutTooLarge(DiagramError):
    """The layout was stopped because it would take too long or too much memory."""

    code = "diagram_too_large"
    states: int
    moves: int

    def __init__(self, states: int, moves: int, what: str) -> None:
        super().__init__(
            f"the diagram has {states} states and {moves} arrows, and laying it out takes too much {what}; "
            "the format dot has no such limit"
        )
        self.states, self.moves = states, moves


class LayoutFailed(DiagramError):
    """Graphviz refused its input."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Graphviz could not lay the diagram out: {reason or 'it gives no reason'}")
