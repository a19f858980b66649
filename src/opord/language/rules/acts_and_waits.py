"""A body that both acts and waits: a state does its work at once, or it waits, never both."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Place
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.graph import Graph

CODE = code(
    "OP310", rule="flow", title="a body that both acts and waits", suppressed_by=(Unread("in its body"),)
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the states whose body has both statements and handlers.

    The finding is where the second kind begins.
    """
    for state in contract.states:
        waits: list[Place] = [handler.place for handler in state.handlers]
        waits += [timer.place for timer in state.timers]
        acts: list[Place] = [statement.place for statement in state.body]
        if not acts or not waits:
            continue
        acting, waiting = min(acts, key=_order), min(waits, key=_order)
        mixed = _order(waiting) > _order(acting)
        yield CODE.at(
            waiting if mixed else acting,
            f"`{state.name}` both acts and waits",
            label="waits here" if mixed else "acts here",
            labels=(Label(acting, "acts here") if mixed else Label(waiting, "waits here"),),
            help="split it in two: a state that acts and goes to one that waits",
        )


def _order(place: Place) -> tuple[int, int]:
    return (place.line, place.column)
