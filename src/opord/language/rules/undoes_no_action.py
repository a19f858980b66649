"""`undoes` of something that is no action: only what was committed can be taken back."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.graph import Graph
from opord.language.rules.words import known

CODE = code("OP512", rule="commitment", title="undoes of no action")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the actions that are to undo an effect, a pure or themselves."""
    for action in contract.actions:
        undone = None if action.undoes is None else graph.calls.get(action.undoes)
        if undone is None or (isinstance(undone, Action) and undone is not action):
            continue
        itself = undone is action
        yield CODE.at(
            known(action.undoes_place, action.place),
            f"`{action.name}` cannot undo itself"
            if itself
            else f"`{action.undoes}` is no action, so that there is nothing for `{action.name}` to undo",
            labels=() if itself else (Label(undone.place, "declared here"),),
            help="name the action that it takes back, or remove `undoes`",
        )
