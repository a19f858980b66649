"""A run in a test: its state, its events, and assertions about it. Each error tells its story."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, Self

from opord.contract import Action
from opord.drive.verbs import RunVerbs
from opord.generated.handles import Sent
from opord.kernel.inbox import Evidence
from opord.kernel.needs import stored_needs
from opord.kernel.program import CallProgram, Program
from opord.kernel.records import EvidenceKind
from opord.kernel.rows import RecordRow
from opord.kernel.run import Run as Stored
from opord.kernel.step import dump_failure
from opord.kernel.views import details_view, history_view, run_view, under_way_view
from opord.stores.base import Store
from opord.story.page import run_story
from opord.testing.script import ScriptError, TimeSpan
from opord.values.failure import Failure
from opord.values.guard import BadValue
from opord.values.names import python_names
from opord.values.types import RunId

OPERATOR = "operator"


class Home(Protocol):
    """What a run needs from its world."""

    @property
    def store(self) -> Store:
        """The store of the run."""
        ...

    def stored(self, run: str) -> Stored:
        """Return a run as it is in the store."""
        ...

    def journal(self, run: str) -> list[RecordRow]:
        """Return a run's records."""
        ...

    def advance(self, span: TimeSpan) -> None:
        """Let time pass; what becomes due happens in its order."""

    def send(self, run: str, event: str, members: Mapping[str, Any], *, actor: str, role: str | None) -> Sent:
        """Send a run an event."""
        ...

    def act(self, run: str, verb: Callable[[RunVerbs], Awaitable[None]]) -> None:
        """Do what a person can do to a run."""


