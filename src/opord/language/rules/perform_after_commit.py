"""A `perform` after a commit on a path: it could fail when the commit is already done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from opord.contract import CallSite, Contract, Effect, Place, Pure
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import first_place
from opord.language.flow.calls import CallEnding
from opord.language.flow.graph import Graph
from opord.language.flow.walk import follow

CODE = code("OP502", rule="commitment", title="a perform after a commit")

_Sites: TypeAlias = dict[Place, tuple[CallSite, Place]]
"""Each late call by its place, with the place of the commit."""


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find every `perform` that a path reaches after a `commit` of the same step."""
    for step in graph.steps:
        late_calls: _Sites = {}

        def on_call(
            done: Place | None, site: CallSite, ending: CallEnding, late_calls: _Sites = late_calls
        ) -> Place | None:
            call = graph.calls.get(site.name)
            if site.verb == "commit":
                return done if isinstance(call, Effect | Pure) else done or site.place
            if done is not None and (call is None or isinstance(call, Effect)):
                late_calls.setdefault(site.place, (site, done))
            return done

        start: set[Place | None] = {None}
        follow(step.body, start, graph.calls, on_call, lambda goto, facts: None, first_place)
        for place, (site, done) in late_calls.items():
            yield CODE.at(
                place,
                f"`perform {site.name}` comes after a commit on the same path",
                label="performed after the commit",
                labels=(Label(done, "the path has committed here"),),
                help="move it above the commit, or into the next state",
            )
