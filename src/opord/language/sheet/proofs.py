"""The results over all runs: the verdict on each promise, and the longest time of a run."""

from __future__ import annotations

from opord.language.ensure import Untimed, decide, worst_case
from opord.language.sheet.fields import ContractReading
from opord.language.sheet.model import PromiseSheet, TimeSheet
from opord.language.spelling import in_words


def promise_sheets(reading: ContractReading) -> tuple[PromiseSheet, ...]:
    """Return each promise with its verdict, in the order of the file."""
    return tuple(
        PromiseSheet(
            text=verdict.text,
            verdict="proved" if verdict.holds else "refuted",
            problem=verdict.problem,
            story=tuple(step.text for step in verdict.story),
        )
        for verdict in decide(reading.contract, reading.graph)
    )


def time_sheet(reading: ContractReading) -> TimeSheet:
    """Return the longest time that a run can take, or why there is none."""
    worst = worst_case(reading.graph)
    story = tuple(step.text for step in worst.story)
    if isinstance(worst, Untimed):
        return TimeSheet(None, None, worst.problem, story)
    return TimeSheet(in_words(worst.time), worst.time.total_seconds(), "", story)
