"""The errors of the engine. Each is named for its situation and has its facts as attributes.

Every refusal has a stable `code` and has changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from opord.contract import Requirement
from opord.kernel.rows import Tombstone
from opord.kernel.same_input import Difference
from opord.values.types import Key, RunId

_PROBLEMS_TOLD: Final = 10
"""How many problems of an input a message names."""


_DIFFERENCES_TOLD: Final = 5
"""How many fields that differ a start conflict names."""


class EngineError(Exception):
    """Base of the errors that the engine raises."""

    code = "engine"


class Refused(EngineError):
    """A request that the contract, the run's state or the sender's role does not allow.

    The caller can act on it.
    """

    code = "refused"


class InputProblem(NamedTuple):
    """One thing that is wrong with an input: its place, and what was seen and is expected."""

    path: str
    message: str

    def __str__(self) -> str:
        if not self.path:
            return self.message
        return f"{self.path}{'' if self.message.startswith('is ') else ':'} {self.message}"


class InputInvalid(Refused):
    """The input of a start or event, or the result of a resolution, does not fit the contract.

    `path` and `problem` are those of the first problem. `problems` are all of them, up to 1000, and
    `short` is the message with the first alone. The message names up to 10.
    """

    code = "input_invalid"
    what: str
    path: str
    problem: str
    problems: tuple[InputProblem, ...]
    short: str

    def __init__(self, what: str, path: str, message: str, problems: Sequence[InputProblem] = ()) -> None:
        first = InputProblem(path, message)
        self.what, self.path, self.problem = what, path, message
        self.problems = tuple(problems) or (first,)
        others = len(self.problems) - 1
        head = f"the input of {what} does not fit:"
        self.short = f"{head} {first}{f' (and {others} more)' if others else ''}"
        lines = [f"  - {one}" for one in self.problems[:_PROBLEMS_TOLD]]
        if len(self.problems) > _PROBLEMS_TOLD:
            lines.append(f"  and {len(self.problems) - _PROBLEMS_TOLD} more")
        super().__init__("\n".join([head, *lines]) if others else self.short)


class RunUnknown(Refused):
    """No run has this name. `near` is an existing run with a name like it, if one was found."""

    code = "run_unknown"

    run: RunId
    near: RunId | None

    def __init__(self, run: RunId, near: RunId | None = None) -> None:
        form = "" if "/" in run else "; a run is named by its contract and its key, as in Order/17"
        hint = "`opord runs list` lists the runs" if near is None else f"did you mean {near!r}?"
        super().__init__(f"there is no run {run!r}{form if near is None else ''}; {hint}")
        self.run, self.near = run, near


class SchedulingInvalid(Refused):
    """The priority or the label of a start is none."""

    code = "scheduling_invalid"


class StartRefused(Refused):
    """A `require` of the contract does not hold for the input of a start. No run was made.

    `why` is the text of the contract. `requirement` is the one that does not hold; None if one
    could not be computed, which `why` says with its place.
    """

    code = "start_refused"

    contract: str
    why: str
    requirement: Requirement | None

    def __init__(self, contract: str, why: str, requirement: Requirement | None = None) -> None:
        super().__init__(f"{contract} does not start with this input: {why}")
        self.contract, self.why, self.requirement = contract, why, requirement


class StartConflict(Refused):
    """A run of this name was started before with another input.

    `fields` are the paths of the values that differ, such as `order.cents`; empty if it is not
    known which do.
    """

    code = "start_conflict"

    run: RunId
    fields: tuple[str, ...]

    def __init__(self, run: RunId, differing: Sequence[Difference] = (), *, why: str = "") -> None:
        told = [str(one) for one in differing[:_DIFFERENCES_TOLD]]
        if len(differing) > _DIFFERENCES_TOLD:
            told.append(f"{len(differing) - _DIFFERENCES_TOLD} more")
        where = f" ({'; '.join(told)})" if told else f" ({why})" if why else ""
        super().__init__(
            f"{run} was started before with another input{where}; that run is unchanged "
            f"(`opord runs show {run}`). Start with the same input, or under another key"
        )
        self.run = run
        self.fields = tuple(one.path for one in differing)


class ContractUnreadable(EngineError):
    """This version of Opord cannot compile a contract that is stored with its runs."""

    code = "contract_unreadable"


class SecretsUnprotected(EngineError):
    """A contract has secrets, and there is no key to encrypt them with."""

    code = "secrets_unprotected"
    contract: str
    places: tuple[str, ...]

    def __init__(self, contract: str, places: Sequence[str]) -> None:
        some = ", ".join(places[:3]) + (", …" if len(places) > 3 else "")
        super().__init__(
            f"{contract} keeps secrets ({some}), and no key is configured to encrypt them. Make one with `opord keys new`, "
            "and set it as OPORD_SECRET_KEYS. To store them readable instead, use --insecure-plaintext-secrets "
            "(insecure_plaintext_secrets=True)"
        )
        self.contract, self.places = contract, tuple(places)


class ContractReplaced(Refused):
    """The contract of a start is no longer in the store: it was replaced before a run used it."""

    code = "contract_replaced"

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"contract {name} version {version} was replaced in the store: another process stored other content for it before "
            "a run was started with this one. Restart this process with the right contract, or give this contract a "
            "new version"
        )
        self.name = name
        self.version = version


class EventRefused(Refused):
    """The run's current state does not handle the event.

    `handled` lists the events that it handles.
    """

    code = "event_refused"
    run: RunId
    event: str
    state: str
    handled: tuple[str, ...]

    def __init__(
        self, run: RunId, event: str, state: str, handled: Sequence[str], why: str = "", *, how: str = ""
    ) -> None:
        can = f"it handles {', '.join(handled)}" if handled else "it handles no event now"
        came = f" (by {how})" if how else ""
        message = why or f"is in {state}{came}, which does not handle {event!r}"
        super().__init__(f"{run} {message}; {can}")
        self.run, self.event, self.state, self.handled = run, event, state, tuple(handled)


class EventWouldStall(EventRefused):
    """The step of the event can only stall the run: it cannot be computed up to its first call.

    `problem` says why, with the `place` in the contract if it is known.
    """

    code = "event_would_stall"

    run: RunId
    event: str
    state: str
    handled: tuple[str, ...]
    problem: str
    place: str | None

    def __init__(self, run: RunId, event: str, state: str, problem: str, place: str | None) -> None:
        where = f"the line {place}" if place is not None else "the contract"
        Refused.__init__(
            self,
            f"{run} is in {state}, and its answer to this {event!r} cannot be computed: {problem}. The event changed "
            f"nothing. Send it with other values, or change {where} in a new version of the contract",
        )
        self.run, self.event, self.state, self.handled = run, event, state, (event,)
        self.problem, self.place = problem, place


class RoleRequired(Refused):
    """The sender has none of the roles that may do this."""

    code = "role_required"
    what: str
    roles: tuple[str, ...]
    given: str | None

    def __init__(self, what: str, roles: Sequence[str], given: str | None) -> None:
        has = f"the role given is {given}" if given else "no role was given"
        super().__init__(f"only {' or '.join(roles)} may send {what}; {has}")
        self.what, self.roles, self.given = what, tuple(roles), given


class EventConflict(Refused):
    """An event with this key was sent before with other content.

    `of_delivery` is true if `key` is the id under which its sender delivered it.
    """

    code = "event_conflict"
    run: RunId
    event: str
    key: Key
    of_delivery: bool

    def __init__(self, run: RunId, event: str, key: Key, *, of_delivery: bool = False) -> None:
        what = "delivery id" if of_delivery else "key"
        super().__init__(
            f"{run} already has {event!r} with the {what} {key!r} and other content. "
            f"The first one counts; this one changed nothing. Send another event under another {what}"
        )
        self.run, self.event, self.key, self.of_delivery = run, event, key, of_delivery


class RunEnded(Refused):
    """The run has ended and cannot be moved."""

    code = "run_ended"
    run: RunId
    state: str
    outcome: str | None

    def __init__(self, run: RunId, state: str, outcome: str | None, *, how: str = "") -> None:
        came = f" by {how}" if how else ""
        super().__init__(f"{run} has ended in {state} ({outcome}){came}; nothing can move it now")
        self.run, self.state, self.outcome = run, state, outcome


class RunPruned(RunEnded):
    """The run has ended and was pruned.

    Its key is still taken; its history is in an archive or was deleted.
    """

    code = "run_pruned"
    run: RunId
    state: str
    outcome: str | None

    def __init__(self, tombstone: Tombstone) -> None:
        run, archive = tombstone.run, tombstone.archive
        where = (
            f"`opord runs history {run} --archive {archive}` shows its history"
            if archive is not None
            else "its history was not archived"
        )
        super(RunEnded, self).__init__(
            f"{run} has ended in {tombstone.state} ({tombstone.outcome}) and was pruned; {where}"
        )
        self.run, self.state, self.outcome = run, tombstone.state, tombstone.outcome
        self.archive = archive
        self.tombstone = tombstone


class RunMoved(Refused):
    """A request for a run as it was seen, which has moved since.

    `seen` is the number of its newest record then, `seq` that of now.
    """

    code = "run_moved"
    run: RunId
    seen: int
    seq: int

    def __init__(self, run: RunId, seen: int, seq: int) -> None:
        super().__init__(
            f"{run} has moved: record {seen} was the newest that you saw, and it has {seq} now; look at it again"
        )
        self.run, self.seen, self.seq = run, seen, seq


class QueueFull(Refused):
    """Too many events wait in the run; another one is not stored."""

    code = "queue_full"
    run: RunId
    event: str
    state: str

    def __init__(self, run: RunId, event: str, state: str, amount: str, limit: str) -> None:
        super().__init__(
            f"{run} is in {state} and cannot store {event!r}: {amount} wait for it, and at most {limit} may. "
            "Send it again when the run has taken some of them"
        )
        self.run, self.event, self.state = run, event, state


class HistoryFull(Refused):
    """The run has too many records to take another event."""

    code = "history_full"
    run: RunId
    event: str
    records: int
    limit: int

    def __init__(self, run: RunId, event: str, records: int, limit: int) -> None:
        super().__init__(
            f"{run} cannot take {event!r}: it has {records:,} records, and a run has at most {limit:,}. "
            f"End it with `opord runs terminate {run}`, and start a new run in its place"
        )
        self.run, self.event, self.records, self.limit = run, event, records, limit


class NotInDoubt(Refused):
    """A resolution for a run that has no doubt to resolve now.

    `instead` are the commands that see to what the run does need.
    """

    code = "not_in_doubt"

    run: RunId
    instead: tuple[str, ...]

    def __init__(self, run: RunId, why: str, instead: Sequence[str] = ()) -> None:
        super().__init__(f"{run} cannot be resolved now: {why}{_in_place_of_it(instead)}")
        self.run, self.instead = run, tuple(instead)


class NotStalled(Refused):
    """A `resume` for a run that is not stalled.

    `instead` are the commands that see to what the run does need.
    """

    code = "not_stalled"
    run: RunId
    status: str
    instead: tuple[str, ...]

    def __init__(self, run: RunId, status: str, instead: Sequence[str] = ()) -> None:
        move = _in_place_of_it(instead) or "; there is nothing to resume"
        super().__init__(f"{run} is not stalled but {status.replace('_', ' ')}{move}")
        self.run, self.status, self.instead = run, status, tuple(instead)


class CollisionOpen(Refused):
    """A `resume` for a run that a person has to resolve: a key took effect before."""

    code = "collision_open"
    run: RunId
    call: str
    key: Key

    def __init__(self, run: RunId, call: str, key: Key) -> None:
        super().__init__(
            f"`resume` does not help {run}: {call} already took effect in it under the key {key!r}, with other "
            f"arguments. `opord runs resolve {run} --happened` takes the result on record, and "
            f"`opord runs resolve {run} --another` commits it as another one"
        )
        self.run, self.call, self.key = run, call, key


class WrongResolution(Refused):
    """A `resolve` that does not fit the question that the run asks a person."""

    code = "wrong_resolution"

    def __init__(self, run: RunId, why: str, answers: Sequence[str]) -> None:
        commands = " or ".join(f"`opord runs resolve {run} {answer}`" for answer in answers)
        super().__init__(f"{run}: this answer does not fit: {why}; use {commands}")
        self.run = run


class NoAlarm(Refused):
    """An `acknowledge` for a run without an alarm that can be closed now.

    `instead` are the commands that see to what the run does need.
    """

    code = "no_alarm"

    run: RunId
    instead: tuple[str, ...]

    def __init__(self, run: RunId, why: str, instead: Sequence[str] = ()) -> None:
        super().__init__(f"{run}: nothing was acknowledged: {why}{_in_place_of_it(instead)}")
        self.run, self.instead = run, tuple(instead)


class EventIdUnknown(Refused):
    """A `drop_event` for an id that no event of the run has."""

    code = "event_id_unknown"

    run: RunId
    event_id: str

    def __init__(self, run: RunId, event_id: str) -> None:
        super().__init__(
            f"{run} has no event with the id {event_id!r}; `opord runs show {run}` has the ids of the events that can be "
            "dropped"
        )
        self.run, self.event_id = run, event_id


class EventGone(Refused):
    """A `drop_event` for an event that can no longer be dropped.

    `kind` is the kind of its record: the event was taken, only recorded, or dropped before.
    """

    code = "event_gone"

    run: RunId
    event_id: str
    kind: str
    seq: int

    def __init__(self, run: RunId, event_id: str, kind: str, seq: int) -> None:
        if kind == "event":
            what = "was taken, and its step has gone on"
        else:
            what = "was dropped before" if kind == "dropped" else "was recorded and moved nothing"
        super().__init__(f"the event {event_id!r} of {run} {what} (record {seq}); it cannot be dropped")
        self.run, self.event_id, self.kind, self.seq = run, event_id, kind, seq


class CommitOpen(Refused):
    """A `drop_event` for an event whose step has begun to commit an action."""

    code = "commit_open"

    run: RunId
    event: str
    call: str

    def __init__(self, run: RunId, event: str, call: str, *, held: bool) -> None:
        way_on = f"`opord runs resume {run}`" if held else f"the end of {call}"
        super().__init__(
            f"{run} cannot drop {event!r}: the step that answers it has called {call}, which may have taken effect; "
            f"it goes on from there after {way_on}"
        )
        self.run, self.event, self.call = run, event, call


class RunBusy(Refused):
    """A `drop_event` for a run that a worker holds, or for an event whose step has not stalled."""

    code = "run_busy"

    run: RunId
    worker: str | None
    event: str | None

    def __init__(
        self, run: RunId, worker: str | None, event: str | None = None, *, lease_over: bool = False
    ) -> None:
        why, move = f"its step for {event!r} is under way", "ask again when it waits or has stalled"
        if worker is not None:
            why = f"worker {worker} holds it now"
        if lease_over:
            why = f"worker {worker} held it, and its lease is over"
            move = "start a worker that takes the run over, and ask again when it waits or has stalled"
        super().__init__(f"{run} cannot drop an event: {why}; {move}")
        self.run, self.worker, self.event = run, worker, event


class UnknownEvent(Refused):
    """The contract declares no such event."""

    code = "event_unknown"
    contract: str
    event: str
    events: tuple[str, ...]

    def __init__(self, contract: str, event: str, events: Sequence[str]) -> None:
        from opord.language.diagnostics.suggest import nearest

        there = f"it has {', '.join(sorted(events))}" if events else "it has no events"
        if event == "cancel":
            message = (
                f"no state of {contract} handles `cancel`, so its runs cannot be cancelled; {there}. "
                "`opord runs terminate RUN` ends a run against its contract"
            )
        else:
            near = nearest(event, events) if isinstance(event, str) else None
            message = f"{contract} has no event {event!r}; {f'did you mean {near!r}?' if near else there}"
        super().__init__(message)
        self.contract, self.event, self.events = contract, event, tuple(events)


class RunTerminated(EngineError):
    """The run that a caller waits for was terminated by an administrator, so it has no result."""

    code = "run_terminated"
    run: RunId
    state: str

    def __init__(self, run: RunId, state: str) -> None:
        super().__init__(f"{run} was terminated in {state}; it has no result")
        self.run, self.state = run, state


class HandlersInvalid(EngineError):
    """Handlers are missing or have the wrong form; `problems` names each."""

    code = "handlers_invalid"
    contract: str
    problems: tuple[str, ...]

    def __init__(self, contract: str, problems: Sequence[str]) -> None:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"the handlers of {contract} do not fit its contract:\n{listed}")
        self.contract, self.problems = contract, tuple(problems)


class EngineClosed(EngineError):
    """The engine is not running: it was used outside `async with`, or after it was closed."""

    code = "engine_closed"


class CannotClaim(EngineError):
    """A worker that ends when idle could not claim runs, so it cannot tell whether any are left."""

    code = "cannot_claim"

    def __init__(self, times: int) -> None:
        super().__init__(
            f"claiming runs failed {times} times in a row, so the worker cannot tell what is left to do; the log above "
            "says why, and `opord doctor` checks the store"
        )


class RunUnreadable(EngineError):
    """What is stored of a run does not fit its contract.

    It was damaged, or another program wrote it.
    """

    code = "run_unreadable"

    def __init__(self, run: RunId, why: str) -> None:
        super().__init__(
            f"{run} cannot be read: {why}; `opord runs verify {run}` says what its journal holds, and "
            "`opord doctor` looks for damage in the store"
        )
        self.run = run


def _in_place_of_it(commands: Sequence[str]) -> str:
    """Write the commands to type in place of a verb that was refused."""
    return f"; instead, type {' or '.join(f'`{command}`' for command in commands)}" if commands else ""
