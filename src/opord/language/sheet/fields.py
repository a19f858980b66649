"""The contract as the parts of the sheet read it, with its fields and parameters."""

from __future__ import annotations

from collections.abc import Iterable

from opord.contract import Contract, EventHandler, Field, Nothing, Timer, Type
from opord.language.flow.graph import Graph
from opord.language.flow.restarts import restarts
from opord.language.sheet.call_facts import CallFacts, call_facts
from opord.language.sheet.model import Item, Wait
from opord.language.sheet.reasons import again_words, excluded_from, roles_of
from opord.language.sheet.secrets import Secrets
from opord.language.spelling import spell
from opord.language.types import show


class ContractReading:
    """A contract as the sheet reads it: its graph, its secrets, and what each state proves."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.graph: Graph = Graph(contract)
        self.secrets: Secrets = Secrets(contract)
        self._call_facts = call_facts(self.graph)
        self._events = {event.name: event for event in contract.events}
        self.starts_again: dict[str, list[str]] = _starts_again(self.graph)

    def call_facts(self, state: str) -> CallFacts:
        """Return what is known about the calls in a state.

        Empty for a state that no run reaches.
        """
        return self._call_facts.get(state, CallFacts((), (), ()))

    def items(self, fields: Iterable[Field]) -> tuple[Item, ...]:
        """Return fields or parameters as items of the sheet."""
        return tuple(
            Item(field.name, show(field.type), field.doc, self.secrets.inside(field.type)) for field in fields
        )

    def wait(self, handler: EventHandler, shared: bool) -> Wait:
        """Return the event that a handler takes."""
        event = self._events.get(handler.event)
        return Wait(
            event=handler.event,
            roles=roles_of(self.contract, handler.event),
            takes=self.items(event.params) if event is not None else (),
            condition=spell(handler.guard) if handler.guard is not None else "",
            ignored=handler.ignore,
            shared=shared,
            excluded=excluded_from(self.contract, handler.event),
        )


def _starts_again(graph: Graph) -> dict[str, list[str]]:
    """Return, by state, how often an event starts the state's own time again."""
    found: dict[tuple[str, str], tuple[Timer, bool]] = {}
    for edge, timer, idle in restarts(graph):
        if isinstance(edge.moment.handler, EventHandler):
            key = (edge.source, edge.moment.handler.event)
            found[key] = (timer, idle or (key in found and found[key][1]))
    words: dict[str, list[str]] = {}
    for (state, event), (timer, idle) in found.items():
        words.setdefault(state, []).append(again_words(timer, event, idle=idle))
    return words


def result_words(type: Type) -> str | None:
    """Return the type of a result in words, or None if there is no result."""
    return None if isinstance(type, Nothing) else show(type)
