"""A finding in one line: its message, and the run that shows it, for programs that show nothing else."""

from __future__ import annotations

from opord.language.diagnostics.model import Diagnostic

# A longer story keeps its beginning and its end, so many steps of each.
_STEPS_KEPT = 7


def in_one_line(finding: Diagnostic) -> str:
    """Write `message: 1 step → 2 step`; a finding without a story is its message alone."""
    # A step may quote an expression of the contract, with a text of several lines in it.
    steps = [f"{number} {' '.join(step.text.split())}" for number, step in enumerate(finding.story, 1)]
    if not steps:
        return finding.message
    left_out = len(steps) - 2 * _STEPS_KEPT
    if left_out > 0:
        steps[_STEPS_KEPT:-_STEPS_KEPT] = [f"… ({left_out} more) …"]
    return f"{finding.message}: {' → '.join(steps)}"
