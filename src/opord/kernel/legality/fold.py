"""The state that a journal adds up to, record by record, as far as legality depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opord.contract import Action
from opord.kernel.instants import parse
from opord.kernel.legality.values import Values
from opord.kernel.program import CallProgram, HandlerProgram, Program, StateProgram
from opord.kernel.records import RecordKind
from opord.kernel.requests import Frame, RunInfo
from opord.kernel.rows import ValueRow
from opord.kernel.scheduling import NO_LABEL
from opord.values.types import START_OF_TIME, Instant, Key, RunId


class Problem(NamedTuple):
    """A problem of a run: its record (None: the stored run), what is wrong, and why."""

    seq: int | None
    what: str
    why: str

    def __str__(self) -> str:
        where = f"record {self.seq}" if self.seq is not None else "the stored run"
        return f"{where}: {self.what}: {self.why}"


class ReadRecord(NamedTuple):
    """A record as read: its number, time, kind and content."""

    seq: int
    at: Instant
    kind: RecordKind
    body: Mapping[str, Any]

    def instant(self, name: str) -> Instant:
        """Return a member that is an instant."""
        return parse(self.body[name])


class TakenEvent(NamedTuple):
    """An event whose step is under way. `at_once` is true if the step makes no call.

    Such a step ends in the same write. `at` is when the event was taken, `seq` the number of its
    record; `args` are in rest form.
    """

    event: str
    handler: HandlerProgram
    at_once: bool
    at: Instant
    args: Any
    actor: str
    role: str
    id: str
    key: str
    seq: int
    delivery: str


class Used(NamedTuple):
    """The arguments and the result of an action under its own key, in rest form."""

    args: Any
    result: Any


@dataclass
class Commit:
    """An action whose intent is on record and whose step has not ended.

    - `first_at` is when the attempts began that count for the key's window; `counted` is their
      number, and `misfits` the number of those whose answer did not fit.
    - `doubts` are the attempts with an unknown outcome. `ruled` are those whose record says that
      each must be answered; `cut_off` are those whose worker was lost.
    - `failure` is the failure of the last attempt. `refused` is true if it is final and was set
      aside because of a doubt.
    - `excused` is true if it is on record that no attempt took effect; `denied`, that none from
      before a restore did either.
    - `another` is true if a person said that it is another commit than the one under its key.
    - `began_in` is the record with which the last attempt began, `began_at` its time.
    - `given_up_at` is when the last doubt began; `once_given_up` are its values from before a
      restore. `doubt_since` is from when on some attempt has been in doubt.
    - `checks` is the number of the last attempt of its check that is on record.
    - `reason` is why there was a doubt, and `trouble` what its handler did wrong. `answers` are
      those of the calls before the commit in its step.
    """

    seq: int
    call: CallProgram
    action: Action
    key: Key
    args: Any
    now: Instant
    first_at: Instant
    attempt: int = 1
    counted: int = 1
    misfits: int = 0
    in_flight: bool = True
    began_in: int = 0
    began_at: Instant = START_OF_TIME
    doubts: list[int] = field(default_factory=list)
    ruled: set[int] = field(default_factory=set)
    cut_off: set[int] = field(default_factory=set)
    refused: bool = False
    another: bool = False
    given_up_at: Instant = START_OF_TIME
    once_given_up: list[Instant] = field(default_factory=list)
    doubt_since: Instant = START_OF_TIME
    reason: str = ""
    trouble: Any = None
    answers: Any = ()
    failure: Any = None
    next_at: Instant = START_OF_TIME
    next_said: bool = False
    checks: int = 0
    excused: bool = False
    denied: bool = False
    asked_again: bool = False
    person_says: Any = None
    evidence: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    outcome: dict[str, Any] | None = None
    outcome_by: str = ""

    @property
    def unanswered(self) -> set[int]:
        """The attempts in doubt that a final failure of another attempt does not answer.

        It answers them only if it settles. Before Opord had that rule, records of doubts did not
        name it, and such a failure ended them.
        """
        return self.ruled & {*self.doubts}

    @property
    def rests(self) -> bool:
        """True between two attempts with nothing in doubt.

        An event or timer of the phase may then take the run.
        """
        return not self.in_flight and not self.doubts and self.outcome is None


@dataclass
class TriesOnRecord:
    """The failed attempts of the effect that a step waits for.

    `seq` is the first of their `records`, which say the numbers of the attempts; `reason` says how
    the last one failed, and `trouble` what its handler did wrong.
    """

    seq: int
    call: str
    failures: int
    surprises: int
    next_at: Instant
    reason: str
    trouble: Any
    records: dict[int, int]

    @property
    def number(self) -> int:
        """The number of the last attempt."""
        return self.failures + self.surprises


@dataclass
class CollisionOnRecord:
    """A commit whose key took effect before, with other arguments, and what a person says of it."""

    seq: int
    call: str
    key: str
    answer: str | None = None


@dataclass
class StepOnRecord:
    """A step without a commit, as far as it is on record."""

    now: Instant
    answers: list[Mapping[str, Any]]
    tries: TriesOnRecord | None
    collision: CollisionOnRecord | None = None


class Fold:
    """The sum of the records so far.

    - `stalled_here` is true if the run has stalled since it entered its state; `stalled_at` is when
      it last did.
    - `dropped_keys` are the events with a key that a person took out, each with its key.
    - `open_alarms` are the alarms that nobody has acknowledged, in the form of a row.
    - `reused` is the action of this step whose outcome is on record without an intent, and
      `reused_outcome` that outcome: its key had taken effect before, or it is carried out in a
      transaction.
    - `transacted` is the number of the state that the last action in transaction led to, as
      `entered` counts them; 0 if there was none.
    - `resumed` is true if it was resumed and no record has followed from that yet.
    - `attempts` counts the attempts of each intent.
    - `effects` are the actions that may have taken effect, with their states.
    - `own_keys_say_nothing` is true after a restore after which the run's own key is not relied
      on.
    - `trace` is the `traceparent` of the newest start or event that came with one.
    - `not_before` are the calls whose other side asked to wait, with the ends of these waits.
    - `taken_in` counts the records that came from the inbox; `brought` counts the evidence that may
      have come from it.
    """

    def __init__(self, program: Program, run: RunId, values: Iterable[ValueRow] = ()) -> None:
        self.program = program
        self.run = run
        self.values: Values = Values(program, run, values)
        self.problems: list[Problem] = []
        self.seq = 0
        self.hash = ""
        self.epoch = 0
        self.last_kind: RecordKind | None = None
        self.started_at = START_OF_TIME
        self.priority = 0
        self.label = NO_LABEL
        self.trace = ""
        self.input: Any = None
        self.input_rest: Any = None
        self.state = ""
        self.data: Any = None
        self.fields: Any = None
        self.entered = 0
        self.since = START_OF_TIME
        self.phase_since = START_OF_TIME
        self.timers: dict[str, Instant] = {}
        self.fired: set[str] = set()
        self.taken_event: TakenEvent | None = None
        self.commit: Commit | None = None
        self.step: StepOnRecord | None = None
        self.reused: str | None = None
        self.reused_outcome: Mapping[str, Any] = {}
        self.transacted = 0
        self.stalled = False
        self.wary = START_OF_TIME
        self.wary_until = START_OF_TIME
        self.restored_in = 0
        self.own_keys_say_nothing = False
        self.ended: str | None = None
        self.ended_why: str | None = None
        self.how = ""
        self.trouble: dict[str, Any] | None = None
        self.stalled_here = False
        self.stalled_at = START_OF_TIME
        self.open_alarms: list[dict[str, Any]] = []
        self.resumed = False
        self.last_at: Instant = START_OF_TIME
        self.last_worker: str = ""
        self.intents: dict[int, str] = {}
        self.attempts: dict[int, int] = {}
        self.effects: set[tuple[str, str]] = set()
        self.used_keys: dict[tuple[str, str], Used] = {}
        self.event_keys: dict[tuple[str, str], int] = {}
        self.event_args: dict[tuple[str, str], Any] = {}
        self.dropped_keys: list[list[str]] = []
        self.not_before: dict[str, Instant] = {}
        self.taken_messages: set[str] = set()
        self.taken_in: int = 0
        self.brought: int = 0

    def follow(self, record: ReadRecord) -> None:
        """Note what every record says: its time, its writer, the message from the inbox."""
        body = record.body
        self.last_at, self.last_worker = record.at, str(body.get("worker", ""))
        if "arrived" in body:
            self.taken_in += 1
            if "id" in body:
                self.taken_messages.add(body["id"])
        elif record.kind == "evidence" and "of" not in body:
            self.brought += 1

    def problem(self, what: str, why: str) -> None:
        """Report a problem of the current record."""
        self.problems.append(Problem(self.seq, what, why))

    def stored_problem(self, what: str, why: str) -> None:
        """Report a problem of the stored run."""
        self.problems.append(Problem(None, what, why))

    @property
    def at(self) -> StateProgram:
        """The current state of the run."""
        return self.program.states[self.state]

    @property
    def acts(self) -> bool:
        """True if the current state acts."""
        return self.at.declaration.kind == "acting"

    def frame(self, now: Instant, actor: str = "") -> Frame[Any]:
        """Return what is in scope everywhere in the contract."""
        return Frame(self.input, RunInfo(self.run, self.started_at), now, actor)
