"""Who uses what: the types, calls, events and roles that a contract mentions anywhere."""

from __future__ import annotations

import dataclasses

from opord.contract import (
    CallSite,
    Check,
    Contract,
    Event,
    EventHandler,
    MakeRecord,
    Named,
    PureCall,
    VariantRef,
)
from opord.statements import nodes


@dataclasses.dataclass(slots=True)
class Uses:
    """The names that are mentioned, by kind; what an unused type is made of is not used by that."""

    types: set[str] = dataclasses.field(default_factory=set)
    calls: set[str] = dataclasses.field(default_factory=set)
    events: set[str] = dataclasses.field(default_factory=set)
    roles: set[str] = dataclasses.field(default_factory=set)


def uses_of(contract: Contract) -> Uses:
    """Collect all that the file of a contract mentions; what an `ensure` or an `undoes` names is not used by that."""
    found = Uses()
    calls = (contract.pures, contract.effects, contract.actions)
    for part in (contract.params, contract.key, contract.events, *calls, contract.states, contract.phases):
        _collect(part, found)
    for effect in contract.effects:
        found.types.update(effect.fails)
    for action in contract.actions:
        found.types.update(action.fails)
    _collect_from_types(contract, found)
    return found


def _collect_from_types(contract: Contract, found: Uses) -> None:
    """Add what the types that are used mention in their turn, those of this file alone."""
    own = {
        declared.name: declared
        for types in (contract.records, contract.enums, contract.failures)
        for declared in types
        if declared.place.file == contract.place.file
    }
    waiting = list(found.types)
    while waiting:
        declared = own.pop(waiting.pop(), None)
        if declared is not None:
            mentioned = Uses()
            _collect(declared, mentioned)
            waiting.extend(mentioned.types)
            found.types |= mentioned.types
            found.calls |= mentioned.calls
    for declared in own.values():
        _collect(declared, unused := Uses())
        found.calls |= unused.calls  # only in a default that has its finding: a type calls nothing


def _collect(part: object, found: Uses) -> None:
    for node in nodes(part, types=False):
        if type(node) in _NOTED:
            _note(node, found)


_NOTED = frozenset({Named, MakeRecord, VariantRef, PureCall, CallSite, Check, EventHandler, Event})


def _note(node: object, found: Uses) -> None:
    match node:
        case Named(name=name) | MakeRecord(record=name) | VariantRef(type=name):
            found.types.add(name)
        case PureCall(name=name) | CallSite(name=name) | Check(effect=name):
            found.calls.add(name)
        case EventHandler(event=name):
            found.events.add(name)
        case Event(roles=roles):
            found.roles.update(roles)
        case _:  # open: all that is noted has its case above
            raise AssertionError(node)
