"""What a step says to the kernel: it yields `Pure`, `Perform` and `Commit`, and returns a `Goto`.

A step is a generated generator. It is sent the result of what it asked for; a declared failure (and
`TimedOut`, `InDoubt`) is thrown into it as the exception that generated code defines for it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from opord.values.failure import Failure

InputT = TypeVar("InputT")


class RunInfo(msgspec.Struct, frozen=True):
    """What a contract sees of its run as `run`."""

    id: str
    started_at: datetime


class Frame(msgspec.Struct, Generic[InputT], frozen=True):
    """What is in scope everywhere in a contract: the input, the run, `now` (fixed for the step), and `actor`.

    `actor` is the sender of the event in an event's handler, otherwise an empty text.
    """

    input: InputT
    run: RunInfo
    now: datetime
    actor: str = ""


class Call(msgspec.Struct, frozen=True):
    """What a handler may know about its call.

    `key` is the idempotency key, the same for every attempt of one commit; `attempt` counts from 1;
    `deadline` is when the attempt is given up (UTC); `run_id` names the run.
    """

    key: str
    attempt: int
    deadline: datetime
    run_id: str


class Pure(msgspec.Struct, frozen=True):
    """Ask the handler of a `pure`; `args` has one value for each parameter."""

    name: str
    args: tuple[Any, ...]


class Perform(msgspec.Struct, frozen=True):
    """Ask the handler of an `effect`."""

    name: str
    args: tuple[Any, ...]


class Commit(msgspec.Struct, frozen=True):
    """Ask the handler of an `action`: what goes out is a commitment."""

    name: str
    args: tuple[Any, ...]


Request: TypeAlias = Pure | Perform | Commit


class Goto(msgspec.Struct, frozen=True):
    """Where the step goes: the name of the target state, and the state with its fields."""

    state: str
    fields: Any


Step: TypeAlias = Generator[Request, Any, Goto]
StepFunction: TypeAlias = Callable[..., Step]


class TimedOut(Failure):
    """The built-in failure of an effect whose last attempt took longer than its `timeout`."""


class InDoubt(Failure):
    """The built-in failure of an action that `in doubt report` hands to the contract: nobody knows the outcome."""
