"""A header that lists a state which the body never goes to."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.graph import Graph
from opord.language.flow.headers import header_gap

CODE = code(
    "OP304",
    rule="flow",
    title="the header lists a state the body never goes to",
    suppressed_by=(Unread("in its body"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the names in a header that no `goto` of the state or of its phase's handlers has.

    A name that stands in place of a missing one is part of that finding (OP305).
    """
    for state in contract.states:
        gap = header_gap(graph, state)
        in_place = set(gap.replaced.values())
        for index in gap.idle:
            place = state.target_places[index] if index < len(state.target_places) else state.place
            if index in in_place or not place.line:  # no line: a misspelt name, which has its own finding
                continue
            target = state.targets[index]
            yield CODE.at(
                place,
                f"the header of `{state.name}` lists `{target}`, but nothing in it goes there",
                label="never gone to",
                help=f"remove `{target}` from the header, or add the `goto {target}` that is missing",
            )
