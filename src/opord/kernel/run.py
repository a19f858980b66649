"""A run: its state and its data, and what is open in the middle of a step.

A `Run` holds everything about one run between two writes, so a worker that loads it can go on
without the journal. It is changed only through a `Draft`, which records each change.
Its structs hold plain data without cycles, so the garbage collector need not look at them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from opord.contract import Action
from opord.kernel.alarms import Alarm, PastCommit
from opord.kernel.cause import Cause
from opord.kernel.large import INPUT_VALUES, Keep, Large, LargeValues, Split, ValueCache, larges, under
from opord.kernel.program import CallProgram, Program, StateProgram
from opord.kernel.records import CollisionAnswer, EndingKind, OutcomeBy
from opord.kernel.requests import Frame, RunInfo
from opord.kernel.rows import Head, RunOutcome, RunRow, Status, ValueRow
from opord.kernel.scheduling import USUAL, Scheduling
from opord.kernel.sealing import SEALED, comparable, opened, sealed
from opord.values.canonical import dumps, loads
from opord.values.types import NO_DIGEST, START_OF_TIME, Digest, Instant, Key, RunId


class Answer(msgspec.Struct, omit_defaults=True, gc=False):
    """The answer to a call of a step, in rest form: `ok` is its result, or `failed` its failure."""

    call: str
    ok: Any = None
    failed: Any = None
    attempts: int = 1
    ms: float = 0.0


class Outcome(msgspec.Struct, omit_defaults=True, gc=False):
    """How a commit ended: `ok` with a result, `failed` with a failure, in rest form.

    `by` says how it became known.
    """

    kind: EndingKind
    value: Any = None
    by: OutcomeBy = "call"

    def shape(self) -> dict[str, Any]:
        """Return the outcome in the form of a record."""
        return {self.kind: self.value}


class Intent(msgspec.Struct, omit_defaults=True, gc=False):
    """The open commit of a step: its action will be, was, or may have been called.

    - `attempt` is the number of the latest attempt. It began at `began_at` (0 in rows of older
      versions); `in_flight` is true if its end is not on record.
    - `doubts` are the attempts with an unknown outcome. `given_up_at` is when the last of these was
      given up; `doubt_since` is from when on the commit has been in doubt.
    - `counted` are the attempts that count against `retry`, since `first_at`. `misfits` is how many
      answers since then the contract does not allow: results of another type, for example.
    - `failure` is the failure that the step gets when no attempt is left. `refused` is true if it
      is final and came while an attempt before it was in doubt.
    - `checks` counts the checks that gave no answer. `asking` is true while a person is asked.
    - `denied` is true if it is on record that no attempt so far took effect, nor any that a
      restored copy does not know of.
    - `reason` is why the last doubt began; `trouble` is what its handler did wrong, if that is why.
    - `another` is true if the key is the run's own one although the contract computes one: the
      computed key took effect before, with other arguments, and a person said that this commit is
      another one.
    - `outcome` is set once it is known; then only the rest of the step is open.
    """

    seq: int
    call: str
    key: Key
    args: Any
    first_at: Instant
    attempt: int = 1
    counted: int = 1
    misfits: int = 0
    in_flight: bool = True
    began_at: Instant = START_OF_TIME
    doubts: list[int] = []
    given_up_at: Instant = START_OF_TIME
    doubt_since: Instant = START_OF_TIME
    next_at: Instant = START_OF_TIME
    checks: int = 0
    failure: Any = None
    asking: bool = False
    denied: bool = False
    refused: bool = False
    another: bool = False
    reason: str = ""
    trouble: dict[str, Any] | None = None
    outcome: Outcome | None = None


class FailedAttempts(msgspec.Struct, omit_defaults=True, gc=False):
    """The failed attempts of the effect that a step waits for. The next one is due at `next_at`.

    - `seq` is the number of the record of the first of them.
    - `failures` counts transient failures and timeouts, `surprises` those that the contract does
      not declare.
    - `reason` says how the last one ended, as in "failed with Problem.Busy"; `trouble` is what its
      handler did wrong, if that is how.
    """

    seq: int
    call: str
    failures: int = 0
    surprises: int = 0
    next_at: Instant = START_OF_TIME
    reason: str = ""
    trouble: dict[str, Any] | None = None

    @property
    def number(self) -> int:
        """The number of the last attempt."""
        return self.failures + self.surprises


class Collision(msgspec.Struct, omit_defaults=True, gc=False):
    """A commit whose key took effect in the run before, with other arguments.

    `seq` is its record. `answer` is what a person said, None while one is asked: it happened, and
    the result on record is its result; or it is another one, made under the run's own key.
    """

    seq: int
    call: str
    key: Key
    answer: CollisionAnswer | None = None


class Pending(msgspec.Struct, omit_defaults=True, gc=False):
    """The recorded part of a step under way.

    `tries` are the failed attempts of the effect that it waits for, `collision` what a person has
    to resolve or has resolved.
    """

    cause: Cause | None = None
    now: Instant = START_OF_TIME
    answers: list[Answer] = []
    intent: Intent | None = None
    tries: FailedAttempts | None = None
    collision: Collision | None = None

    @property
    def on_record(self) -> bool:
        """True if `now` and the answers are on record, so that the step goes on from there."""
        return bool(self.intent or self.tries or self.collision or self.answers)


class RunBody(msgspec.Struct, omit_defaults=True, gc=False):
    """What the kernel keeps in `Head.body`: all of a run that the store need not understand.

    - `data` is the data of its state, as JSON text; `Run.data` has it decoded.
    - `values` are the digests of large values by their places (`large.py`); none in memory.
    - `how` says what led into the current state.
    - `fired` are the timers of the phase that have moved the run since it entered the phase.
    - `settled` names the actions with a `key expr` that took effect.
    - `trouble` is why a run stalled; `stalled_at` is when it last did, 0 in rows of older versions.
    - `alarms` are those that are open.
    - `dropped` names the events with a key that a person took out, each with its key; those with
      the id of a delivery as well, in the form of `EventKey`.
    - `limit` is the name of the limit that it waits for, and since when; None if it does not wait.
    - `not_before` has the calls that rest as asked, each with its end (see `asked_waits.py`).
    - `trace` is the `traceparent` of the newest start or event that came with one.
    - `wary`, in a restored store, is the last instant that the copy knows of it (`restored.py`).
    """

    data: msgspec.Raw
    entered: int
    phase_since: Instant = START_OF_TIME
    timers: dict[str, Instant] = {}
    fired: list[str] = []
    how: str = ""
    pending: Pending | None = None
    settled: list[str] = []
    limit: tuple[str, Instant] | None = None
    trouble: dict[str, Any] | None = None
    stalled_at: Instant = START_OF_TIME
    alarms: list[Alarm] = []
    dropped: list[tuple[str, Key]] = []
    not_before: dict[str, Instant] = {}
    trace: str = ""
    wary: Instant = START_OF_TIME
    wary_until: Instant = START_OF_TIME
    values: dict[str, Digest] = {}


_NO_DATA = msgspec.Raw(b"null")

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(RunBody).decode


class Run:
    """One run, decoded. Its attributes change only through a `Draft`.

    `data` is its state's data in rest form, `fields` the same as a value. `kept_data` and
    `input_rest` say how data and input are stored. `large` are the large values in them. `past` is
    what the journal says of commits, by the numbers of their intents, once somebody has looked.
    """

    __slots__ = (
        "arrivals",
        "body",
        "epoch",
        "fields",
        "hash",
        "id",
        "info",
        "input",
        "input_rest",
        "kept_data",
        "large",
        "outcome",
        "past",
        "program",
        "reason",
        "scheduling",
        "seq",
        "since",
        "started_at",
        "state",
        "status",
        "wake_at",
        "worker",
    )

    program: Program
    id: RunId
    started_at: Instant
    scheduling: Scheduling
    input: Any
    input_rest: Split
    kept_data: Split | None
    large: LargeValues
    epoch: int
    seq: int
    hash: Digest
    arrivals: int
    state: str
    fields: Any
    status: Status
    outcome: RunOutcome | None
    since: Instant
    wake_at: Instant | None
    worker: str | None
    reason: str | None
    body: RunBody
    past: dict[int, PastCommit | None]
    info: RunInfo

    def frame(self, now: Instant, actor: str = "") -> Frame[Any]:
        """Return what is in scope everywhere in the contract, for a step at `now`."""
        return Frame(self.input, self.info, now, actor)

    @property
    def at(self) -> StateProgram:
        """The current state, with all that runs or waits there."""
        return self.program.states[self.state]

    @property
    def intent(self) -> Intent | None:
        """The open commit; None if there is none."""
        pending = self.body.pending
        return pending.intent if pending is not None else None

    @property
    def collision(self) -> Collision | None:
        """The commit that collides with an earlier one; None if none does."""
        pending = self.body.pending
        return pending.collision if pending is not None else None

    @property
    def collides(self) -> bool:
        """True while a person is asked about a collision."""
        collision = self.collision
        return collision is not None and collision.answer is None

    @property
    def own_key(self) -> Key:
        """The run's own key for a commit in this state."""
        return Key(f"{self.id}/{self.body.entered}")

    @property
    def commit_open(self) -> bool:
        """True between a commit's intent and its step's goto, where nothing else moves the run.

        Between two attempts with nothing in doubt, the run may be moved.
        """
        intent = self.intent
        if intent is None:
            return False
        between = not intent.in_flight and not intent.doubts and not intent.asking and intent.outcome is None
        return not between

    @property
    def tries(self) -> FailedAttempts | None:
        """The failed attempts of the effect that the step waits for; None if there are none."""
        pending = self.body.pending
        return pending.tries if pending is not None else None

    @property
    def droppable(self) -> Cause | None:
        """The event that the step under way answers, if a person may drop it once it stalls."""
        cause = self.body.pending.cause if self.body.pending is not None else None
        return cause if cause is not None and cause.id and self.intent is None else None

    @property
    def between_attempts(self) -> bool:
        """True between two attempts with nothing in doubt, and where a call rests before one."""
        if self.intent or self.tries:
            return not self.commit_open
        return bool(self.body.not_before) and self.status == "waiting" and not self.waits

    @property
    def waits(self) -> bool:
        """True in a waiting state with no event being worked on."""
        return self.at.declaration.kind == "waiting" and self.body.pending is None

    def action(self, intent: Intent) -> tuple[CallProgram, Action]:
        """Return the program and the declaration of the intent's action."""
        call = self.program.calls[intent.call]
        declaration = call.declaration
        if not isinstance(declaration, Action):
            raise TypeError(f"{intent.call} is not an action of {self.program.name}")
        return call, declaration

    @property
    def data(self) -> Any:
        """The state's data in rest form; None if the run was read without data."""
        return self.kept_data.rest if self.kept_data is not None else None

    @property
    def input_text(self) -> str:
        """The whole input as canonical JSON. It identifies a repeated start."""
        split = self.input_rest
        if self.program.vault is None and not split.refs:
            return split.encoded().decode()
        return dumps(comparable(split.rest))

    def kept_input(self, keep: Keep) -> str:
        """Return the input in the form that the store keeps."""
        split = self.input_rest
        if self.program.vault is None and not split.refs:
            return split.encoded().decode()
        refs = {INPUT_VALUES: {path: keep(large) for path, large in split.refs}} if split.refs else {}
        return dumps(sealed(self.program, self.id, "input", {**split.small, **refs}))

    def carry(self, data: Split, fields: Any) -> None:
        """Set the data of a new state."""
        self.fields = fields
        self.kept_data = data
        if self.program.vault is not None:
            self.body.data = _NO_DATA
        else:
            self.body.data = data.raw if data.raw is not None else msgspec.Raw(data.encoded())
        if self.large.rests:
            self.large.carry(self.input_rest, data)

    def head(self, keep: Keep, needs: str) -> Head:
        """Return the head for the store. `keep` has its values stored."""
        return Head(
            self.state,
            self.status,
            self.outcome,
            self.since,
            self.wake_at,
            self.worker,
            self.reason,
            self._kept_body(keep),
            needs,
        )

    def _kept_body(self, keep: Keep) -> str:
        body, data = self.body, self.kept_data
        if self.large.rests:
            values = dict(_still_there(body))
            if data is not None:
                values |= {f"data.{path}": keep(large) for path, large in data.refs}
            pending = self._kept_pending(body.pending, values, keep) if body.pending is not None else None
            body = msgspec.structs.replace(body, pending=pending, values=values)
        elif body.values:
            body = msgspec.structs.replace(body, values=dict(_still_there(body)))
        if self.program.vault is None:
            return _encode(body).decode()
        plain = msgspec.to_builtins(msgspec.structs.replace(body, data=None))
        plain["data"] = data.small if data is not None else None
        return dumps(sealed(self.program, self.id, "body", plain))

    def _kept_pending(self, pending: Pending, values: dict[str, str], keep: Keep) -> Pending:
        """Return the step under way without its large values; add their digests to `values`."""

        def small(place: str, rest: Any) -> Any:
            split = self.large.kept_as(rest)
            if split is None:
                return rest
            values.update({f"pending.{place}.{path}".rstrip("."): keep(large) for path, large in split.refs})
            return split.small if split.small_is_there else None

        replace = msgspec.structs.replace
        cause, intent = pending.cause, pending.intent
        if cause is not None:
            cause = replace(cause, args=small("cause.args", cause.args))
        if intent is not None:
            outcome = intent.outcome
            if outcome is not None:
                outcome = replace(outcome, value=small("intent.outcome.value", outcome.value))
            intent = replace(
                intent,
                args=small("intent.args", intent.args),
                failure=small("intent.failure", intent.failure),
                outcome=outcome,
            )
        answers = [
            replace(
                answer,
                ok=small(f"answers.{number}.ok", answer.ok),
                failed=small(f"answers.{number}.failed", answer.failed),
            )
            for number, answer in enumerate(pending.answers)
        ]
        return replace(pending, cause=cause, answers=answers, intent=intent)


