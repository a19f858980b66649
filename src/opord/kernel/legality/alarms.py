"""Check alarms: evidence that contradicts what was decided raises one, and nothing else does.

From the norm: a yes after a no, a no about the only attempts after a check or a person said yes,
two different results of one commit, and a yes after the run was terminated with that commit open.
What repeats an answer, what the contract had skipped or was told as `InDoubt`, and the repeat that
finds the first effect under its key raise none. Journals that were written before there were
alarms have evidence without a rule; it may contradict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opord.contract import Action
from opord.kernel.instants import microseconds
from opord.kernel.legality.differing import same
from opord.kernel.legality.fold import Fold, ReadRecord
from opord.kernel.program import CallProgram
from opord.values.failure import Failure
from opord.values.types import Instant

EVIDENCE_RULE = 2
"""The rule in the record of evidence whose contradictions raise alarms."""


@dataclass
class Decision:
    """What the journal says of one commit.

    - `began` is when each attempt began. `own` are the attempts that failed by their own word,
      `others` those that a check or a person denied, each with the record that says so.
    - `result` is the outcome, `by` how it became known, `of` its attempt, `said_in` its record.
    - `over_in` is the record that terminated the run with the commit open.
    - `answers` is the evidence so far.
    """

    call: CallProgram
    key: str
    began: list[Instant]
    own: dict[int, int] = field(default_factory=dict)
    others: dict[int, int] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    by: str = ""
    of: int = 0
    said_in: int = 0
    over_in: int = 0
    answers: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)


class Contradicted(NamedTuple):
    """What an alarm about the last evidence has to say. `due` is true if it must follow."""

    members: dict[str, Any]
    due: bool


class Alarms:
    """The commits of a journal with their decisions, and the alarms that are open."""

    def __init__(self) -> None:
        self.open: dict[int, dict[str, Any]] = {}
        self._decisions: dict[int, Decision] = {}
        self._contradicted: Contradicted | None = None

    def follow(self, fold: Fold, record: ReadRecord) -> None:
        """Take in a record that was checked, and check what it has to do with alarms."""
        contradicted, self._contradicted = self._contradicted, None
        if contradicted is not None and contradicted.due and record.kind != "alarm":
            fold.problem("alarm", f"the evidence before it {_says(contradicted)}, and raised no alarm")
        body = record.body
        if record.kind == "alarm":
            self._raised(fold, record, contradicted)
        elif record.kind == "acknowledged":
            self._closed(fold, body)
        elif record.kind == "evidence" and "intent" in body:
            self._answered(fold, record)
        elif record.kind == "intent":
            decision = Decision(fold.program.calls[body["call"]], body["key"], [record.at])
            self._decisions[record.seq] = decision
        elif fold.commit is not None and fold.commit.seq in self._decisions:
            _decide(self._decisions[fold.commit.seq], record)

    def end(self, fold: Fold) -> None:
        """Check the end of the journal."""
        if self._contradicted is not None and self._contradicted.due:
            fold.problem("alarm", f"the evidence {_says(self._contradicted)}, and raised no alarm")

    def _answered(self, fold: Fold, record: ReadRecord) -> None:
        body = record.body
        decision = self._decisions.get(body["intent"])
        if decision is None:
            return
        attempt, outcome = body["attempt"], body["outcome"]
        contradiction = _contradicts(decision, attempt, outcome)
        if contradiction is not None:
            reason, against = contradiction
            members = {
                **{name: body[name] for name in ("call", "intent", "attempt", "learned_by")},
                "key": decision.key,
                "reason": reason,
                "evidence": record.seq,
                "against": against,
            }
            self._contradicted = Contradicted(members, body.get("rule") == EVIDENCE_RULE)
        decision.answers.append((attempt, outcome))
        if "ok" not in outcome:
            decision.own.setdefault(attempt, record.seq)

    def _raised(self, fold: Fold, record: ReadRecord, contradicted: Contradicted | None) -> None:
        if contradicted is None:
            fold.problem("alarm", "no evidence before it contradicts what was decided")
            return
        names = [*contradicted.members]
        members = {name: record.body.get(name) for name in names}
        for name in names:
            if members[name] != contradicted.members[name]:
                fold.problem(
                    "alarm", f"its {name} is {members[name]!r}, by the journal {contradicted.members[name]!r}"
                )
        shown = {name: value for name, value in members.items() if name != "intent"}
        self.open[record.seq] = {"seq": record.seq, "at": record.at, **shown}
        fold.open_alarms = [*self.open.values()]

    def _closed(self, fold: Fold, body: Mapping[str, Any]) -> None:
        if not self.open:
            fold.problem("acknowledged", "no alarm was open")
        elif body.get("alarms") != [*self.open]:
            fold.problem("acknowledged", f"the open alarms are {[*self.open]}, it names {body.get('alarms')}")
        if not body.get("actor"):
            fold.problem("actor", "an alarm was acknowledged, but it is not on record who did it")
        self.open = {}
        fold.open_alarms = []


def _says(contradicted: Contradicted) -> str:
    return f"contradicts record {contradicted.members['against']} ({contradicted.members['reason']})"


def _decide(decision: Decision, record: ReadRecord) -> None:
    """Take in what a record says of the commit that is open."""
    body = record.body
    if record.kind == "attempt" and "key" in body:
        if "outcome" in body:
            decision.own[body["attempt"]] = record.seq
        else:
            decision.began.append(record.at)
    elif record.kind == "resolved" and body["verdict"] == "did_not_happen":
        for attempt in range(1, len(decision.began) + 1):
            decision.others.setdefault(attempt, record.seq)
    elif record.kind == "outcome" and body["by"] not in ("record", "transaction"):
        decision.result, decision.by = body["outcome"], body["by"]
        decision.of, decision.said_in = body["attempt"], record.seq
    elif record.kind == "terminated" and decision.result is None:
        decision.over_in = record.seq


def _contradicts(decision: Decision, attempt: int, outcome: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return how evidence contradicts a decision, and the record that it contradicts."""
    if any(attempt == number and same(outcome, answer) for number, answer in decision.answers):
        return None
    result = decision.result
    if "ok" not in outcome:
        attempts = range(1, len(decision.began) + 1)
        by_word = decision.by in ("check", "person") and result is not None and "ok" in result
        all_no = _for_all(decision, outcome) or all(n == attempt or n in decision.own for n in attempts)
        return ("no after yes", decision.said_in) if by_word and all_no else None
    agrees = result is not None and same(result, outcome)
    denied_in = decision.own.get(attempt) or decision.others.get(attempt)
    if denied_in is not None:
        repeated = agrees and decision.over_in == 0 and decision.by not in ("skip", "report")
        if repeated and _recognised(decision, attempt):
            return None
        return "yes after no", denied_in
    if decision.over_in:
        return "yes after the end", decision.over_in
    if result is None or agrees or decision.by in ("skip", "report"):
        return None
    return ("two results" if "ok" in result else "yes after no"), decision.said_in


def _for_all(decision: Decision, outcome: Mapping[str, Any]) -> bool:
    """Say whether a failure speaks for every attempt under the key."""
    action = decision.call.declaration
    if "failed" not in outcome or not isinstance(action, Action) or action.key is None:
        return False
    try:
        failure = decision.call.failure.load(outcome["failed"])
    except Exception:
        return False
    return isinstance(failure, Failure) and bool(failure.opord_settles)


def _recognised(decision: Decision, attempt: int) -> bool:
    """Say whether the other side knew the attempt with the result by the key of an earlier one."""
    action = decision.call.declaration
    if not isinstance(action, Action) or action.key is None or decision.of <= attempt:
        return False
    window = action.key.window
    if window is None:
        return True
    return decision.began[decision.of - 1] < decision.began[attempt - 1] + microseconds(window)
