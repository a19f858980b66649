"""A verb that does not fit the call: `perform` of an action, or `commit` of anything else.

The verb says whether a call may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from opord.contract import Action, CallSite, Contract, Effect, Pure
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.flow.graph import Graph
from opord.statements import call_sites

PERFORMED = code("OP503", rule="commitment", title="perform of an action")
COMMITTED = code("OP504", rule="commitment", title="commit of something that is not an action")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the calls whose verb does not fit the declaration."""
    for step in graph.steps:
        for site, _ in call_sites(step.body):
            yield from _at(graph, site)


def _at(graph: Graph, site: CallSite) -> Iterator[Diagnostic]:
    call = graph.calls.get(site.name)
    match call:
        case Action():
            if site.verb == "perform":
                yield PERFORMED.at(
                    site.place,
                    f"`{site.name}` is an action, and an action is committed, not performed",
                    label="performed here",
                    labels=(Label(call.place, "declared as an action"),),
                    help=f"write `commit {site.name}(…)`",
                )
        case Effect():
            if site.verb == "commit":
                yield COMMITTED.at(
                    site.place,
                    f"`{site.name}` is an effect, which may be repeated; only an action is committed",
                    label="committed here",
                    labels=(Label(call.place, "declared as an effect"),),
                    help=f"write `perform {site.name}(…)`, or declare `{site.name}` as an action if it may not be repeated",
                )
        case Pure():
            yield COMMITTED.at(
                site.place,
                f"`{site.name}` is a pure function, which is called without a word before it",
                label=f"{site.verb}ed here" if site.verb == "perform" else "committed here",
                labels=(Label(known_place(call.place, site.place), "declared as a pure"),),
                help=f"write `let x = {site.name}(…)`",
            )
        case None:
            pass  # an unknown name has its own finding
        case _:
            assert_never(call)
