"""The sum of a journal, computed from raw records alone, and compared with the stored head.

This is invariant 10. Like the verifier beside it, it uses no code under test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sum:
    """The sum of the records so far."""

    def __init__(self) -> None:
        self.state, self.data, self.outcome = "", None, None
        self.entered = 0
        self.timers: dict[str, int] = {}
        self.intent: dict[str, Any] | None = None
        self.attempt = 0
        self.doubts: list[int] = []
        self.known = False
        self.stalled = False
        self.settled: set[str] = set()

    def add(self, record: dict[str, Any], facts: dict[str, Any]) -> None:
        """Add a record."""
        kind = record["kind"]
        if kind == "attempt" and "intent" in record:
            return  # of a check, which decides nothing
        if kind in ("started", "transition"):
            self._enter(record, facts)
        elif kind == "terminated":
            self.outcome, self.intent = "terminated", None
        elif kind == "event" or (kind == "attempt" and "key" not in record):
            self.intent = None
        elif kind == "intent":
            self.intent, self.attempt, self.doubts, self.known = record, 1, [], False
        elif kind in ("attempt", "doubt", "outcome"):
            self._commit(record, facts)
        self.stalled = kind == "stalled" or (
            self.stalled
            and kind in ("evidence", "resolved", "alarm", "acknowledged", "dropped")
            and not (kind == "dropped" and "of" in record)
        )

    def _enter(self, record: dict[str, Any], facts: dict[str, Any]) -> None:
        self.state, self.data = record["to"], record.get("data")
        self.timers = {name: micros(due) for name, due in record.get("timers", {}).items()}
        self.outcome = facts["states"][self.state]["outcome"]
        self.entered += 1
        self.intent = None

    def _commit(self, record: dict[str, Any], facts: dict[str, Any]) -> None:
        kind = record["kind"]
        self.attempt = max(self.attempt, record.get("attempt", 0))
        if kind == "doubt":
            self.doubts.append(record["attempt"])
        if kind == "outcome":
            self.known = True
            if "ok" in record["outcome"] and facts["actions"][record["call"]]["keyed"]:
                self.settled.add(record["call"])


def micros(text: str) -> int:
    """Return an instant as microseconds since 1970 UTC."""
    past = datetime.fromisoformat(text) - EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


def judge_fold(row: dict[str, Any], facts: dict[str, Any]) -> Iterator[str]:
    """Return where the head of a run differs from the sum of its journal."""
    total = Sum()
    for _, _, body, _ in row["records"]:
        total.add(json.loads(body), facts)
    head = row["head"]
    body = json.loads(head["body"])
    pending = body.get("pending") or {}
    intent = pending.get("intent") or None
    if pending.get("cause", {}).get("kind") == "timer":
        total.timers.pop(pending["cause"]["handler"], None)
    told = {
        "state": head["state"], "outcome": head["outcome"], "data": body.get("data") or {},
        "entered": body["entered"], "timers": body.get("timers", {}), "stalled": head["status"] == "stalled",
        "settled": set(body.get("settled", [])), "open": intent and (intent["seq"], intent["call"], intent["key"]),
    }  # fmt: skip
    mine = total.intent
    summed = {
        "state": total.state, "outcome": total.outcome, "data": total.data or {},
        "entered": total.entered, "timers": total.timers, "stalled": total.stalled,
        "settled": total.settled, "open": mine and (mine["seq"], mine["call"], mine["key"]),
    }  # fmt: skip
    if head["status"] == "ended":
        told["timers"] = summed["timers"] = {}
    for what, value in summed.items():
        if told[what] != value:
            yield f"10: the {what} of {row['run']} is stored as {told[what]}, its journal adds up to {value}"
    if intent and mine and (intent.get("outcome") is not None) != total.known:
        yield f"10: {row['run']} says otherwise than its journal whether the outcome of {mine['call']} is known"
    if intent and mine and intent.get("attempt", 1) != total.attempt:
        yield f"10: {row['run']} is at attempt {intent.get('attempt', 1)} of {mine['call']}, its journal at {total.attempt}"