def _still_there(body: RunBody) -> Iterable[tuple[str, str]]:
    """Yield the references of a run that was read without its values.

    References of places that no longer exist are left out.
    """
    pending = body.pending
    for path, digest in body.values.items():
        gone = (path.startswith("pending.") and pending is None) or (
            path.startswith("pending.intent.") and (pending is None or pending.intent is None)
        )
        if not gone:
            yield path, digest


def new_run(program: Program, run_id: RunId, input_value: Any, input_rest: Any, now: Instant) -> Run:
    """Return a run before its first record, with an input and without a state."""
    run = _bare_run(program, run_id, now)
    run.input = input_value
    run.input_rest = run.large.split(program.input, input_rest, input_value)
    return run


def _bare_run(program: Program, run_id: RunId, now: Instant) -> Run:
    run = Run()
    run.program = program
    run.id = run_id
    run.started_at = now
    run.scheduling = USUAL
    run.input = None
    run.input_rest = _NOTHING
    run.kept_data = None
    run.large = LargeValues(run_id, program.vault)
    run.epoch = run.seq = run.arrivals = 0
    run.hash = NO_DIGEST
    run.state = ""
    run.fields = None
    run.status = "running"
    run.outcome = None
    run.since = now
    run.wake_at = run.worker = run.reason = None
    run.past = {}
    run.body = RunBody(data=_NO_DATA, entered=0)
    run.info = RunInfo(run_id, now)
    return run


