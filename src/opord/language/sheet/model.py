"""The guarantee sheet as plain data: what a contract promises to those who run it, pay for it or audit it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """A field, parameter or input: its name, its type as written, and what its doc comment says."""

    name: str
    type: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A state that another can become, and every reason for it."""

    to: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """An event that a state waits for: who may send it, with what, and on which condition."""

    event: str
    roles: tuple[str, ...]
    takes: tuple[Item, ...]
    condition: str = ""
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class StateSheet:
    """A state: what being in it proves, what it does or waits for, and what it can become."""

    name: str
    kind: str
    initial: bool
    phase: str | None
    doc: str
    proves: tuple[Item, ...]
    calls: tuple[str, ...]
    waits_for: tuple[Wait, ...]
    timers: tuple[str, ...]
    becomes: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class FailureSheet:
    """One declared failure of a call, and whether it can be tried again."""

    type: str
    name: str
    carries: tuple[Item, ...]
    again: bool
    doc: str = ""


@dataclass(frozen=True, slots=True)
class ActionSheet:
    """An action: what it guarantees, in one paragraph, and the settings that this follows from."""

    name: str
    doc: str
    takes: tuple[Item, ...]
    returns: str | None
    guarantee: str
    key: str | None
    key_held_for: str | None
    attempts: str
    time_limit: str
    in_doubt: str
    repeatable: bool
    undoes: str | None
    undone_by: tuple[str, ...]
    committed_in: tuple[str, ...]
    failures: tuple[FailureSheet, ...]


@dataclass(frozen=True, slots=True)
class EffectSheet:
    """An effect: it only reads, or is harmless to repeat."""

    name: str
    doc: str
    takes: tuple[Item, ...]
    returns: str | None
    attempts: str
    time_limit: str
    failures: tuple[FailureSheet, ...]
    performed_in: tuple[str, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventSheet:
    """An event: who may send it, in which states it is taken, and what becomes of it in the others."""

    name: str
    doc: str
    roles: tuple[str, ...]
    takes: tuple[Item, ...]
    taken_in: tuple[str, ...]
    kept: bool
    once_per: str | None


@dataclass(frozen=True, slots=True)
class EndSheet:
    """A final state, and how a run that comes to it has ended."""

    state: str
    outcome: str
    doc: str
    carries: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class VariantSheet:
    """One variant of an enum."""

    name: str
    carries: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class TypeSheet:
    """A record with its fields, or an enum with its variants. What is `secret` is never shown anywhere."""

    name: str
    doc: str
    carries: tuple[Item, ...]
    variants: tuple[VariantSheet, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that `explain` says of a contract."""

    contract: str
    version: int
    doc: str
    input: tuple[Item, ...]
    key: str | None
    states: tuple[StateSheet, ...]
    ends: tuple[EndSheet, ...]
    actions: tuple[ActionSheet, ...]
    effects: tuple[EffectSheet, ...]
    pures: tuple[str, ...]
    events: tuple[EventSheet, ...]
    types: tuple[TypeSheet, ...]
    promises: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the sheet as JSON data: objects, lists, texts, numbers, bools and null."""
        return dataclasses.asdict(self)
