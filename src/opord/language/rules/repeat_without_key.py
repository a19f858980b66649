"""`in doubt repeat` without `key`: the other side could not tell a repeat from a second order."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Repeat
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.places import known_place
from opord.language.flow.graph import Graph

CODE = code("OP507", rule="commitment", title="in doubt repeat without key")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the actions with `in doubt repeat` and without an idempotency key."""
    for action in contract.actions:
        if isinstance(action.doubt, Repeat) and action.key is None and not action.transaction:
            yield CODE.at(
                known_place(action.doubt.place, action.place),
                f"`{action.name}` is repeated in doubt, but has no `key` by which a repeat is known as one",
                help="add `key <expression>` if the other side honours one, else choose `check`, `ask`, `skip` or `report`",
            )
