"""A state with an empty body: a run would stay there for ever."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.graph import Graph

CODE = code("OP311", rule="flow", title="an empty body", suppressed_by=(Unread("in its body"),))


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the empty bodies of states whose phase, if any, has no handler or timer to wait for."""
    for state in contract.states:
        if state.kind != "acting" or state.body or state.handlers or state.timers:
            continue
        target = state.targets[0] if state.targets else "<state>"
        yield CODE.at(
            state.place,
            f"the body of `{state.name}` is empty",
            label="neither acts nor waits",
            help=f"say what it does, ending in `goto {target}`, or what it waits for: `on <event> -> goto {target}`",
        )
