"""`in doubt skip` of an action with a result: the run would go on without the result."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Nothing, Skip, Unknown
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.places import known_place
from opord.language.flow.graph import Graph

CODE = code("OP508", rule="commitment", title="in doubt skip with a result")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the actions with `in doubt skip` and a result."""
    for action in contract.actions:
        if isinstance(action.doubt, Skip) and not isinstance(action.result, Nothing | Unknown):
            yield CODE.at(
                known_place(action.doubt.place, action.place),
                f"`{action.name}` has a result, and `skip` would go on without one",
                help="remove its result, or choose another way out of the doubt: `repeat`, `check`, `ask` or `report`",
            )
