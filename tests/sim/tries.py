"""Judges the attempts of effects and of actions in transaction, without code under test.

It reads raw records.
No effect is attempted more often in one step than its policy allows, over all crashes, and what has
answered in a step on record stays its answer.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.sim.asked import asked_s

SURPRISES = 3
BEGINS_ANEW = ("event", "retried", "terminated", "started")


class _Step:
    """A step as far as it is on record: its `now`, its answers, the effect that it waits for."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.now = record["now"]
        self.answers = record.get("answers", [])
        self.call: str | None = record["call"]
        self.failures = self.surprises = 0
        self.records = {record["seq"]: record["attempt"]}
        self.next = _instant(record["next"])

    @property
    def number(self) -> int:
        return self.failures + self.surprises


def attempts_by_rule(records: list[dict[str, Any]], facts: dict[str, Any]) -> Iterator[str]:
    """List the records that break a rule of an effect's attempts."""
    step: _Step | None = None
    timers: list[datetime] = []
    for record in records:
        kind, at = record["kind"], _instant(record["at"])
        other = any(due <= at for due in timers)  # a due timer may have begun another step
        if kind == "attempt" and "key" not in record and "intent" not in record:
            step = yield from _attempt(record, step, facts, other=other)
        elif kind == "evidence" and "of" in record:
            yield from _late(record, step)
        elif kind == "outcome" and record["by"] == "transaction":
            if step is not None and not other:
                yield from _ends(record, step)
        elif kind == "intent" or (kind == "transition" and "calls" in record):
            calls = record.get("answers" if kind == "intent" else "calls", [])
            if step is not None and not other:
                yield from _goes_on(record, calls, step)
            step = None
        elif kind in BEGINS_ANEW or kind == "transition" or (kind == "dropped" and "of" in record):
            step = None
        if kind in ("started", "transition"):
            timers = [_instant(due) for due in record.get("timers", {}).values()]


def _attempt(
    record: dict[str, Any], step: _Step | None, facts: dict[str, Any], *, other: bool
) -> Generator[str, None, _Step]:
    seq, call, rules = record["seq"], record["call"], facts["effects"][record["call"]]
    before = step
    if step is not None and record["now"] != step.now:
        if not other:
            yield f"attempts: record {seq} begins a step anew that is on record"
        before = None
    answers = record.get("answers", [])
    if before is not None:
        yield from _goes_on(record, answers, before, waits=True)
        if len(answers) > len(before.answers):
            before = None
    after = _Step(record)
    if before is not None:
        if before.call != call:
            yield f"attempts: record {seq} asks {call}, the step waits for {before.call}"
        if _instant(record["since"]) < before.next:
            yield f"attempts: record {seq} makes attempt {record['attempt']} of {call} before it is due"
        after.failures, after.surprises = before.failures, before.surprises
        after.records = {**before.records, **after.records}
    failure = record.get("outcome", {}).get("failed", {}).get("type")
    if failure is None:
        after.surprises += 1
    else:
        after.failures += 1
        if failure not in facts["transient"] and not (failure == "TimedOut" and rules["timed"]):
            yield f"attempts: record {seq} tries {call} again after {failure}"
    if after.failures > rules["retries"] or after.surprises > SURPRISES:
        yield f"attempts: record {seq} tries {call} again after {after.number} failed attempts"
    if record["attempt"] != after.number:
        yield f"attempts: record {seq} is attempt {record['attempt']} of {call}, the {after.number}. on record"
    longest = timedelta(seconds=max(rules["cap_s"] if failure is not None else 60.0, asked_s(record, facts)))
    if not timedelta(0) <= after.next - _instant(record["at"]) <= longest:
        yield f"attempts: record {seq} tries {call} again at {record['next']}"
    return after


def _late(record: dict[str, Any], step: _Step | None) -> Iterator[str]:
    if step is None or step.call != record["call"] or record["of"] not in step.records:
        yield f"attempts: record {record['seq']} answers {record['call']}, which nobody waits for"
        return
    step.answers = [*step.answers, {"call": record["call"], **record["outcome"]}]
    if record["attempt"] != 1:
        step.answers[-1]["attempts"] = record["attempt"]
    step.call = None


def _ends(record: dict[str, Any], step: _Step) -> Iterator[str]:
    """Check the last attempt of an action in transaction, for which the step waits no longer.

    The answer of an effect that the step waited for before it comes with the transition.
    """
    asks = (record["call"], record["attempt"])
    before = step.number if step.call == record["call"] else 0
    if record["attempt"] != before + 1:
        yield f"attempts: record {record['seq']} ends {asks}, after {before} attempts of it"
    if step.call == record["call"]:
        step.call = None


def _goes_on(
    record: dict[str, Any], answers: list[Any], step: _Step, *, waits: bool = False
) -> Iterator[str]:
    """Check that answers begin with those on record, and go on with that of the effect."""
    seq, known = record["seq"], len(step.answers)
    if answers[:known] != step.answers:
        yield f"attempts: record {seq} has other answers than the step on record"
    elif step.call is not None and len(answers) > known:
        first = answers[known]
        if (first["call"], first.get("attempts", 1)) != (step.call, step.number + 1):
            yield f"attempts: record {seq} goes on with {first}, after {step.number} attempts of {step.call}"
    elif step.call is not None and not waits:
        yield f"attempts: record {seq} goes on without an answer of {step.call}"


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
