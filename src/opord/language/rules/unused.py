"""A declaration that nothing uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TypeAlias, assert_never, cast, get_args

from opord.contract import (
    Action,
    CallSite,
    Check,
    Contract,
    Effect,
    Enum,
    Event,
    EventHandler,
    Failure,
    MakeRecord,
    Named,
    Pure,
    PureCall,
    RecordType,
    Role,
    VariantRef,
)
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.suppressors import USED_UNREAD
from opord.language.flow.graph import Graph
from opord.statements import nodes

CODE = code("OP801", rule="unused", title="a declaration nobody uses", suppressed_by=USED_UNREAD)

Declared: TypeAlias = RecordType | Enum | Failure | Role | Event | Pure | Effect | Action


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find unused types, roles, events and calls of this file, and unused names in its `use` lines.

    A kept event that no state handles has a warning of its own. Types from another file may be used
    there, so only the name in the `use` line is reported.
    """
    used = _uses_of(contract)
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
    for used_type in contract.taken:
        if used_type.name not in used.types and used_type.place.file == contract.place.file:
            yield CODE.at(
                used_type.place,
                f"`{used_type.name}` is taken from `{used_type.path}` and not used",
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


# --- What is mentioned anywhere
# ---------------------------------------------------------------------------


@dataclasses.dataclass(slots=True)
class _Uses:
    """The names that are mentioned, by kind. The parts of an unused type are not counted."""

    types: set[str] = dataclasses.field(default_factory=set)
    calls: set[str] = dataclasses.field(default_factory=set)
    events: set[str] = dataclasses.field(default_factory=set)
    roles: set[str] = dataclasses.field(default_factory=set)


def _uses_of(contract: Contract) -> _Uses:
    """Collect all names that the file of a contract mentions.

    A name in an `ensure` or an `undoes` does not count as a use.
    """
    uses = _Uses()
    calls = (contract.pures, contract.effects, contract.actions)
    starts = (contract.params, contract.key, contract.requirements)
    for part in (*starts, contract.events, *calls, contract.states, contract.phases):
        _collect(part, uses)
    for effect in contract.effects:
        uses.types.update(effect.fails)
    for action in contract.actions:
        uses.types.update(action.fails)
    _collect_from_types(contract, uses)
    return uses


def _collect_from_types(contract: Contract, uses: _Uses) -> None:
    """Add the names that used types of this file mention in their turn."""
    own = {
        declared.name: declared
        for types in (contract.records, contract.enums, contract.failures)
        for declared in types
        if declared.place.file == contract.place.file
    }
    waiting = list(uses.types)
    while waiting:
        declared = own.pop(waiting.pop(), None)
        if declared is not None:
            mentioned = _Uses()
            _collect(declared, mentioned)
            waiting.extend(mentioned.types)
            uses.types |= mentioned.types
            uses.calls |= mentioned.calls
    for declared in own.values():
        _collect(declared, unused := _Uses())
        uses.calls |= unused.calls  # only in a default that has its own finding: a type calls nothing


def _collect(part: object, uses: _Uses) -> None:
    for node in nodes(part, types=False):
        if type(node) in _NOTED:
            _note(cast("_Noted", node), uses)


_Noted: TypeAlias = Named | MakeRecord | VariantRef | PureCall | CallSite | Check | EventHandler | Event
_NOTED = frozenset(get_args(_Noted))


def _note(node: _Noted, uses: _Uses) -> None:
    match node:
        case Named(name=name) | MakeRecord(record=name) | VariantRef(type=name):
            uses.types.add(name)
        case PureCall(name=name) | CallSite(name=name) | Check(effect=name):
            uses.calls.add(name)
        case EventHandler(event=name):
            uses.events.add(name)
        case Event(roles=roles):
            uses.roles.update(roles)
        case _:
            assert_never(node)