_NOTHING = Split({}, {})


def load_run(
    program: Program, row: RunRow, values: Iterable[ValueRow] = (), *, cache: ValueCache | None = None
) -> Run:
    """Decode a stored run. `values` are those that it needs and that are not in the `cache`.

    `large.needed` lists what it needs.

    Raises:
        BadValue: its data do not fit the contract, or a value is missing, so the store is damaged.
        SecretUnreadable: a secret of the run cannot be opened.
    """
    kept_input = opened(program, row.run, "input", loads(row.input))
    head = row.head
    if program.vault is None or SEALED not in head.body:
        body = _decode(head.body)
        data = loads(body.data)
    else:
        plain = opened(program, row.run, "body", loads(head.body))
        data = plain.pop("data")
        body = msgspec.convert({**plain, "data": _NO_DATA}, RunBody)
    of_input: dict[str, Digest] = kept_input.pop(INPUT_VALUES, {})
    digests = dict.fromkeys((*of_input.values(), *body.values.values()))
    large_values = larges(row.run, program.vault, digests, values, cache) if digests else {}
    run = _of_row(program, row)
    run.body = body
    run.input_rest = run.large.joined(
        kept_input, [(path, large_values[one]) for path, one in of_input.items()]
    )
    run.input = run.large.load(program.input, run.input_rest)
    placed = {path: large_values[one] for path, one in body.values.items()}
    body.values = {}
    run.kept_data = run.large.joined(data, list(under(placed, "data")))
    if body.pending is not None and placed:
        _join_pending(run.large, body.pending, placed)
    run.fields = run.large.load(program.states[run.state].fields, run.kept_data)
    return run


