"""Every run of a small contract, through the real kernel, with handlers that answer in every way.

A run is carried from one write to the next: from a state, a taken event or a fired timer to the
target of its step, or to an interruption. A script makes all choices, and all scripts are tried:
every answer of a pure, every result and failure of a call, every end of a doubt, every event with
every payload, and every timer. At each moment of a step, every shared handler that the kernel
allows is tried too. The kernel decides which ones these are.

The exploration ends because the future of a run depends only on its *situation*: the state, the
fired timers of the phase, the running timers, and the cause of a step under way. So explored
contracts must branch only on fresh answers and payloads, never on fields. Then the data of a run
change nothing, two runs in one situation have the same futures, and each situation is explored
once. Time does not move. A timer is made due by hand, so that each timer can be the earliest. Keys
are not remembered: every commit may end in every way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple, TypeVar

from opord import contract as ir
from opord.kernel import effects, inbox, recording, taking
from opord.kernel.doubt import Deed, Stands
from opord.kernel.draft import Draft
from opord.kernel.effect_attempts import Tries
from opord.kernel.large import Large
from opord.kernel.needs import stored_needs
from opord.kernel.plan import plan_of, stands_of
from opord.kernel.program import CallProgram, Program
from opord.kernel.requests import Commit, Goto, InDoubt, Perform, Pure, Request, TimedOut
from opord.kernel.rows import RunRow
from opord.kernel.run import Answer, Intent, Outcome, Run, load_run
from opord.kernel.settled import Settled
from opord.kernel.step import StepUnderWay, dump_failure, load_failure
from opord.kernel.trouble import describe_without_exception

NOW = 1_700_000_000_000_000
WAYS_MAX = 200_000

T = TypeVar("T")


class Occurrence(NamedTuple):
    """A happening that promises can mention.

    A state was `entered`, a call was `ok` or `may` have been, or a commit was `tried`.
    """

    what: str
    name: str


class Situation(NamedTuple):
    """Everything that decides the futures of a run."""

    state: str
    fired: frozenset[str]
    timers: frozenset[str]
    cause: tuple[str, str, str]


@dataclass(frozen=True)
class Way:
    """One way from a situation to the next: what happened, also in words.

    `by_event` says that an event came on this way.
    """

    occurred: tuple[Occurrence, ...]
    target: Situation
    by_event: bool
    told: tuple[str, ...] = field(compare=False)


@dataclass
class Runs:
    """All situations that the runs of a contract reach, and the ways between them.

    `phase` has the phase of each state, and the phase's timers by their ids. `asks_freely` is true
    if some failure can ask to wait for any time.
    """

    start: Situation
    ways: dict[Situation, list[Way]]
    waits: set[Situation]
    ends: set[Situation]
    phase: dict[str, tuple[str, frozenset[str]]]
    asks_freely: bool = False


class _Choices:
    """Answers each question by a script, and records how many answers were possible."""

    def __init__(self, script: Sequence[int]) -> None:
        self._script = script
        self.made: list[tuple[int, int]] = []

    def __call__(self, options: Sequence[T]) -> T:
        at = len(self.made)
        chosen = self._script[at] if at < len(self._script) else 0
        self.made.append((chosen, len(options)))
        return options[chosen]


class _NoSuchWay(Exception):
    """The kernel does not allow this."""


def _all_choices(play: Callable[[_Choices], T]) -> Iterator[T]:
    """Play with every script of choices, and yield the results that the kernel allows."""
    script: list[int] = []
    for _ in range(WAYS_MAX):
        choices = _Choices(script)
        try:
            played = play(choices)
        except _NoSuchWay:
            played = None
        if played is not None:
            yield played
        made = choices.made
        while made and made[-1][0] + 1 == made[-1][1]:
            made.pop()
        if not made:
            return
        script = [chosen for chosen, _ in made]
        script[-1] += 1
    raise AssertionError(f"more than {WAYS_MAX} ways through one step: the contract is too large for this")


def explore(program: Program) -> Runs:
    """Explore all runs of a contract from its start, until there are no new situations."""
    started = recording.start(program, "run", _input(program), now=NOW, worker="", held=False)
    rows = {_situation(started.run): started.start().row}
    start = next(iter(rows))
    waits = [each.wait for failure in program.contract.failures for each in failure.variants if each.wait]
    asks_freely = any(wait.at_most is None for wait in waits)
    runs = Runs(start, {}, set(), set(), _phases(program), asks_freely)
    waiting = [start]
    while waiting:
        here = waiting.pop()
        run = load_run(program, rows[here])
        if run.at.declaration.kind == "final":
            runs.ends.add(here)
        if run.waits:
            runs.waits.add(here)
        found: dict[Way, None] = {}
        for carried in _carried(program, rows[here]) if here not in runs.ends else ():
            target = _situation(carried.run)
            if target not in rows:
                rows[target] = _row(carried.run)
                waiting.append(target)
            told = tuple(carried.told)
            by_event = any(each.startswith("event ") for each in told)
            found.setdefault(Way(tuple(carried.occurred), target, by_event, told))
        runs.ways[here] = list(found)
    return runs


def _phases(program: Program) -> dict[str, tuple[str, frozenset[str]]]:
    return {
        name: (state.declaration.phase, frozenset(timer.id for timer in state.timers if timer.shared))
        for name, state in program.states.items()
        if state.declaration.phase is not None
    }


def _carried(program: Program, row: RunRow) -> Iterator[_Carrier]:
    """Carry a run to its next write in every possible way."""
    return _all_choices(lambda choose: _Carrier(program, row, choose).carry())


class _Carrier:
    """Carries one run to its next write with one script of choices."""

    def __init__(self, program: Program, row: RunRow, choose: _Choices) -> None:
        self.program = program
        self.run = load_run(program, row)
        self.choose = choose
        self.occurred: list[Occurrence] = []
        self.told: list[str] = []
        self._asked_at = -1
        self._settled: Settled | None = None

    def carry(self) -> _Carrier:
        run = self.run
        if run.waits:
            self._move(self.choose(self._moves() or _refuse()))
            return self
        step = StepUnderWay(run, NOW)
        request = step.begin()
        while run.intent is not None or self._settled is not None or not self._cut_short():
            if isinstance(request, Goto):
                self._go(step, request)
                return self
            answered = self._answer(step, request)
            if answered is None:
                return self
            request = answered
        return self

    # --- interruptions
    # -----------------------------------------------------------------------------

    def _cut_short(self) -> bool:
        """Let a shared handler or timer interrupt the step here, or go on.

        The question is asked again only after something has happened.
        """
        if self._asked_at == len(self.occurred):
            return False
        self._asked_at = len(self.occurred)
        chosen = self.choose([None, *self._moves()])
        if chosen is None:
            return False
        self._move(chosen)
        return True

    def _moves(self) -> list[tuple[str, Any]]:
        """List what can come now: each event with each payload, and each running timer."""
        run = self.run
        found: list[tuple[str, Any]] = [("timer", name) for name in run.body.timers]
        for event in taking.handlers_now(run):
            declared = run.program.events[event].declaration
            values = [_values(run.program, param.type) for param in declared.params]
            for args in product(*values):
                named = {param.name: rest for param, rest in zip(declared.params, args, strict=True)}
                found.append(("event", inbox.Message(event, named, "somebody")))
        return found

    def _move(self, move: tuple[str, Any]) -> None:
        """Let the kernel take an event or fire a timer.

        Raises:
            _NoSuchWay: the kernel does not do so at this moment.
        """
        run = self.run
        kind, what = move
        entered, pending = run.body.entered, run.body.pending
        draft = Draft(run, NOW, "")
        if kind == "timer":
            run.body.timers[what] = NOW
            inbox.take_in(draft, [])
            self.told.append(f"timer {what}")
        else:
            inbox.take_in(draft, [inbox.inbox_row(run, "1", NOW, what)], carried=True)
            self.told.append(f"event {what.event} {what.args}")
        if run.status == "stalled":
            raise AssertionError(f"a step failed: {run.body.trouble}")
        if run.body.entered == entered and run.body.pending is pending:
            raise _NoSuchWay  # refused, stored or ignored: nothing changes
        if run.body.entered != entered:
            self._entered(run.state)

    def _entered(self, state: str) -> None:
        self.occurred.append(Occurrence("entered", state))
        self.told.append(f"-> {state}")

    # --- the step ---------------------------------------------------------------------------------

    def _go(self, step: StepUnderWay, goto: Goto) -> None:
        run = self.run
        pending = run.body.pending
        cause = pending.cause if pending is not None else None
        draft = Draft(run, NOW, "")
        cause_text = inbox.cause_text(cause)
        recording.go(draft, goto, cause=cause_text, answers=list(step.answers), settled=self._settled)
        self._entered(run.state)

    def _answer(self, step: StepUnderWay, request: Request) -> Request | Goto | None:
        """Answer a call in one of its ways. None means that the run was interrupted meanwhile."""
        call = self.program.calls[request.name]
        match request:
            case Pure():
                return step.replay(_answer_of(request.name, self.choose(_results(self.program, call))))
            case Perform():
                return self._perform(step, request, call)
            case Commit():
                if isinstance(call.declaration, ir.Action) and call.declaration.transaction:
                    return self._transact(step, request, call)
                return self._commit(step, request, call)

    def _perform(self, step: StepUnderWay, request: Perform, call: CallProgram) -> Request | Goto:
        failures = _failures(self.program, call)
        if call.declaration.timeout is not None:  # type: ignore[union-attr]
            failures.append(dump_failure(call, TimedOut()))
        kind, rest = self.choose(
            [
                *(("ok", rest) for rest in _results(self.program, call)),
                *(("failed", rest) for rest in failures),
            ]
        )
        if kind == "failed":
            self.told.append(f"perform {request.name} {rest['type']}")
            return step.replay(_answer_of(request.name, failed=rest))
        self.told.append(f"perform {request.name} ok")
        self.occurred.append(Occurrence("ok", request.name))
        return step.replay(_answer_of(request.name, rest))

    def _commit(self, step: StepUnderWay, request: Commit, call: CallProgram) -> Request | Goto | None:
        run = self.run
        draft = Draft(run, NOW, "")
        args = call.args.dump(request.args)
        intent = recording.intend(draft, request.name, "key", args, now=NOW, answers=list(step.answers))
        self.occurred.append(Occurrence("tried", request.name))
        _, action = run.action(intent)
        how, rest = self.choose(_endings(self.program, call, action))
        self.told.append(f"commit {request.name} {how}{'' if how == 'ok' or rest is None else f' {rest}'}")
        match how:
            case "ok":
                recording.outcome_known(draft, intent, Outcome("ok", rest))
                self.occurred.append(Occurrence("ok", request.name))
            case "skip":
                recording.attempt_doubted(draft, intent, "nobody knows")
                recording.outcome_known(draft, intent, Outcome("ok", None, "skip"))
                self.occurred.append(Occurrence("may", request.name))
            case "failed":
                recording.outcome_known(draft, intent, Outcome("failed", rest))
            case "in doubt":
                recording.attempt_doubted(draft, intent, "nobody knows")
                recording.outcome_known(
                    draft, intent, Outcome("failed", dump_failure(call, InDoubt()), "report")
                )
                self.occurred.append(Occurrence("may", request.name))
            case "between attempts":
                recording.attempt_failed(draft, intent, rest, next_at=NOW + 1)
                self._move(self.choose(self._moves() or _refuse()))
                return None
            case "did not happen":
                recording.attempt_doubted(draft, intent, "nobody knows")
                self._must_be_closed()
                recording.did_not_happen(draft, intent, by="check", fresh=True)
                self._move(self.choose(self._moves() or _refuse()))
                return None
            case "settling failure in doubt":
                recording.attempt_doubted(draft, intent, "nobody knows")
                recording.begin_attempt(draft, intent)
                recording.outcome_known(draft, intent, Outcome("failed", rest))
            case "refused in doubt":
                return self._refused(draft, step, call, action, intent, rest)
        self._must_be_closed()
        assert intent.outcome is not None
        return step.deliver(call, intent.outcome)

    def _transact(self, step: StepUnderWay, request: Commit, call: CallProgram) -> Request | Goto | None:
        """Carry out an action in transaction. Until the `goto`, nothing else moves the run."""
        self.occurred.append(Occurrence("tried", request.name))
        how, rest = self.choose(
            [
                *(("ok", rest) for rest in _results(self.program, call)),
                *(("failed", rest) for rest in _failures(self.program, call)),
                ("between attempts", None),
            ]
        )
        self.told.append(f"commit {request.name} {how}{'' if how == 'ok' or rest is None else f' {rest}'}")
        if how == "between attempts":
            effects.attempt_failed(
                Draft(self.run, NOW, ""), request.name, None, trouble=describe_without_exception("wrong", "it went wrong"), began=NOW,
                tries=Tries(0, 1), next_at=NOW + 1, now=NOW, answers=list(step.answers),
            )  # fmt: skip
            self._move(self.choose(self._moves() or _refuse()))
            return None
        outcome = Outcome("ok" if how == "ok" else "failed", rest, "transaction")
        if how == "ok":
            self.occurred.append(Occurrence("ok", request.name))
        args = call.args.dump(request.args)
        self._settled = Settled(request.name, "key", 1, args, NOW, outcome)
        return step.deliver(call, outcome)

    def _refused(
        self,
        draft: Draft,
        step: StepUnderWay,
        call: CallProgram,
        action: ir.Action,
        intent: Intent,
        failure: Any,
    ) -> Request | Goto | None:
        """Repeat a call in doubt, and let the provider refuse it without a look at the key.

        The kernel decides what follows.
        """
        recording.attempt_doubted(draft, intent, "nobody knows")
        recording.begin_attempt(draft, intent)
        if self._plan("final", intent, action) == "refuse":
            recording.outcome_known(draft, intent, Outcome("failed", failure))
            self.occurred.append(Occurrence("may", intent.call))
        else:
            recording.attempt_failed(draft, intent, failure, next_at=None, final=True)
            self._must_be_closed()
            if self._plan(stands_of(intent), intent, action) != "ask":
                raise AssertionError("nobody is asked, though it is not known whether the action happened")
            if self.choose([True, False]):
                result = self.choose(_results(self.program, call))
                recording.happened(draft, intent, result, actor="ops", role=None, reason=None)
                self.occurred.append(Occurrence("ok", intent.call))
            else:
                recording.did_not_happen(draft, intent, by="person", fresh=True, actor="ops")
                self._move(self.choose(self._moves() or _refuse()))
                return None
        assert intent.outcome is not None
        return step.deliver(call, intent.outcome)

    def _plan(self, stands: Stands, intent: Intent, action: ir.Action) -> Deed:
        return plan_of(stands, self.run, intent, action, now=NOW, spread=lambda: 0.0).deed

    def _must_be_closed(self) -> None:
        if taking.handlers_now(self.run) or not self.run.commit_open:
            raise AssertionError("between a commit's intent and its goto the kernel lets something in")


def _refuse() -> list[Any]:
    raise _NoSuchWay


def _endings(program: Program, call: CallProgram, action: ir.Action) -> list[tuple[str, Any]]:
    """List all endings of a commit, and the moments between attempts that allow an interruption."""
    failures = _failures(program, call)
    found: list[tuple[str, Any]] = [("ok", rest) for rest in _results(program, call)]
    found += [("failed", rest) for rest in failures]
    if isinstance(action.doubt, ir.Skip):
        found.append(("skip", None))
    if isinstance(action.doubt, ir.Report) or (isinstance(action.doubt, ir.Ask) and action.doubt.within):
        found.append(("in doubt", None))
    if isinstance(action.doubt, ir.Check | ir.Ask | ir.Repeat):
        found.append(("did not happen", None))
    kinds = [(rest, load_failure(call, rest)) for rest in failures]
    if isinstance(action.doubt, ir.Repeat):
        found += [("settling failure in doubt", rest) for rest, failure in kinds if failure.opord_settles]
        found += [
            ("refused in doubt", rest)
            for rest, failure in kinds
            if not (failure.opord_transient or failure.opord_settles)
        ]
    if action.retry is not None:
        transient = [rest for rest, failure in kinds if failure.opord_transient]
        found += [("between attempts", rest) for rest in transient[:1]]
    return found


def _results(program: Program, call: CallProgram) -> list[Any]:
    return [None] if call.result is None else _values(program, call.declaration.result)


def _failures(program: Program, call: CallProgram) -> list[Any]:
    """List the declared failures of a call, as they are stored."""
    declared = getattr(call.declaration, "fails", ())
    return [
        {"type": f"{failure.name}.{variant.name}"}
        | {part.name: _values(program, part.type)[0] for part in variant.fields}
        for failure in program.contract.failures
        if failure.name in declared
        for variant in failure.variants
    ]


def _values(program: Program, type: ir.Type) -> list[Any]:
    """List one stored value for each way in which a contract can tell values of a type apart."""
    match type:
        case ir.Primitive(name="bool"):
            return [True, False]
        case ir.Primitive(name="int"):
            return [1]
        case ir.Primitive(name="str"):
            return ["text"]
        case ir.Primitive(name="duration"):
            return ["1s"]
        case ir.OptionalOf(item=item):
            return [*_values(program, item), None]
        case ir.Named(name=name):
            enum = next(each for each in program.contract.enums if each.name == name)
            return [
                {"type": variant.name}
                | {part.name: _values(program, part.type)[0] for part in variant.fields}
                if variant.fields
                else variant.name
                for variant in enum.variants
            ]
        case _:
            raise AssertionError(f"no values for {type}")


def _answer_of(name: str, ok: Any = None, failed: Any = None) -> Answer:
    return Answer(name, ok, failed)


def _input(program: Program) -> Any:
    return program.input.load(
        {param.name: _values(program, param.type)[0] for param in program.contract.params}
    )


def _cause(run: Run) -> tuple[str, str, str]:
    pending = run.body.pending
    if pending is None or pending.cause is None:
        return ("", "", "")
    cause = pending.cause
    return (cause.kind, cause.handler, repr(cause.args) if cause.kind == "event" else "")


def _situation(run: Run) -> Situation:
    return Situation(run.state, frozenset(run.body.fired), frozenset(run.body.timers), _cause(run))


def _row(run: Run) -> RunRow:
    program = run.program
    return RunRow(
        run.id,
        program.digest,
        program.name,
        program.version,
        run.started_at,
        run.kept_input(no_values),
        run.epoch,
        run.seq,
        run.hash,
        run.arrivals,
        run.head(no_values, stored_needs(run)),
    )


def no_values(large: Large) -> str:
    """Refuse a large value, because explored contracts have none."""
    raise AssertionError(large.digest)
