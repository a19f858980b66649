"""Why a diagram cannot be drawn."""

from __future__ import annotations


class DiagramError(Exception):
    """A diagram that cannot be drawn; the message says what to do instead. `code` names the kind."""

    code = "diagram_failed"


class LayoutMissing(DiagramError):
    """Nothing is installed that lays a diagram out; the formats that are text need nothing."""

    code = "diagram_needs_graphviz"

    def __init__(self) -> None:
        super().__init__(
            "SVG is laid out by Graphviz, which is not installed: pip install 'opord[diagram]'; "
            "the formats dot and mermaid need nothing more"
        )


class LayoutTooLarge(DiagramError):
    """The layout was given up: it would have taken too long, or too much memory."""

    code = "diagram_too_large"

    def __init__(self, states: int, moves: int, what: str) -> None:
        super().__init__(
            f"the diagram has {states} states and {moves} arrows, and laying it out takes too much {what}; "
            "the format dot has no such limit"
        )
        self.states, self.moves = states, moves


class LayoutFailed(DiagramError):
    """Graphviz refused what it was given."""

    def __init__(self, said: str) -> None:
        super().__init__(f"Graphviz could not lay the diagram out: {said or 'it gives no reason'}")
