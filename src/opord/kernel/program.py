"""A contract made executable: its functions and codecs in tables, as the kernel reads them.

`opord.generated.bind` makes a `Program` from a generated module. Nothing here runs by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from opord.contract import Action, Contract, Effect, Event, EventHandler, Except, State, Timer
from opord.contract import Pure as PureDeclaration
from opord.kernel.requests import Frame, StepFunction
from opord.values.codec import Codec
from opord.values.types import Digest, Key
from opord.values.vault import Vault

CallKind: TypeAlias = Literal["pure", "effect", "action"]


@dataclass(frozen=True, slots=True)
class CallProgram:
    """A `pure`, `effect` or `action` with what its calls need.

    - `args` encodes the arguments, a tuple, as an object with a member for each parameter.
    - `fails` has the class names of the failures that it declares; `failure` encodes one as
      `{"type": "PaymentError.Declined", …fields}`.
    - `key` (actions with `key expr`) takes the arguments and the frame and returns the key as text.
    - `check_args` (actions with `in doubt check`) takes the arguments, the frame and `call.key`,
      and returns the tuple of arguments for the check's effect.
    """

    declaration: PureDeclaration | Effect | Action
    kind: CallKind
    params: tuple[str, ...]
    args: Codec
    result: Codec | None
    failure: Codec
    fails: frozenset[str] = frozenset()
    key: Callable[[tuple[Any, ...], Frame[Any]], Key] | None = None
    check_args: Callable[[tuple[Any, ...], Frame[Any], Key], tuple[Any, ...]] | None = None


@dataclass(frozen=True, slots=True)
class ExceptProgram:
    """A path after `except`.

    `persons(state, frame)` says whom it names. If it begins at a field of the state, it names
    somebody only while the run is in a state that handles the event.
    """

    declaration: Except
    persons: Callable[[Any, Frame[Any]], str | list[str]]


@dataclass(frozen=True, slots=True)
class EventProgram:
    """An event.

    `args` encodes its parameters, a tuple, as an object; `key` returns its key as text. `excepts`
    say who may not send it.
    """

    declaration: Event
    params: tuple[str, ...]
    args: Codec
    key: Callable[[tuple[Any, ...], Frame[Any]], Key] | None = None
    excepts: tuple[ExceptProgram, ...] = ()


@dataclass(frozen=True, slots=True)
class HandlerProgram:
    """An event handler of a state.

    - `guard(state, frame, args)` says whether the event fits.
    - `step(state, frame, args)` is the body as a generator; None for `ignore`.
    - `calls` says whether the body contains a call, so that it needs a worker.
    """

    id: str
    declaration: EventHandler
    guard: Callable[[Any, Frame[Any], tuple[Any, ...]], bool] | None
    step: StepFunction | None
    calls: bool
    shared: bool


@dataclass(frozen=True, slots=True)
class TimerProgram:
    """A timer of a state. `when(state, frame)` returns a duration (`after`) or an instant (`at`).

    `shared` timers belong to the phase and count from the entry into the phase.
    """

    id: str
    declaration: Timer
    when: Callable[[Any, Frame[Any]], timedelta | datetime]
    step: StepFunction
    calls: bool
    shared: bool


@dataclass(frozen=True, slots=True)
class StateProgram:
    """A state: its class, the codec of its fields (as an object), and what runs or waits in it."""

    declaration: State
    cls: type[Any]
    fields: Codec
    step: StepFunction | None = None
    handlers: Mapping[str, tuple[HandlerProgram, ...]] = field(default_factory=dict)
    timers: tuple[TimerProgram, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A contract made executable.

    - `sources` are the texts it was compiled from, by file name, the contract's own file first.
    - `digest` is that of the contract's content; `also` are its digests in older forms, which older
      records name.
    - `key(input)` names a run.
    - `refusal(input)` says which `require` of the contract, from 0 on, refuses a start with this
      input, and why; None if none does. The member is None if the contract has no `require`.
    - `initial(frame)` makes the first state, whose name is `initial_state`.
    - `place_of(traceback)` returns the place in the contract ("order.opord:57") of an exception
      from a generated function, or None.
    - `secrets` names where the contract's data have secrets. `vault` seals them for the store; None
      stores them as they are.
    """

    contract: Contract
    digest: Digest
    sources: tuple[tuple[str, str], ...]
    workflow: type[Any]
    input: Codec
    key: Callable[[Any], Key] | None
    initial: Callable[[Frame[Any]], Any]
    states: Mapping[str, StateProgram]
    events: Mapping[str, EventProgram]
    calls: Mapping[str, CallProgram]
    place_of: Callable[[BaseException], str | None]
    initial_state: str
    refusal: Callable[[Any], tuple[int, str] | None] | None = None
    also: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()
    vault: Vault | None = None

    def is_named_by(self, digest: object) -> bool:
        """Say whether a digest, of any form, is one of this contract."""
        return digest == self.digest or digest in self.also

    @property
    def name(self) -> str:
        """The contract's name."""
        return self.contract.name

    @property
    def version(self) -> int:
        """The contract's version."""
        return self.contract.version
