"""Judges each commit by the rules of its action, without code under test.

The rules are about attempts, the key's window, delays and deadlines.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

CUT_OFF = "its worker died or lost its lease during the call"
MISFITS = 3
BY_RULE = {"skip": ("skip",), "report": ("report", "ask"), "check": ("check",)}


class _Commit:
    """A commit from its intent on.

    It has what counts against `retry`, what is in doubt, and since when.
    """

    def __init__(self, record: dict[str, Any], facts: dict[str, Any]) -> None:
        self.rules = facts["actions"][record["call"]]
        self.transient = facts["transient"]
        self.first_at = self.doubted_at = _instant(record)
        self.counted = 1
        self.under_way = 1
        self.doubts: set[int] = set()
        self.refused = False
        self.misfits = 0

    @property
    def in_doubt(self) -> bool:
        """True while it is unknown whether some attempt took effect."""
        return bool(self.doubts)

    def evidence(self, record: dict[str, Any]) -> Iterator[str]:
        """Take late evidence. An attempt that never began counts for nothing."""
        number = record["attempt"]
        if "not_called" in record["outcome"] and number in record.get("answered", ()):
            if number == self.under_way or self.rules["doubt"] != "check":
                self.counted = max(self.counted - 1, 0)
        self.doubts -= {*record.get("answered", ())}
        return iter(())

    def attempt(self, record: dict[str, Any]) -> Iterator[str]:
        """Judge another attempt that begins, or that ended in a transient failure."""
        if "outcome" in record:
            self.under_way = 0
            left = self.counted < (self.rules["retries"] or 0) + 1
            if record["outcome"]["failed"]["type"] not in self.transient:
                left, self.refused = False, True
                if "next" in record or not self.in_doubt:
                    yield f"attempts: record {record['seq']} goes on after {record['call']} failed for good"
            elif ("next" in record) != (left or self.in_doubt):
                yield f"attempts: record {record['seq']} is wrong about whether {record['call']} is called again"
            return
        at, seq = _instant(record), record["seq"]
        if self.refused:
            yield f"4: record {seq} calls {record['call']} again, which was refused for good while it was in doubt"
        if not self.counted:
            self.first_at = at
        self.counted += 1
        self.under_way = record["attempt"]
        if self.rules["retries"] is not None and self.counted > self.rules["retries"] + 1:
            yield f"attempts: record {seq} begins one more attempt of {record['call']} than `retry` allows"
        if self.rules["retries"] is None and self.misfits > MISFITS:
            yield f"attempts: record {seq} calls {record['call']} again after {self.misfits} answers that did not fit"
        window = self.rules["window_s"]
        if self.in_doubt and window is not None and at >= self.first_at + timedelta(seconds=window):
            yield f"1: record {seq} repeats {record['call']}, whose key is no longer remembered"

    def doubt(self, record: dict[str, Any]) -> Iterator[str]:
        """Record a doubt.

        An attempt that was cut off does not count if a check finds its outcome.
        """
        self.doubts.add(record["attempt"])
        self.misfits += record.get("misfit", False)
        self.doubted_at, self.under_way = _instant(record), 0
        if record.get("reason") == CUT_OFF and self.rules["doubt"] == "check":
            self.counted = max(self.counted - 1, 0)
        return iter(())

    def resolved(self, record: dict[str, Any]) -> Iterator[str]:
        """Judge a verdict."""
        yield from self._not_too_soon(record)
        self.doubts, self.refused = set(), False
        if record["by"] == "person" and record["verdict"] == "did_not_happen":
            self.counted = self.misfits = 0

    def outcome(self, record: dict[str, Any]) -> Iterator[str]:
        """Judge the end of a commit."""
        by, seq, call = record["by"], record["seq"], record["call"]
        yield from self._not_too_soon(record)
        if self.rules["doubt"] not in BY_RULE.get(by, (self.rules["doubt"],)):
            yield f"4: record {seq} ends the doubt of {call} by {by}, which the contract does not say"
        if by in ("skip", "report") and not self.in_doubt:
            yield f"4: record {seq} ends a doubt of {call} that there is not"
        told = record["outcome"]
        if (by == "skip" and told.get("ok", 0) is not None) or (
            by == "report" and told != {"failed": {"type": "InDoubt"}}
        ):
            yield f"3: record {seq} ends a doubt of {call} by {by}, as {told}"
        within = self.rules["within_s"]
        if by == "report" and within is not None:
            if _instant(record) < self.doubted_at + timedelta(seconds=within):
                yield f"4: record {seq} ends the doubt of {call} before a person had time to answer"
        failed = (record["outcome"].get("failed") or {}).get("type")
        if by == "call" and failed in self.transient and self.counted < (self.rules["retries"] or 0) + 1:
            yield f"attempts: record {seq} hands a failure of {call} on although an attempt is left"

    def _not_too_soon(self, record: dict[str, Any]) -> Iterator[str]:
        if record["by"] == "check":
            if _instant(record) < self.doubted_at + timedelta(seconds=self.rules["after_s"]):
                yield f"4: record {record['seq']} believes a check of {record['call']} that came too soon"


def commits_by_rule(records: list[dict[str, Any]], facts: dict[str, Any]) -> Iterator[str]:
    """List the records that break a rule of their action."""
    commit: _Commit | None = None
    for record in records:
        kind = record["kind"]
        if kind == "attempt" and "intent" in record:
            continue  # of a check, which decides nothing
        if kind == "intent":
            commit = _Commit(record, facts)
        elif kind in ("transition", "terminated", "event") or (kind == "attempt" and "key" not in record):
            commit = None
        elif commit is not None and kind in ("attempt", "doubt", "resolved", "outcome", "evidence"):
            yield from getattr(commit, kind)(record)


def _instant(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["at"])
