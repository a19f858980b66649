"""An `undoes` whose name is not an action: only what was committed can be undone."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract
from opord.language.diagnostics import Diagnostic, Edit, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suggest import nearest, surely_meant
from opord.language.diagnostics.suppressors import undeclared
from opord.language.diagnostics.wording import listed, meant
from opord.language.flow.graph import Graph

CODE = code(
    "OP512",
    rule="commitment",
    title="undoes of something that is not an action",
    suppressed_by=undeclared("action"),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the actions that undo an effect, a pure, themselves or an unknown name."""
    for action in contract.actions:
        if action.undoes:
            yield from _of(contract, graph, action, action.undoes)


def _of(contract: Contract, graph: Graph, action: Action, name: str) -> Iterator[Diagnostic]:
    place = known_place(action.undoes_place, action.place)
    undone = graph.calls.get(name)
    others = [other.name for other in contract.actions if other is not action]
    if undone is None:
        near = nearest(name, others)
        safe = near is not None and surely_meant(name, near, others)
        yield CODE.at(
            place,
            f"there is no action `{name}` for `{action.name}` to undo",
            help=meant(near, f"the actions are {listed(others)}" if others else "remove `undoes`"),
            fix=(Edit(place, near, f"change to `{near}`", safe),) if near and place.line else (),
        )
    elif undone is action:
        yield CODE.at(
            place,
            f"`{action.name}` cannot undo itself",
            help="name the action that it takes back, or remove `undoes`",
        )
    elif not isinstance(undone, Action):
        yield CODE.at(
            place,
            f"`{name}` is not an action, so `{action.name}` cannot undo it",
            labels=(Label(undone.place, "declared here"),),
            help="name the action that it takes back, or remove `undoes`",
        )
