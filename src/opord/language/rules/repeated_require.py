"""A `require` whose condition stands in an earlier one: it can never refuse a start."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Hole, Requirement
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.flow.graph import Graph
from opord.statements import nodes

CODE = code("OP816", rule="unused", title="a `require` that is asked twice")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find each `require` with the condition of one above it."""
    asked: list[Requirement] = []
    for each in contract.requirements:
        first = next((one for one in asked if one.condition == each.condition), None)
        if first is None or any(isinstance(node, Hole) for node in nodes(each.condition)):
            asked.append(each)
            continue
        yield CODE.at(
            each.place,
            "this `require` has the condition of one above it",
            label="never refuses a start",
            labels=(Label(first.place, "refuses it before"),),
            help="remove it, or write the condition that is meant",
        )
