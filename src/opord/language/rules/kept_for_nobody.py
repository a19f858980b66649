"""A kept event that no state handles: it would be stored, and recorded as unhandled at the end."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.suppressors import USED_UNREAD
from opord.language.flow.graph import Graph

CODE = code("OP803", rule="kept", title="a kept event that no state handles", suppressed_by=USED_UNREAD)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the events with `keep` that no handler takes."""
    handled = {handler.event for state in contract.states for handler in state.handlers}
    handled |= {handler.event for phase in contract.phases for handler in phase.handlers}
    for event in contract.events:
        if event.keep and event.name not in handled:
            yield CODE.at(
                event.place,
                f"`{event.name}` is kept, but no state handles it",
                label="stored, and never taken",
                help=f"add `on {event.name}(…) -> goto <state>` to a state, or remove the event",
            )