class Run:
    """A run, as a test sees it. After each verb everything has gone on as far as it can."""

    def __init__(self, world: Home, program: Program, run: str) -> None:
        self.id = run
        self._world = world
        self._program = program
        self._actor = ""
        self._role: str | None = None
        self._sent: Sent | None = None

    def __repr__(self) -> str:
        return f"<run {self.id} in {self.state}>"

    # --- where it is -----------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The name of its state."""
        return self._stored.state

    @property
    def status(self) -> str:
        """`running`, `waiting`, `in_doubt`, `stalled` or `ended`."""
        return self._stored.status

    @property
    def outcome(self) -> str | None:
        """How the run ended: `success`, `failure`, `cancelled`, `terminated`; None before its
        end.
        """
        return self._stored.outcome

    @property
    def fields(self) -> Any:
        """The run's state with its fields, as an instance of the state's class."""
        stored = self._stored
        return stored.at.fields.copy(stored.fields)

    @property
    def data(self) -> Any:
        """The data of the run's state, as plain data; secrets are not shown."""
        return self.view["data"]

    @property
    def view(self) -> dict[str, Any]:
        """The run as `opord runs show --json` shows it."""
        stored = self._stored
        inbox = self._world.store.inbox(RunId(self.id))
        return run_view(stored) | details_view(stored.body, inbox) | under_way_view(stored)

    @property
    def waiting_for(self) -> list[dict[str, Any]]:
        """What would move the run: events with their roles, timers, a person."""
        waits: list[dict[str, Any]] = self.view["waiting_for"]
        return waits

    @property
    def history(self) -> list[dict[str, Any]]:
        """The run's records, as `opord runs history --json` shows them, each with all its data."""
        store = self._world.store
        return history_view(
            self._program,
            self._world.journal(self.id),
            store.inbox(RunId(self.id)),
            store.values(RunId(self.id)),
        )

    @property
    def states(self) -> list[str]:
        """The states that the run has entered, in order."""
        return [one["to"] for one in self.history if one["kind"] in ("started", "transition")]

    @property
    def story(self) -> str:
        """What happened to the run, in words, as `opord runs history` prints it."""
        return "\n".join(run_story(self._program, self.history, self.view))

    @property
    def _stored(self) -> Stored:
        return self._world.stored(self.id)

    # --- what moves it ---------------------------------------------------------------------------

    def as_(self, actor: str, *, role: str | None = None) -> Self:
        """Return the same run for an actor who has a role."""
        same = copy.copy(self)
        same._actor, same._role = actor, role
        return same

    @property
    def sent(self) -> Sent:
        """What happened to the last event that was sent with this object.

        Raises:
            ScriptError: none was sent with it.
        """
        if self._sent is None:
            raise ScriptError(
                f"no event was sent to {self.id} through this object, so there is no reception to assert"
            )
        return self._sent

    @property
    def send(self) -> Send:
        """Send it an event: `run.send.approve(note="ok", as_="ann", role="manager")`."""
        return Send(self)

    def advance(self, span: TimeSpan) -> Self:
        """Let time pass; see `World.advance`."""
        self._world.advance(span)
        return self

    def resume(self, *, as_: str = OPERATOR, reason: str | None = None) -> Self:
        """Let the run go on after a stall, once the cause is mended."""
        self._world.act(self.id, lambda client: client.resume(self.id, actor=as_, reason=reason))
        return self

    retry = resume
    """The older name of `resume`."""

    def resolve(
        self,
        *,
        happened: bool | None = None,
        another: bool = False,
        result: Any = None,
        as_: str = OPERATOR,
        reason: str | None = None,
    ) -> Self:
        """Say, as a person, whether the action in doubt happened, and with which result.

        Of a collision, say `happened=True` to take the result on record, or `another=True`.
        """
        self._world.act(
            self.id,
            lambda client: client.resolve(
                self.id, happened=happened, another=another, result=result, actor=as_, reason=reason
            ),
        )
        return self

    def answered_late(
        self, action: str, result: Any = None, *, failure: Failure | None = None, attempt: int | None = None
    ) -> Self:
        """Let an attempt of an action answer only now, as one that was given up may.

        It is the latest commit of the action, and its latest attempt unless another is named. What
        contradicts a decision raises an alarm.
        """
        call = self._action(action)
        calls = [one for one in self.history if one.get("call") == action and "key" in one]
        intents = [one["seq"] for one in calls if one["kind"] == "intent"]
        if not intents:
            raise ScriptError(f"{self.id} has not called {action} yet, so no late answer can come")
        last = max(one.get("attempt", 1) for one in calls if one["seq"] >= intents[-1])
        kind: EvidenceKind = "ok" if failure is None else "failed"
        value = dump_failure(call, failure) if failure is not None else None
        if failure is None and call.result is not None:
            value = call.result.dump(call.result.accept(result))
        evidence = Evidence(intents[-1], action, attempt or last, kind, value, "late worker")
        self._world.act(self.id, lambda client: client.late(self.id, evidence))
        return self

    def acknowledge(self, *, as_: str = OPERATOR, reason: str | None = None) -> Self:
        """Close the run's alarms, as a person who has looked at them."""
        self._world.act(self.id, lambda client: client.acknowledge(self.id, actor=as_, reason=reason))
        return self

    def drop_event(self, event_id: str, *, as_: str = OPERATOR, reason: str | None = None) -> Self:
        """Take out a stored event, or that of a stalled step, as a person does."""
        self._world.act(
            self.id, lambda client: client.drop_event(self.id, event_id, actor=as_, reason=reason)
        )
        return self

    def terminate(self, *, as_: str = OPERATOR, reason: str | None = None) -> Self:
        """End the run by an administrator's decision."""
        self._world.act(self.id, lambda client: client.terminate(self.id, actor=as_, reason=reason))
        return self

    # --- what is asserted of it ------------------------------------------------------------------

    def assert_state(self, state: str, **fields: Any) -> Self:
        """Assert the run's state, and the values of some of its fields.

        Values are plain data, typed, or mixed.
        """
        __tracebackhide__ = True
        self._require_state(state)
        if self.state != state:
            raise self.wrong(f"it is in {self.state}, not in {state}")
        names = {form: name for name, form in self._forms(state).items()}
        for form, wanted in fields.items():
            if form not in names:
                raise ScriptError(f"{state} has no field {form}; it has {', '.join(names) or 'none'}")
            value = getattr(self.fields, form)
            shown = (self.data or {}).get(names[form])
            if wanted not in (value, shown) and self._typed(state, form, wanted) != value:
                raise self.wrong(f"{form} of {state} is {value!r}, not {wanted!r}")
        return self

    def assert_ended(self, outcome: str = "success") -> Self:
        """Assert that the run has ended, and how.

        That is `success`, `failure`, `cancelled` or `terminated`.
        """
        __tracebackhide__ = True
        if self.outcome != outcome:
            is_now = f"it ended with {self.outcome}" if self.outcome else f"it is {self._is}"
            raise self.wrong(f"{is_now} in {self.state}, not ended with {outcome}")
        return self

    def assert_states(self, *states: str) -> Self:
        """Assert which states the run has entered, in order."""
        __tracebackhide__ = True
        for state in states:
            self._require_state(state)
        if self.states != [*states]:
            raise self.wrong(f"it went {' → '.join(self.states)}, not {' → '.join(states)}")
        return self

    def assert_waits_for(self, *events: str) -> Self:
        """Assert that the run waits, and for at least these events."""
        __tracebackhide__ = True
        waits = [wait["event"] for wait in self.waiting_for if "event" in wait]
        missing = [event for event in events if event not in waits]
        if self.status != "waiting" or missing:
            heard = f"for {', '.join(waits)}" if waits else "for no event"
            raise self.wrong(f"it is {self._is} in {self.state} {heard}, not for {', '.join(events)}")
        return self

    def assert_in_doubt(self, action: str) -> Self:
        """Assert that the run waits for a person to say whether an action happened."""
        __tracebackhide__ = True
        self._action(action)
        stored = self._stored
        intent = stored.intent
        if stored_needs(stored) != "doubt" or intent is None or intent.call != action:
            raise self.wrong(f"it is {self._is} in {self.state}, not in doubt about {action}")
        return self

    def assert_collision(self, action: str) -> Self:
        """Assert that the run waits for a person because a key of an action took effect before."""
        __tracebackhide__ = True
        call = self._program.calls.get(action)
        if call is None or not isinstance(call.declaration, Action):
            raise ScriptError(f"{self._program.name} has no action {action}")
        stored = self._stored
        collision = stored.collision
        if not stored.collides or collision is None or collision.call != action:
            raise self.wrong(f"it is {self._is} in {self.state}, and {action} has no collision")
        return self

    def assert_alarm(self, action: str) -> Self:
        """Assert that the run has an open alarm about an action."""
        __tracebackhide__ = True
        self._action(action)
        alarms = self._stored.body.alarms
        if all(alarm.call != action for alarm in alarms):
            others = ", ".join(sorted({alarm.call for alarm in alarms}))
            has = f"it has an alarm about {others}" if others else "it has no alarm"
            raise self.wrong(f"{has}, and none about {action}")
        return self

    def assert_stalled(self, why: str = "") -> Self:
        """Assert that the run is stalled until a person mends something.

        `why` is part of the reason.
        """
        __tracebackhide__ = True
        if self.status != "stalled" or why not in (self.view["reason"] or ""):
            raise self.wrong(
                f"it is {self._is} in {self.state}, not stalled" + (f" with {why!r}" if why else "")
            )
        return self

    def _typed(self, state: str, form: str, wanted: Any) -> Any:
        """Return a wanted field as an instance of its type.

        Plain and typed values may be mixed in it.
        """
        now = self.fields
        wish = {
            name: wanted if its == form else getattr(now, its) for name, its in self._forms(state).items()
        }
        try:
            return getattr(self._program.states[state].fields.accept(wish), form)
        except BadValue:
            return wanted

    def _action(self, name: str) -> CallProgram:
        call = self._program.calls.get(name)
        if call is None or not isinstance(call.declaration, Action):
            raise ScriptError(f"{self._program.name} has no action {name}")
        return call

    def wrong(self, message: str) -> AssertionError:
        """Make the error of a failed assertion, with the run's story."""
        return AssertionError(f"{self.id}: {message}\n\n{self.story}")

    @property
    def _is(self) -> str:
        return self.status.replace("_", " ")

    def _require_state(self, state: str) -> None:
        if state not in self._program.states:
            near = difflib.get_close_matches(state, self._program.states, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(self._program.states)}"
            raise ScriptError(f"{self._program.name} has no state {state}; {hint}")

    def _forms(self, state: str) -> dict[str, str]:
        return python_names(field.name for field in self._program.states[state].declaration.fields)


