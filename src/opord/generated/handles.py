"""Typed starts, events and results, between a generated class and an engine."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from keyword import iskeyword
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
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
"""What a handler may return: the declared type, plain data that converts to it, or an awaitable."""


_VERBS_OF_PEOPLE = ("resume", "resolve", "acknowledge", "cancel", "drop_event", "terminate")


class Sent(NamedTuple):
    """What happened to an event.

    - `taken`: the event moved the run, or waits for a worker to carry out its step.
    - `stored`: the event is kept until a state handles it.
    - `ignored`: the event is on record and changes nothing.
    - `repeated`: an event with the same key was there before.
    - `dropped`: the same, and a person has taken that event out of the run.

    `state` is the present state of the run.
    """

    status: Literal["taken", "stored", "ignored", "repeated", "dropped"]
    state: str


class Runs(Protocol):
    """The operations of an engine that run handles use.

    `members` has a value for each parameter of the event by its name in the contract, typed or
    plain.
    """

    async def send_event(
        self, run_id: str, event: str, members: Mapping[str, Any], *, actor: str, role: str | None
    ) -> Sent:
        """Send a run an event."""
        ...

    async def wait_result(self, run_id: str) -> Any:
        """Wait for the end of a run, and return its final state.

        The state is an instance of its class.
        """
        ...

    async def run_status(self, run_id: str) -> Mapping[str, Any]:
        """Return a run as `opord runs show --json` does."""
        ...

    async def run_history(self, run_id: str) -> list[Mapping[str, Any]]:
        """Return a run's records as `opord runs history --json` does."""
        ...


class RunHandle:
    """A run as seen from outside, used in the name of an actor."""

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

    # Type checkers see what there is, so that they find a wrong name too.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or name == "send":
                raise AttributeError(f"a handle of a run has no attribute {name!r}")
            raise AttributeError(_no_verb(self, name), obj=self)


class Sender:
    """The base of a run's `send`, which has a method for each event."""

    _events: ClassVar[tuple[str, ...]] = ()

    def __init__(self, run: RunHandle) -> None:
        self._run = run

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._events = tuple(form for form in vars(cls) if not form.startswith("__"))
        for form in cls._events:
            setattr(cls, form, _telling(form, vars(cls)[form]))

    # Type checkers see the methods of the contract alone, so that they find a wrong one too.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(f"a sender has no attribute {name!r}")
            # With `obj` but no `name`, Python adds no suggestion of its own.
            raise AttributeError(_no_event(self._run, name, self._events), obj=self)

        def __call__(self, event: object = None, *_: object, **__: object) -> Any:
            if event not in self._events:
                event = next(iter(self._events), "approve")
            raise TypeError(f"an event is sent by its method, as in `await run.send.{event}(…)`")

    async def _send(self, event: str, members: Mapping[str, Any]) -> Sent:
        run = self._run
        return await run._runs.send_event(run.id, event, members, actor=run._actor, role=run._role)


def _telling(form: str, send: Callable[..., Awaitable[Sent]]) -> Callable[..., Awaitable[Sent]]:
    """Return a method that sends an event and has wrong parameters refused as the event's input."""

    @wraps(send)
    async def sending(sender: Sender, /, *args: Any, **members: Any) -> Sent:
        try:
            sent = send(sender, *args, **members)
        except TypeError:  # the parameters do not fit; what the method does begins when it is awaited
            if args:
                raise TypeError(
                    f"give each parameter of {form} by its name{_example(send)}, got: {args[0]!r}"
                ) from None
        else:
            return await sent
        return await sender._send(
            _in_contract(form), {_in_contract(name): one for name, one in members.items()}
        )

    return sending


def _example(send: Callable[..., object]) -> str:
    names = [*signature(send).parameters][1:]
    return f", as in {names[0]}=…" if names else ""


def _in_contract(form: str) -> str:
    """Return a name without the `_` that it got because Python has that word."""
    name = form.rstrip("_")
    return name if iskeyword(name) else form


def _no_verb(run: RunHandle, name: str) -> str:
    from difflib import get_close_matches

    sender: Sender | None = getattr(run, "send", None)
    events = sender._events if sender is not None else ()
    if name in events:
        return f"events are sent by run.send: did you mean run.send.{name}(…)?"
    if name in _VERBS_OF_PEOPLE:
        return f"a handle has no {name}; did you mean engine.backend.{name}({run.id!r}, …)?"
    verbs = ("send", "status", "history", "result", "as_", "id")
    near = get_close_matches(name, verbs, 1)
    return f"a handle of a run has no {name!r}; " + (
        f"did you mean {near[0]}?" if near else f"it has {', '.join(verbs)}"
    )


def _no_event(run: RunHandle, name: str, events: Sequence[str]) -> str:
    from difflib import get_close_matches  # 15 ms that only a mistake costs

    near = get_close_matches(name, events, 1)
    hint = f"did you mean send.{near[0]}?" if near else f"it has {', '.join(events) or 'none'}"
    return f"{run.id.partition('/')[0]} has no event {name!r}; {hint}"


class Start(Generic[RunT_co]):
    """The start of a run: the contract, and its input.

    `members` has the input by the names in the contract, typed or plain.
    """

    def __init__(self, workflow: type[Workflow], run: type[RunT_co], members: Mapping[str, Any]) -> None:
        self.workflow = workflow
        self.members = members
        self._run = run

    def handle(self, runs: Runs, run_id: str) -> RunT_co:
        """Return the typed handle of the started run."""
        return self._run(runs, run_id)


class Startable(Protocol[P, RunT_co]):
    """A contract's class as `Engine.start` takes it.

    It knows the input that a run needs, and the type of its handle.
    """

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> Start[RunT_co]:
        """Return the start of a run with this input."""
        ...
