"""Judges the waits that other sides ask for, without code under test.

It reads raw records. After a failure that asks to wait, its call is not made again in the state
before the wait is over, whatever happens in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}


def waits_by_rule(records: list[dict[str, Any]], facts: dict[str, Any]) -> Iterator[str]:
    """List the records of calls that are made too soon, and those that tell another wait."""
    until: dict[str, datetime] = {}
    for record in records:
        kind = record["kind"]
        if kind == "transition":
            until = {}
        began = _began(record)
        if began is not None and began < until.get(record["call"], began):
            yield f"waits: record {record['seq']} calls {record['call']} before {until[record['call']]}"
        wait = asked_s(record, facts)
        told = seconds(record["wait"]) if "wait" in record else 0.0
        if abs(told - wait) > 1e-6:
            yield f"waits: record {record['seq']} tells a wait of {told} s, it is {wait} s"
        if wait:
            since = _instant(record.get("arrived", record["at"]))
            end = _later(since, wait)
            until[record["call"]] = max(end, until.get(record["call"], end))
            if "next" in record and _instant(record["next"]) < end:
                yield f"waits: record {record['seq']} is tried again at {record['next']}, before {end}"


def asked_s(record: dict[str, Any], facts: dict[str, Any]) -> float:
    """Return the wait in seconds that a record of a failure tells, by its failure."""
    heard = record["kind"] == "attempt" or (record["kind"] == "evidence" and record.get("answered"))
    failed = (record.get("outcome") or {}).get("failed") if heard else None
    if failed is None or failed["type"] not in facts["waits"]:
        return 0.0
    field, at_most = facts["waits"][failed["type"]]
    asked = max(seconds(failed[field]), 0.0)
    return asked if at_most is None else min(asked, at_most)


def seconds(text: str) -> float:
    """Read a duration such as `1h30m`."""
    found = re.findall(r"(\d+)(h|ms|m|us|s)", text)
    total = sum(int(count) * _UNITS[unit] for count, unit in found)
    return -total if text.startswith("-") else total


def _began(record: dict[str, Any]) -> datetime | None:
    """Return when the call of a record began; None if it tells of none, or not when."""
    kind = record["kind"]
    if kind == "attempt" and "since" in record:
        return _instant(record["since"])
    begins = kind == "intent" or (kind == "attempt" and "outcome" not in record)
    transacted = kind == "outcome" and record["by"] == "transaction"
    return _instant(record["at"]) if begins or transacted else None


def _later(since: datetime, wait_s: float) -> datetime:
    try:
        return since + timedelta(seconds=wait_s)
    except OverflowError:
        return datetime.max.replace(tzinfo=since.tzinfo)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
