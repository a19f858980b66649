"""What a run is: its state and its data, and what is open in the middle of a step.

A `Run` is the whole truth about one run between two writes: whoever loads it can go on from it without
reading the journal. It is changed only through a `Draft`, which puts each change on record.
"""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from opord.contract import Action
from opord.kernel.instants import to_datetime
from opord.kernel.program import CallProgram, Program, StateProgram
from opord.kernel.records import CauseKind, EndingKind, OutcomeBy
from opord.kernel.requests import Frame, RunInfo
from opord.kernel.rows import Head, RunOutcome, RunRow, Status
from opord.kernel.sealing import SEALED, comparable, opened, sealed
from opord.values.canonical import dumps, loads


class Cause(msgspec.Struct, omit_defaults=True):
    """What a step under way answers to: a taken event or a fired timer. `handler` is the id of what handles it."""

    kind: CauseKind
    handler: str
    event: str = ""
    args: Any = None
    actor: str = ""
    role: str = ""

    @property
    def label(self) -> str:
        """Say in a few words what it was, as histories show it."""
        match self.kind:
            case "event":
                return f"event {self.event}"
            case "timer":
                return "timer"
            case _:
                assert_never(self.kind)


class Answer(msgspec.Struct, omit_defaults=True):
    """What a call of a step answered, in rest form: `ok` is its result, or `failed` its failure."""

    call: str
    ok: Any = None
    failed: Any = None
    attempts: int = 1
    ms: float = 0.0


class Outcome(msgspec.Struct, omit_defaults=True):
    """How a commit ended: `ok` with a result, `failed` with a failure. In rest form.

    `by` says how it came to be known.
    """

    kind: EndingKind
    value: Any = None
    by: OutcomeBy = "call"

    def shape(self) -> dict[str, Any]:
        """Return it as it stands in a record."""
        return {self.kind: self.value}


class Intent(msgspec.Struct, omit_defaults=True):
    """An action that is about to be called, was called, or may have been: the open commit of a step.

    `attempt` numbers the latest attempt, `in_flight` says that it began and did not end on record.
    `doubts` are the attempts of which nobody knows whether they took effect; `given_up_at` is when
    the last of these was given up. `counted` are the attempts that count against `retry`, since
    `first_at`. `failure` is the transient failure to hand on when no attempt is left. `checks` counts how
    often the effect that checks was asked in vain. `asking` says that a person is asked. `denied`: it is on record that no attempt
    before took effect, nor any that a restored copy does not know of. `outcome` is known once it is set; then only the rest of the step is open.
    """

    seq: int
    call: str
    key: str
    args: Any
    first_at: int
    attempt: int = 1
    counted: int = 1
    in_flight: bool = True
    doubts: list[int] = []
    given_up_at: int = 0
    next_at: int = 0
    checks: int = 0
    failure: Any = None
    asking: bool = False
    denied: bool = False
    reason: str = ""
    outcome: Outcome | None = None


class Pending(msgspec.Struct, omit_defaults=True):
    """A step under way, as far as it is on record: its cause, its `now`, the answers it had, its commit."""

    cause: Cause | None = None
    now: int = 0
    answers: list[Answer] = []
    intent: Intent | None = None


class Body(msgspec.Struct, omit_defaults=True):
    """What the kernel keeps in `Head.body`: all of a run that the store need not understand.

    `how` says what led into the present state. `fired` are the timers of the phase that have moved the run since it entered the phase. `settled` names the
    actions with a `key expr` that have taken effect; `trouble` is why a run stalled. `wary` is set in a run
    of a store that was restored from a copy: the last instant that the copy knows of it; see `restored.py` for `wary_until`.
    """

    data: Any
    entered: int
    phase_since: int = 0
    timers: dict[str, int] = {}
    fired: list[str] = []
    how: str = ""
    pending: Pending | None = None
    settled: list[str] = []
    trouble: dict[str, Any] | None = None
    wary: int = 0
    wary_until: int = 0


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Body).decode


