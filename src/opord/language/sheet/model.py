"""The guarantee sheet as plain data.

It says what a contract promises to those who run it, pay for it or audit it.
`opord explain --json` writes `to_plain`. `docs/sheet.md` says what each field means.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

FORMAT = 1
"""The version of the JSON shape.

A new field keeps the number. A field that is removed or changes its meaning raises it.
"""


@dataclass(frozen=True, slots=True)
class Item:
    """A field, parameter or input.

    It has its name, its type as written, its doc comment, and whether it contains a secret.
    """

    name: str
    type: str
    doc: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class RequireSheet:
    """What the input of a start has to fit, and the text for one that does not, as written."""

    condition: str
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way from a state to another: its cause, its conditions, and all of it in words."""

    source: str
    target: str
    by: Literal["body", "event", "timer"]
    event: str | None
    roles: tuple[str, ...]
    timer: str | None
    conditions: tuple[str, ...]
    shared: bool
    words: str


@dataclass(frozen=True, slots=True)
class Wait:
    """An event that a state takes: who may send it, its parameters, and the condition.

    `excluded` are the paths to those who may not send it, though their role may.
    """

    event: str
    roles: tuple[str, ...]
    takes: tuple[Item, ...]
    condition: str = ""
    ignored: bool = False
    shared: bool = False
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateSheet:
    """A state that is not final: what it proves, does or waits for, and how it is left and entered.

    Effects in `answered` have answered on every way to the state. Actions in `certain` have taken
    effect on every way, and actions in `possible` may have on some.
    """

    name: str
    kind: str
    initial: bool
    phase: str | None
    doc: str
    proves: tuple[Item, ...]
    answered: tuple[str, ...]
    certain: tuple[str, ...]
    possible: tuple[str, ...]
    calls: tuple[str, ...]
    waits_for: tuple[Wait, ...]
    timers: tuple[str, ...]
    starts_again: tuple[str, ...]
    leaves: tuple[Way, ...]
    entered: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class EndSheet:
    """A final state: how a run in it has ended, and which actions have taken effect by then.

    Actions in `never` have not taken effect in any run that ends here.
    """

    state: str
    outcome: str
    doc: str
    carries: tuple[Item, ...]
    answered: tuple[str, ...]
    certain: tuple[str, ...]
    possible: tuple[str, ...]
    never: tuple[str, ...]
    entered: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class PhaseSheet:
    """A phase: its states, and the events and timers that they share."""

    name: str
    doc: str
    states: tuple[str, ...]
    waits_for: tuple[Wait, ...]
    timers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailureSheet:
    """One declared failure of a call: whether it can be retried, and whether it ends a doubt.

    `wait` says until when the next attempt waits, if the failure asks for it.
    """

    type: str
    name: str
    carries: tuple[Item, ...]
    again: bool
    doc: str = ""
    settles: bool = False
    wait: str | None = None


@dataclass(frozen=True, slots=True)
class ActionSheet:
    """An action: its guarantee in one paragraph, and the settings behind the guarantee."""

    name: str
    doc: str
    takes: tuple[Item, ...]
    returns: str | None
    guarantee: str
    key: str | None
    key_held_for: str | None
    key_tells_apart: str | None
    key_shared_because: str | None
    attempts: str
    time_limit: str
    in_doubt: str
    repeatable: bool
    undoes: str | None
    undone_by: tuple[str, ...]
    stands_because: str | None
    committed_in: tuple[str, ...]
    failures: tuple[FailureSheet, ...]
    transaction: bool


@dataclass(frozen=True, slots=True)
class EffectSheet:
    """An effect: it reads only, or may be repeated without harm."""

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
class Taking:
    """A state that takes an event: the condition, and the next states (none if the run stays)."""

    state: str
    condition: str
    ignored: bool
    leads_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventSheet:
    """An event: who may send it, which states take it, and what happens to it in the others."""

    name: str
    doc: str
    roles: tuple[str, ...]
    takes: tuple[Item, ...]
    taken_in: tuple[Taking, ...]
    kept: bool
    once_per: str | None
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallTrouble:
    """One way in which calls can go wrong: where it leads, whether it is retried, and who can act.

    `type` is the failure that declares it, or `""` if the contract does not declare it. `leads_to`
    is empty if the step goes on.
    """

    type: str
    name: str
    doc: str
    carries: tuple[Item, ...]
    calls: tuple[str, ...]
    again: bool
    leads_to: tuple[str, ...]
    acts: str


@dataclass(frozen=True, slots=True)
class SecretSheet:
    """A place with a secret: the input, a state, an event or a call, and the path within it."""

    kind: Literal["input", "state", "event", "action", "effect", "pure"]
    holder: str
    path: str
    type: str


@dataclass(frozen=True, slots=True)
class VariantSheet:
    """One variant of an enum."""

    name: str
    carries: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class TypeSheet:
    """A record with its fields, or an enum with its variants. Secret values are never shown."""

    name: str
    doc: str
    carries: tuple[Item, ...]
    variants: tuple[VariantSheet, ...]


PromiseVerdict: TypeAlias = Literal["proved", "refuted"]


@dataclass(frozen=True, slots=True)
class PromiseSheet:
    """A promise as the contract states it, with its verdict over all runs.

    A refuted promise has what happens instead, and the shortest run that shows it.
    """

    text: str
    verdict: PromiseVerdict
    problem: str = ""
    story: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeSheet:
    """The longest time that a run can take, and a run that takes it, if timers bound the time.

    Otherwise `problem` names the cycle or the wait without a timer, and the story leads to it.
    """

    longest: str | None
    longest_s: float | None
    problem: str
    story: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that `explain` says about a contract.

    The calls in `without_timeout` are ended by the worker's call limit.
    """

    format: int
    contract: str
    version: int
    doc: str
    input: tuple[Item, ...]
    key: str | None
    requires: tuple[RequireSheet, ...]
    states: tuple[StateSheet, ...]
    ends: tuple[EndSheet, ...]
    phases: tuple[PhaseSheet, ...]
    actions: tuple[ActionSheet, ...]
    effects: tuple[EffectSheet, ...]
    pures: tuple[str, ...]
    events: tuple[EventSheet, ...]
    failures: tuple[CallTrouble, ...]
    secrets: tuple[SecretSheet, ...]
    types: tuple[TypeSheet, ...]
    promises: tuple[PromiseSheet, ...]
    time: TimeSheet
    without_timeout: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the sheet as JSON data: objects, lists, strings, numbers, booleans and null."""
        return dataclasses.asdict(self)
