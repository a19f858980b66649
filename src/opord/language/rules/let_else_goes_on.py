"""The `else` of a `let` that does not leave the state: the name would have no value below it."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Match
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.endings import open_ends
from opord.language.flow.graph import Graph
from opord.statements import branching

CODE = code("OP302", rule="flow", title="the else of a let goes on", suppressed_by=(Unread("in its body"),))


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the paths in the `else` of `let x = perform|commit …` that end without `goto`."""
    for step in graph.steps:
        for statement in branching(step.body):
            if isinstance(statement, Match) or statement.name is None:
                continue
            for arm in statement.arms:
                for end in open_ends(arm.body, arm.place):
                    yield CODE.at(
                        known_place(end.place, statement.place),
                        f"the `else` of `let {statement.name}` has to leave the state: below it, "
                        f"`{statement.name}` would have no value",
                        label="this path goes on",
                        labels=(Label(statement.place, f"`{statement.name}` is bound here"),),
                        help="end it with `goto <state>`, or use `match` to give every outcome its own way on",
                    )
