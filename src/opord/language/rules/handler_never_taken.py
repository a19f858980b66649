"""A second handler of an event that is never taken, because one above takes every such event."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, EventHandler
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.flow.graph import Graph

CODE = code("OP404", rule="exhaustive", title="a handler that can never be taken")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the handlers below an unguarded handler of the same event, in a state or a phase."""
    for state in contract.states:
        yield from _among(state.handlers)
    for phase in contract.phases:
        yield from _among(phase.handlers)


def _among(handlers: tuple[EventHandler, ...]) -> Iterator[Diagnostic]:
    unguarded: dict[str, EventHandler] = {}
    for handler in handlers:
        if handler.event in unguarded:
            yield CODE.at(
                handler.place,
                f"the handler of `{handler.event}` above takes every such event, so this one never runs",
                label="nothing comes here",
                labels=(Label(unguarded[handler.event].place, f"takes every `{handler.event}`"),),
                help="remove one of them, or guard the first: `on … if <condition>`",
            )
        elif handler.guard is None:
            unguarded[handler.event] = handler