def skeleton(program: Program, row: RunRow) -> Run:
    """Decode a stored run without its data, for changes that do not touch them.

    Needs no key for secrets.

    `program` must have no vault, so that sealed data are written back as they are.
    """
    return with_body(program, row, _decode(row.head.body))


def with_body(program: Program, row: RunRow, body: RunBody) -> Run:
    """Return a run by its row and a body, without its data; see `skeleton`."""
    run = _of_row(program, row)
    run.body = body
    return run


def body_of(row: RunRow) -> RunBody | None:
    """Decode the body of a stored run without its contract; None if it cannot be read."""
    return body_in(row.head.body)


def body_in(stored: str) -> RunBody | None:
    """Decode the body of a run as stored; None if it cannot be read."""
    try:
        return _decode(stored)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _join_pending(values: LargeValues, pending: Pending, placed: dict[str, Large]) -> None:
    """Put the large values back into a step under way."""

    def whole(place: str, small: Any) -> Any:
        return values.joined(small, list(under(placed, f"pending.{place}"))).rest

    cause, intent = pending.cause, pending.intent
    if cause is not None:
        cause.args = whole("cause.args", cause.args)
    if intent is not None:
        intent.args = whole("intent.args", intent.args)
        intent.failure = whole("intent.failure", intent.failure)
        if intent.outcome is not None:
            intent.outcome.value = whole("intent.outcome.value", intent.outcome.value)
    for number, answer in enumerate(pending.answers):
        answer.ok = whole(f"answers.{number}.ok", answer.ok)
        answer.failed = whole(f"answers.{number}.failed", answer.failed)


def _of_row(program: Program, row: RunRow) -> Run:
    run = _bare_run(program, row.run, row.started_at)
    head = row.head
    run.scheduling = Scheduling(row.priority, row.label) if row.priority or row.label else USUAL
    run.epoch = row.epoch
    run.seq, run.hash, run.arrivals = row.seq, row.hash, row.arrivals
    run.state, run.status, run.outcome, run.since = head.state, head.status, head.outcome, head.since
    run.wake_at, run.worker, run.reason = head.wake_at, head.worker, head.reason
    return run
