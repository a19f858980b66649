"""Alarms: evidence that contradicts what was decided.

Evidence of an attempt may come long after its commit was decided: by a failure, by a check, by a
person, or by the end of the run. If it says otherwise, something in the world is not as the run
believes: a card may have been charged twice, or not at all. Nothing that a program does can mend
that. So it changes no state and raises an alarm, which stays open until a person acknowledges it.

`CASES` is the whole rule, one row for each case. The first row that fits decides. `past_commit`
reads the facts from the journal, because a run that is loaded does not know of its older commits.
Decision 23 gives the reasons.

- R0   The same was on record before. It says nothing new.
- Y1   The attempt was denied, and a later attempt under the same key, while the other side still
       remembered it, has the same result: the repeat found the first effect. Nothing was doubled.
- Y2   The attempt was denied: a check, a person or the attempt itself said that it did not happen.
- Y3   The commit ended in a failure.
- Y4   The run was terminated while the commit was open.
- Y5   The contract went on as if it had happened (`skip`).
- Y6   The contract was told that nobody knows (`InDoubt`), and has decided with that.
- Y7   The commit ended in the same result.
- Y8   The commit ended in another result. One of the two is not what the run goes on with.
- Y9   The commit is open: the evidence is its outcome.
- N1   A check or a person said that it happened, and now every attempt that was made says no.
- N2   Any other no. It may be one attempt of several, or be about an attempt that a person denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias, assert_never

import msgspec

from opord.contract import Action
from opord.kernel.instants import microseconds, parse
from opord.kernel.program import Program
from opord.kernel.sealing import comparable
from opord.values.canonical import dumps
from opord.values.types import Instant, Key

AlarmReason: TypeAlias = Literal["yes after no", "no after yes", "two results", "yes after the end"]
"""How evidence contradicts what was decided. Records say it in these words."""


class Alarm(msgspec.Struct, omit_defaults=True):
    """An open alarm: evidence about an attempt that contradicts what was decided.

    - `seq` is the number of its record, `at` the instant.
    - `evidence` is the record that contradicts, `against` the record that it contradicts.
    - `learned_by` is the worker that made the attempt.
    """

    seq: int
    at: Instant
    call: str
    key: Key
    attempt: int
    reason: AlarmReason
    evidence: int
    against: int
    learned_by: str


def alarm_text(alarm: Alarm) -> str:
    """Say what was decided, what came, and from where; `history` has both records."""
    attempt = f"attempt {alarm.attempt}, says worker {alarm.learned_by}"
    match alarm.reason:
        case "yes after no":
            what = f"{alarm.call} took effect ({attempt}), and it was decided before that it did not"
        case "no after yes":
            what = f"{alarm.call} did not take effect ({attempt}), and it was decided before that it did"
        case "two results":
            what = f"{alarm.call} has another result ({attempt}) than the one on record"
        case "yes after the end":
            what = f"{alarm.call} took effect ({attempt}), and the run had been terminated before"
        case _:
            assert_never(alarm.reason)
    return f"{what}: record {alarm.evidence} contradicts record {alarm.against}"


# --- what is on record ----------------------------------------------------------------------------


class PastCommit:
    """What is on record of a commit, as far as evidence can contradict it.

    - `began` are the instants at which its attempts began.
    - `failed` are the attempts that did not take effect by their own word, with the records that
      say so. `denials` are the words of checks and persons: up to which attempt, and the record.
    - `outcome` is its result or failure, `by` how it became known, `outcome_of` the attempt, and
      `decided_in` the record.
    - `terminated_in` is the record that terminated the run while the commit was open.
    - `heard` is the evidence of it on record: attempts with their outcomes.
    """

    def __init__(self, seq: int, call: str, key: Key, at: Instant) -> None:
        self.seq = seq
        self.call = call
        self.key = key
        self.began: list[Instant] = [at]
        self.failed: dict[int, int] = {}
        self.denials: list[tuple[int, int]] = []
        self.outcome: Mapping[str, Any] | None = None
        self.by: str = ""
        self.outcome_of: int = 0
        self.decided_in: int = 0
        self.terminated_in: int = 0
        self.heard: list[tuple[int, Mapping[str, Any]]] = []

    def follow(self, body: Mapping[str, Any]) -> None:
        """Take in a record that comes after the intent and before the end of its step."""
        match body["kind"]:
            case "attempt" if "key" not in body:
                pass  # of an effect
            case "attempt" if "outcome" in body:
                self.failed[body["attempt"]] = body["seq"]
            case "attempt":
                self.began.append(parse(body["at"]))
            case "resolved" if body["verdict"] == "did_not_happen":
                self.denials.append((len(self.began), body["seq"]))
            case "outcome":
                self.decide(body["outcome"], body["by"], body["attempt"], body["seq"])
            case "terminated" if self.outcome is None:
                self.terminated_in = body["seq"]
            case _:  # open: a body as read, of which other kinds decide nothing
                pass

    def decide(self, outcome: Mapping[str, Any], by: str, attempt: int, seq: int) -> None:
        """Take in the outcome."""
        self.outcome, self.by, self.outcome_of, self.decided_in = outcome, by, attempt, seq

    def hear(self, attempt: int, outcome: Mapping[str, Any], seq: int) -> None:
        """Take in evidence about the commit, whenever it came."""
        self.heard.append((attempt, outcome))
        if "ok" not in outcome:
            self.failed.setdefault(attempt, seq)

    def denied_in(self, attempt: int) -> int:
        """Return the record that says that an attempt did not take effect; 0 if none does."""
        if attempt in self.failed:
            return self.failed[attempt]
        return next((seq for until, seq in self.denials if attempt <= until), 0)


def past_commit(records: Iterable[Mapping[str, Any]], intent: int) -> PastCommit | None:
    """Return what the records say of the commit whose intent has this number.

    `records` are whole bodies in order, from that intent on.
    """
    commit: PastCommit | None = None
    open_ = True
    for body in records:
        if body["seq"] == intent and body["kind"] == "intent":
            commit = PastCommit(intent, body["call"], body["key"], parse(body["at"]))
        elif commit is None:
            continue
        elif body["kind"] == "evidence":
            if body.get("intent") == intent:
                commit.hear(body["attempt"], body["outcome"], body["seq"])
        elif open_ and not _begins_another(body):
            commit.follow(body)
            open_ = body["kind"] not in ("transition", "event", "terminated")
        else:
            open_ = False
    return commit


def _begins_another(body: Mapping[str, Any]) -> bool:
    """Say whether a record is of another commit.

    Between attempts with nothing in doubt, an event or a timer of the phase may take the run.
    """
    return body["kind"] == "intent" or body.get("by") in ("record", "transaction")


# --- the rule -------------------------------------------------------------------------------------

Came: TypeAlias = Literal["yes", "no"]

Decided: TypeAlias = Literal[
    "nothing",  # the commit is open
    "yes",  # it has a result
    "no",  # it ended in a failure
    "skipped",  # the contract went on as if it had happened
    "told",  # the contract was told that nobody knows
    "terminated",  # the run was terminated while it was open
]


class Situation(NamedTuple):
    """All facts that the rule depends on, one for each column of `CASES`.

    - `came`: the evidence is a result, or says that its attempt did not take effect (it failed, or
      its call never began).
    - `heard`: the same evidence is on record already.
    - `denied`: a check, a person or the attempt itself said that it did not take effect.
    - `decided`: what the run took to be true.
    - `said`: a check or a person said so.
    - `same`: the evidence has the result on record.
    - `found`: that result is of a later attempt under a key that the other side still remembered.
    - `none`: with the evidence, every attempt that was made says that it did not take effect.
    """

    came: Came
    heard: bool
    denied: bool
    decided: Decided
    said: bool
    same: bool
    found: bool
    none: bool


class Case(NamedTuple):
    """A row: its name, an entry for each fact (None fits any), and the alarm, if it raises one."""

    name: str
    came: Came | None
    heard: bool | None
    denied: bool | None
    decided: Decided | None
    said: bool | None
    same: bool | None
    found: bool | None
    none: bool | None
    alarm: AlarmReason | None = None

    def fits(self, situation: Situation) -> bool:
        """Say whether the row is for this situation."""
        return all(entry in (None, fact) for entry, fact in zip(self[1:9], situation, strict=True))


Y: Final = True
N: Final = False
_: Final = None

CASES: Final[tuple[Case, ...]] = (
    # name      came   heard denied decided       said same found none  alarm
    Case("R0", None,   Y,    _,     _,            _,   _,   _,    _),
    Case("Y1", "yes",  _,    Y,     "yes",        _,   Y,   Y,    _),
    Case("Y2", "yes",  _,    Y,     _,            _,   _,   _,    _,    "yes after no"),
    Case("Y3", "yes",  _,    _,     "no",         _,   _,   _,    _,    "yes after no"),
    Case("Y4", "yes",  _,    _,     "terminated", _,   _,   _,    _,    "yes after the end"),
    Case("Y5", "yes",  _,    _,     "skipped",    _,   _,   _,    _),
    Case("Y6", "yes",  _,    _,     "told",       _,   _,   _,    _),
    Case("Y7", "yes",  _,    _,     "yes",        _,   Y,   _,    _),
    Case("Y8", "yes",  _,    _,     "yes",        _,   N,   _,    _,    "two results"),
    Case("Y9", "yes",  _,    _,     "nothing",    _,   _,   _,    _),
    Case("N1", "no",   _,    _,     "yes",        Y,   _,   _,    Y,    "no after yes"),
    Case("N2", "no",   _,    _,     _,            _,   _,   _,    _),
)  # fmt: skip


class Contradiction(NamedTuple):
    """How evidence contradicts what was decided, and the record that it contradicts."""

    reason: AlarmReason
    seq: int


def contradiction(
    program: Program, commit: PastCommit, attempt: int, outcome: Mapping[str, Any], *, settles: bool
) -> Contradiction | None:
    """Return how evidence contradicts what is on record of its commit; None if it does not.

    `outcome` is the evidence's, as a record has it. `settles` is true if it is a failure that
    speaks for every attempt under the key.
    """
    situation = situation_of(program, commit, attempt, outcome, settles=settles)
    reason = next(case.alarm for case in CASES if case.fits(situation))
    if reason is None:
        return None
    denied_in = commit.denied_in(attempt) if reason == "yes after no" else 0
    return Contradiction(reason, denied_in or commit.terminated_in or commit.decided_in)


def situation_of(
    program: Program, commit: PastCommit, attempt: int, outcome: Mapping[str, Any], *, settles: bool
) -> Situation:
    """Return the facts about evidence and its commit."""
    noes = {*commit.failed, attempt}
    return Situation(
        came="yes" if "ok" in outcome else "no",
        heard=any(_same(each, outcome) for number, each in commit.heard if number == attempt),
        denied=commit.denied_in(attempt) > 0,
        decided=_decided(commit),
        said=commit.by in ("check", "person"),
        same=commit.outcome is not None and _same(commit.outcome, outcome),
        found=_found(program, commit, attempt),
        none=settles or noes.issuperset(range(1, len(commit.began) + 1)),
    )


def _decided(commit: PastCommit) -> Decided:
    if commit.terminated_in:
        return "terminated"
    if commit.outcome is None:
        # An event took the run between two attempts, none of which took effect.
        return "nothing"
    if commit.by == "skip":
        return "skipped"
    if commit.by == "report":
        return "told"
    return "yes" if "ok" in commit.outcome else "no"


def _found(program: Program, commit: PastCommit, attempt: int) -> bool:
    """Say whether the attempt with the result was recognised by the key of an earlier one."""
    call = program.calls.get(commit.call)
    action = call.declaration if call is not None else None
    if not isinstance(action, Action) or action.key is None or not attempt < commit.outcome_of:
        return False
    window, began = action.key.window, commit.began
    return window is None or began[commit.outcome_of - 1] < began[attempt - 1] + microseconds(window)


def _same(one: Any, other: Any) -> bool:
    """Say whether two outcomes are the same, as far as their secrets can be opened."""
    return dumps(comparable(one)) == dumps(comparable(other))
