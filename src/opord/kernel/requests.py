"""The requests of a step: it yields `Pure`, `Perform` and `Commit`, and returns a `Goto`.

A step is a generated generator. It is sent the result of each call. A declared failure (or
`TimedOut`, `InDoubt`) is thrown into it as the exception that the generated code defines.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from opord.kernel.instants import to_datetime
from opord.values.failure import Failure
from opord.values.types import Instant

InputT = TypeVar("InputT")


class RunInfo(msgspec.Struct, frozen=True, gc=False):
    """What a contract sees of its run as `run`. `began` is the instant of its start."""

    id: str
    began: Instant

    @property
    def started_at(self) -> datetime:
        """When the run was started."""
        return to_datetime(self.began)


class Frame(msgspec.Struct, Generic[InputT], frozen=True):
    """What is in scope everywhere in a contract.

    `at` is the instant of the step. In the handler of an event, `actor` is the sender of the event;
    elsewhere it is empty.
    """

    input: InputT
    run: RunInfo
    at: Instant
    actor: str = ""

    @property
    def now(self) -> datetime:
        """The instant of the step. Most steps never ask for it."""
        return to_datetime(self.at)


class Call(msgspec.Struct, frozen=True):
    """What a handler may know about its call.

    `key` is the idempotency key, the same for every attempt of one commit. `attempt` counts from 1.
    `deadline` is the instant at which the attempt is given up (UTC). `run_id` names the run.
    `traceparent` is the trace that the call belongs to, for a header of that name; empty if there
    is none.
    """

    key: str
    attempt: int
    deadline: datetime
    run_id: str
    traceparent: str = ""


class TransactionCall(Call, frozen=True):
    """What the handler of an action `in transaction` may know about its call, and its connection.

    What is written through `connection` becomes durable together with the outcome of the action,
    or not at all. Of a store in PostgreSQL it is a `psycopg.Connection`. Of a store in SQLite it
    has `execute`, `executemany` and `cursor` as a `sqlite3.Connection` has them. It ends with the
    call; the handler neither commits nor rolls back.
    """

    connection: Any = None


class Pure(msgspec.Struct, frozen=True):
    """Call the handler of a `pure`. `args` has one value for each parameter."""

    name: str
    args: tuple[Any, ...]


class Perform(msgspec.Struct, frozen=True):
    """Call the handler of an `effect`."""

    name: str
    args: tuple[Any, ...]


class Commit(msgspec.Struct, frozen=True):
    """Call the handler of an `action`, as a commit."""

    name: str
    args: tuple[Any, ...]


Request: TypeAlias = Pure | Perform | Commit


class Goto(msgspec.Struct, frozen=True):
    """The end of a step: the name of the target state, and the state with its fields."""

    state: str
    fields: Any


Step: TypeAlias = Generator[Request, Any, Goto]
StepFunction: TypeAlias = Callable[..., Step]


class TimedOut(Failure):
    """The built-in failure of an effect whose last attempt took longer than its `timeout`."""


class InDoubt(Failure):
    """The built-in failure of an action with `in doubt report`: its outcome is unknown."""
