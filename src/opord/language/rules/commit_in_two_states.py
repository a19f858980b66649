"""The same commit in two states on the way of one run, the first of which may have taken effect.

This is the success path and the retry path, written apart, that both charge the card. Commits with other
arguments are other things (a mail at the start, a mail at the end), and nothing is said of them; round a cycle
of states it makes no difference what the arguments are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from opord.contract import Contract, Expr
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.graph import Edge, Graph, along
from opord.language.rules.commits import Again, commits_again
from opord.language.rules.words import way

CODE = code("OP506", rule="commitment", title="the same commit in two states of one run")

What: TypeAlias = tuple[str, tuple[Expr, ...]]


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the commits that another state, earlier on the way, may have brought about with the same arguments."""
    before: dict[What, dict[str, Edge]] = {}
    for again in commits_again(contract, graph):
        if again.circles:
            continue
        before = before or _by_what(graph)
        earlier, states = _nearest(graph, again, before.get((again.action.name, again.site.args), {}))
        if earlier is not None:
            yield CODE.at(
                again.site.place,
                f"a run can commit `{again.action.name}` again after it may have taken effect",
                label=f"comes here by {way(states)}",
                labels=(
                    Label(earlier.commits[-1].site.place, "may have taken effect here"),
                    Label(again.action.place, "has neither `key` with an expression nor `repeatable`"),
                ),
                help="give the action a `key` over what makes it one thing, or declare it `repeatable` "
                "if each time is a new effect",
            )


def _by_what(graph: Graph) -> dict[What, dict[str, Edge]]:
    """List the moves on which something may have taken effect, by what it is and where they lead."""
    found: dict[What, dict[str, Edge]] = {}
    for edge in graph.edges:
        for commit in edge.commits:
            if commit.may:
                found.setdefault((commit.name, commit.site.args), {}).setdefault(edge.target, edge)
    return found


def _nearest(graph: Graph, again: Again, after: dict[str, Edge]) -> tuple[Edge | None, list[str]]:
    """Find the nearest earlier commit of the same, and a shortest way from its state to this one."""
    towards = graph.next_towards(again.state, until=after)
    first = next((name for name in reversed(towards) if name in after), None)
    if first is None:
        return None, []
    return after[first], [after[first].source, *along(towards, first)]
