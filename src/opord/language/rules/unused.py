"""A declaration nobody uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from opord.contract import Action, Contract, Effect, Enum, Event, Failure, Pure, Record, Role
from opord.language.diagnostics import Diagnostic, code
from opord.language.graph import Graph
from opord.language.rules.uses import uses_of

CODE = code("OP801", rule="unused", title="a declaration nobody uses")

Declared: TypeAlias = Record | Enum | Failure | Role | Event | Pure | Effect | Action


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find types, roles, events and calls of this file that are declared for nobody, and types taken for nobody.

    A kept event that no state handles has a warning of its own. Types from another file may have users there:
    what may go is the name in the `use` line.
    """
    used = uses_of(contract)
    listed: tuple[tuple[str, Iterable[Declared], set[str], str], ...] = (
        ("record", contract.records, used.types, "no field, parameter or result has it"),
        ("enum", contract.enums, used.types, "no field, parameter or result has it"),
        ("failure", contract.failures, used.types, "no call fails with it"),
        ("role", contract.roles, used.roles, "no event is sent by it"),
        ("event", (each for each in contract.events if not each.keep), used.events, "no state handles it"),
        ("pure", contract.pures, used.calls, "nothing calls it"),
        ("effect", contract.effects, used.calls, "nothing performs it, and no `in doubt check` asks it"),
        ("action", contract.actions, used.calls, "nothing commits it"),
    )
    for taken in contract.taken:
        if taken.name not in used.types and taken.place.file == contract.place.file:
            yield CODE.at(
                taken.place,
                f"`{taken.name}` is taken from `{taken.path}` and not used",
                label="nothing in this file names it",
                help="remove the name, or write `# opord: allow unused because …` above the `use`",
            )
    for kind, declarations, names, why in listed:
        for declared in declarations:
            if declared.name not in names and declared.place.file == contract.place.file:
                yield CODE.at(
                    declared.place,
                    f"the {kind} `{declared.name}` is not used",
                    label=why,
                    help="remove it, or write `# opord: allow unused because …` above it",
                )
