"""Typed starts, events and results: what stands between a generated class and an engine."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    NamedTuple,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
)

if TYPE_CHECKING:
    from opord.generated.workflow import Workflow

P = ParamSpec("P")
T = TypeVar("T")
RunT = TypeVar("RunT", bound="RunHandle")
RunT_co = TypeVar("RunT_co", bound="RunHandle", covariant=True)

Reply: TypeAlias = T | Mapping[str, Any] | Awaitable[T | Mapping[str, Any]]
"""What a handler may answer: the declared type, plain data that converts to it, or an awaitable of either."""


class Sent(NamedTuple):
    """What became of an event.

    `taken`: it moved the run, or waits for a worker to carry out its step; `stored`: it is kept until a state
    handles it; `ignored`: it is on record and changes nothing; `repeated`: one with its key was there before.
    `state` is the state that the run is in now.
    """

    status: Literal["taken", "stored", "ignored", "repeated"]
    state: str


class Runs(Protocol):
    """What an engine does for the handles of runs.

    `members` has a value for each parameter of the event by its name in the contract, typed or plain.
    """

    async def send_event(
        self, run_id: str, event: str, members: Mapping[str, Any], *, actor: str, role: str | None
    ) -> Sent:
        """Send a run an event."""
        ...

    async def wait_result(self, run_id: str) -> Any:
        """Wait for the end of a run, and return its final state: an instance of the state's class."""
        ...

    async def run_status(self, run_id: str) -> Mapping[str, Any]:
        """Return a run as `opord runs show --json` does."""
        ...

    async def run_history(self, run_id: str) -> list[Mapping[str, Any]]:
        """Return a run's records as `opord runs history --json` does."""
        ...


class RunHandle:
    """A run, from outside, in the name of an actor."""

    def __init__(self, runs: Runs, run_id: str, *, actor: str = "", role: str | None = None) -> None:
        self.id = run_id
        self._runs = runs
        self._actor = actor
        self._role = role

    def __repr__(self) -> str:
        return f"<run {self.id}>"

    def as_(self, actor: str, *, role: str | None = None) -> Self:
        """Return a handle that sends in the name of `actor`, who has `role`."""
        handle = copy.copy(self)
        handle._actor = actor
        handle._role = role
        return handle

    async def status(self) -> Mapping[str, Any]:
        """Return where the run is and what it waits for, as `opord runs show --json` does."""
        return await self._runs.run_status(self.id)

    async def history(self) -> list[Mapping[str, Any]]:
        """Return the run's records, as `opord runs history --json` does."""
        return await self._runs.run_history(self.id)

    async def _result(self) -> Any:
        return await self._runs.wait_result(self.id)


class Sender:
    """The base of a run's `send`, which has a method for each event."""

    def __init__(self, run: RunHandle) -> None:
        self._run = run

    async def _send(self, event: str, members: Mapping[str, Any]) -> Sent:
        run = self._run
        return await run._runs.send_event(run.id, event, members, actor=run._actor, role=run._role)


class Start(Generic[RunT_co]):
    """A start that is asked for: the contract, and its input by the names in the contract, typed or plain."""

    def __init__(self, workflow: type[Workflow], run: type[RunT_co], members: Mapping[str, Any]) -> None:
        self.workflow = workflow
        self.members = members
        self._run = run

    def handle(self, runs: Runs, run_id: str) -> RunT_co:
        """Return the typed handle of the run that was started."""
        return self._run(runs, run_id)


class Startable(Protocol[P, RunT_co]):
    """A contract's class, as `Engine.start` takes it: it says which input a run needs, and its handle's type."""

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> Start[RunT_co]:
        """Say what is to be started."""
        ...