class Send:
    """Sends a run its events, each by a method of its name; `send("approve", {…})` does the same.

    `as_` and `role` say who sends the event. If an event has parameters of these names, use
    `run.as_(…).send`.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Callable[..., Run]:
        if name.startswith("__"):
            raise AttributeError(name)
        run = self._run
        events = run._program.events
        forms = {form: event for event, form in python_names(events).items()}
        event = forms.get(name, name)
        declared = events.get(event)
        params = {form: param for param, form in python_names(declared.params if declared else ()).items()}

        def send(**members: Any) -> Run:
            who: dict[str, Any] = {"as_": run._actor, "role": run._role}
            who |= {word: members.pop(word) for word in who if word in members and word not in params}
            named = {params.get(form, form): value for form, value in members.items()}
            return self(event, named, as_=who["as_"], role=who["role"])

        return send

    def __call__(
        self, event: str, members: Mapping[str, Any], /, *, as_: str | None = None, role: str | None = None
    ) -> Run:
        """Send an event with a value for each of its parameters, and return the run.

        `run.sent` then says what happened to the event.

        Raises:
            opord.Refused: the run's state, its contract or the sender's role does not allow it.
        """
        run = self._run
        actor = run._actor if as_ is None else as_
        run._sent = run._world.send(run.id, event, members, actor=actor, role=role or run._role)
        return run

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *python_names(self._run._program.events).values()]
