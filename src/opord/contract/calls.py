"""Define the calls to the outside: pures, effects and actions, with their policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from opord.contract.data import Field
from opord.contract.expressions import Expr
from opord.contract.places import Place, undocumented, unplaced
from opord.contract.types import Type


@dataclass(frozen=True, slots=True)
class Retry:
    """`retry times times [backoff base to cap]`: attempts after the first.

    The backoff is exponential with full jitter.
    """

    times: int
    base: timedelta = timedelta(seconds=1)
    cap: timedelta = timedelta(minutes=1)
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Key:
    """`key [expr] [for window] [shared because "…"]`: the other side honours an idempotency key.

    `window` is how long it honours the key, from the first attempt on. `shared` is the reason why
    two runs may mean the same effect by the key. It is for readers and for the checker.
    """

    expr: Expr | None
    window: timedelta | None
    shared: str | None = None
    shared_place: Place = unplaced()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Repeat:
    """`in doubt repeat`: call again with the same key."""

    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Check:
    """`in doubt check effect(args) [after delay]`: ask an effect whether the action happened."""

    effect: str
    args: tuple[Expr, ...]
    after: timedelta = timedelta()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Ask:
    """`in doubt ask [within limit]`: park the run for a person.

    After `limit`, act like `report`.
    """

    within: timedelta | None = None
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Skip:
    """`in doubt skip`: continue as if the action had happened."""

    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Report:
    """`in doubt report`: add the built-in variant `InDoubt` to the failures."""

    place: Place = unplaced()


Doubt: TypeAlias = Repeat | Check | Ask | Skip | Report


@dataclass(frozen=True, slots=True)
class Pure:
    """`pure name(params) -> T`: may be called any number of times, anywhere."""

    name: str
    params: tuple[Field, ...]
    result: Type
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Effect:
    """`effect name(params) [-> T] [fails F] [{ policy }]`: may be repeated."""

    name: str
    params: tuple[Field, ...]
    result: Type  # `Nothing()` without a result
    fails: tuple[str, ...] = ()
    retry: Retry | None = None
    timeout: timedelta | None = None
    doc: str = undocumented()
    place: Place = unplaced()


TRANSACTION_LIMIT = timedelta(seconds=2)
"""The longest time of an attempt of an action in transaction: the database waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Action:
    """`action name(params) [-> T]`, then clauses, and `[{ policy }]`.

    It is called with `commit`, and never repeated by guessing. `undoes` names the action that it
    takes back, and `stands` is the reason why nothing has to take it back: both are for readers and
    for the checker. `doubt` is always set: without a rule in the contract it is `Repeat` with a
    key, else `Ask`, and its place is `NOWHERE`. The places of policies are those of their words in
    the braces.

    `transaction` is True for `in transaction`: the handler writes in the run's own database, in the
    transaction that records the outcome. Such an action is never in doubt. Its `doubt` is `Repeat`
    at `NOWHERE`, as an attempt that failed has changed nothing and may be made again. An attempt
    takes at most `timeout`, or `TRANSACTION_LIMIT` without one.
    """

    name: str
    params: tuple[Field, ...]
    result: Type  # `Nothing()` without a result
    fails: tuple[str, ...] = ()
    undoes: str | None = None
    stands: str | None = None
    retry: Retry | None = None
    timeout: timedelta | None = None
    key: Key | None = None
    repeatable: bool = False
    doubt: Doubt = Ask()
    transaction: bool = False
    undoes_place: Place = unplaced()
    stands_place: Place = unplaced()
    transaction_place: Place = unplaced()
    doc: str = undocumented()
    place: Place = unplaced()
