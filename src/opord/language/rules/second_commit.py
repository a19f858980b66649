"""More than one commit on a path of a step: a doubt about the second would hide the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from opord.contract import CallSite, Contract, Effect, Place, Pure
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import first_place
from opord.language.flow.calls import CallEnding
from opord.language.flow.graph import Graph
from opord.language.flow.walk import follow

CODE = code("OP501", rule="commitment", title="more than one commit on a path")

_Sites: TypeAlias = dict[Place, tuple[CallSite, Place]]
"""Each second commit by its place, with the place of the first."""


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find every `commit` that a path reaches after another `commit` of the same step."""
    for step in graph.steps:
        second_commits: _Sites = {}

        def on_call(
            first: Place | None, site: CallSite, ending: CallEnding, second_commits: _Sites = second_commits
        ) -> Place | None:
            if site.verb != "commit" or isinstance(graph.calls.get(site.name), Effect | Pure):
                return first
            if first is not None:
                second_commits.setdefault(site.place, (site, first))
            return first or site.place

        start: set[Place | None] = {None}
        follow(step.body, start, graph.calls, on_call, lambda goto, facts: None, first_place)
        for place, (site, first) in second_commits.items():
            yield CODE.at(
                place,
                f"`{site.name}` is a second commit on a path of this step; a step commits at most once",
                label="commits again",
                labels=(Label(first, "the path has committed here"),),
                help="put the second commit into a state of its own: then the first is on record before it",
            )
