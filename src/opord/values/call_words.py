"""How a call ended, in the same words in journals, stories, sheets and diagrams."""

from __future__ import annotations

from collections.abc import Sequence


def failed_words(variants: Sequence[str]) -> str:
    """Return how a call ended that gave no result: "failed (Declined)", "timed out".

    `variants` are those that it may have failed with. Without any, it is not known which.
    """
    match variants:
        case ["InDoubt"]:
            return "stayed in doubt"
        case ["TimedOut"]:
            return "timed out"
        case []:
            return "failed"
        case _:  # open: the names of declared variants
            return f"failed ({' or '.join(variants)})"