class Run:
    """One run, decoded. Its attributes change only through a `Draft`."""

    __slots__ = (
        "arrivals",
        "body",
        "epoch",
        "fields",
        "hash",
        "id",
        "info",
        "input",
        "input_text",
        "outcome",
        "program",
        "reason",
        "seq",
        "since",
        "started_at",
        "state",
        "status",
        "wake_at",
        "worker",
    )

    program: Program
    id: str
    started_at: int
    input: Any
    input_text: str
    epoch: int
    seq: int
    hash: str
    arrivals: int
    state: str
    fields: Any
    status: Status
    outcome: RunOutcome | None
    since: int
    wake_at: int | None
    worker: str | None
    reason: str | None
    body: Body
    info: RunInfo

    def frame(self, now: int, actor: str = "") -> Frame[Any]:
        """Return what is in scope everywhere in the contract, for a step at `now`."""
        return Frame(self.input, self.info, to_datetime(now), actor)

    @property
    def at(self) -> StateProgram:
        """The state it is in, with all that runs or waits there."""
        return self.program.states[self.state]

    @property
    def intent(self) -> Intent | None:
        """The commit that is open, if one is."""
        pending = self.body.pending
        return pending.intent if pending is not None else None

    @property
    def commit_open(self) -> bool:
        """Whether it is between a commit's intent and its step's goto, where nothing else moves it.

        Between two attempts with nothing in doubt, it may be moved.
        """
        intent = self.intent
        if intent is None:
            return False
        between = not intent.in_flight and not intent.doubts and not intent.asking and intent.outcome is None
        return not between

    @property
    def waits(self) -> bool:
        """Whether it is in a waiting state and no event taken there is being worked on."""
        return self.at.declaration.kind == "waiting" and self.body.pending is None

    def action(self, intent: Intent) -> tuple[CallProgram, Action]:
        """Return the program and the declaration of the action that the intent is about."""
        call = self.program.calls[intent.call]
        declaration = call.declaration
        if not isinstance(declaration, Action):
            raise TypeError(f"{intent.call} is no action of {self.program.name}")
        return call, declaration

    def head(self) -> Head:
        """Return what the store keeps of it."""
        return Head(
            self.state,
            self.status,
            self.outcome,
            self.since,
            self.wake_at,
            self.worker,
            self.reason,
            self._kept_body(),
        )

    def _kept_body(self) -> str:
        if self.program.vault is None:
            return _encode(self.body).decode()
        return dumps(sealed(self.program, self.id, "body", msgspec.to_builtins(self.body)))


def new_run(program: Program, run_id: str, input_value: Any, input_text: str, now: int) -> Run:
    """Return a run before its first record: it has an input and no state yet."""
    run = Run()
    run.program = program
    run.id = run_id
    run.started_at = now
    run.input = input_value
    run.input_text = input_text
    run.epoch = 0
    run.seq = 0
    run.hash = ""
    run.arrivals = 0
    run.state = ""
    run.fields = None
    run.status = "running"
    run.outcome = None
    run.since = now
    run.wake_at = None
    run.worker = None
    run.reason = None
    run.body = Body(data=None, entered=0)
    run.info = RunInfo(run_id, to_datetime(now))
    return run


def load_run(program: Program, row: RunRow) -> Run:
    """Decode a stored run.

    Raises:
        BadValue: its data do not fit the contract, which means that the store is damaged.
        SecretUnreadable: a secret that it carries cannot be opened.
    """
    input_rest = opened(program, row.run, "input", loads(row.input))
    input_text = row.input if program.vault is None else dumps(comparable(input_rest))
    run = _of_row(program, row, program.input.load(input_rest), input_text)
    head = row.head
    if program.vault is None or SEALED not in head.body:
        run.body = _decode(head.body)
    else:
        run.body = msgspec.convert(opened(program, row.run, "body", loads(head.body)), Body)
    run.fields = program.states[run.state].fields.load(run.body.data)
    return run


def skeleton(program: Program, row: RunRow) -> Run:
    """Decode a stored run without its data: for changes that do not touch these. No key is needed for secrets in them.

    `program` is to be one without a vault, so that sealed data are written back as they are.
    """
    run = _of_row(program, row, None, row.input)
    run.body = _decode(row.head.body)
    return run


def _of_row(program: Program, row: RunRow, input_value: Any, input_text: str) -> Run:
    run = new_run(program, row.run, input_value, input_text, row.started_at)
    head = row.head
    run.epoch = row.epoch
    run.seq, run.hash, run.arrivals = row.seq, row.hash, row.arrivals
    run.state, run.status, run.outcome, run.since = head.state, head.status, head.outcome, head.since
    run.wake_at, run.worker, run.reason = head.wake_at, head.worker, head.reason
    return run
