"""A promise that does not hold on every run.

The finding says what happens instead, and shows a shortest run to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, PromiseKind
from opord.language.diagnostics import Code, Diagnostic, Label, code
from opord.language.diagnostics.suppressors import MISUNDERSTOOD, WAYS_UNREAD
from opord.language.ensure import decide
from opord.language.flow.graph import Graph

CODES: dict[PromiseKind, Code] = {
    "at most once": code(
        "OP701",
        rule="ensure",
        title="an action promised at most once that can come again",
        suppressed_by=WAYS_UNREAD,
    ),
    "only after": code(
        "OP702",
        rule="ensure",
        title="something promised only after another that can come before",
        suppressed_by=(*WAYS_UNREAD, *MISUNDERSTOOD),
    ),
    "never after": code(
        "OP703",
        rule="ensure",
        title="something promised never after another that can come after",
        suppressed_by=WAYS_UNREAD,
    ),
    "eventually": code(
        "OP704",
        rule="ensure",
        title="something promised to come that a run can end without",
        suppressed_by=(*WAYS_UNREAD, *MISUNDERSTOOD),
    ),
    "no wait is endless": code(
        "OP706", rule="ensure", title="a wait or a cycle without an end", suppressed_by=WAYS_UNREAD
    ),
    "every run ends": code(
        "OP705", rule="ensure", title="a run that may not end, or not in time", suppressed_by=WAYS_UNREAD
    ),
}


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the promises that some run breaks."""
    for verdict in decide(contract, graph):
        if not verdict.holds:
            place = verdict.place
            yield CODES[verdict.promise.kind].at(
                verdict.promise.place,
                verdict.problem,
                label="this does not hold",
                labels=(Label(place, verdict.label),) if place is not None else (),
                help=verdict.help,
                story=verdict.story,
            )
