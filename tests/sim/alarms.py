"""Judges alarms from raw records: what contradicts a decision is an alarm until acknowledged.

Like the verifier beside it, it uses no code under test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any


class _Decided:
    """What a journal says of one commit."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.call = record["call"]
        self.made = [_instant(record)]
        self.denied: dict[int, set[str]] = {}
        self.outcome: dict[str, Any] | None = None
        self.over = False
        self.told: list[tuple[int, Any]] = []

    def deny(self, attempt: int, by: str) -> None:
        self.denied.setdefault(attempt, set()).add(by)

    def contradicted_by(self, record: dict[str, Any], facts: dict[str, Any]) -> str | None:
        """Return the kind of contradiction; None if there is none."""
        rules, attempt, said = facts["actions"][self.call], record["attempt"], _said(record)
        if (attempt, said) in self.told:
            return None
        ended = self.outcome
        yes = ended is not None and "ok" in ended["outcome"] and ended["by"] not in ("skip", "report")
        if "ok" not in record["outcome"]:
            failed = record["outcome"].get("failed") or {"type": ""}
            settles = failed["type"] in facts["settling"] and rules["keyed"]
            rest = [n for n in range(1, len(self.made) + 1) if n != attempt]
            alone = settles or all("itself" in self.denied.get(n, ()) for n in rest)
            believed = yes and ended is not None and ended["by"] in ("check", "person")
            return "no after yes" if believed and alone else None
        agrees = yes and ended is not None and _said(ended) == said
        if self.denied.get(attempt):
            repeated = agrees and ended is not None and ended["attempt"] > attempt and rules["keyed"]
            if repeated and ended is not None:
                window = timedelta(seconds=rules["window_s"] or 10**9)
                repeated = self.made[ended["attempt"] - 1] < self.made[attempt - 1] + window
            return None if repeated else "yes after no"
        if self.over:
            return "yes after the end"
        if ended is None or ended["by"] in ("skip", "report") or agrees:
            return None
        return "two results" if yes else "yes after no"


def judge_alarms(row: dict[str, Any], records: list[dict[str, Any]], facts: dict[str, Any]) -> Iterator[str]:
    """List contradictions without an alarm, alarms without a contradiction, and lost alarms."""
    commits: dict[int, _Decided] = {}
    current: _Decided | None = None
    due: str | None = None
    open_: list[int] = []
    for record in records:
        kind, seq = record["kind"], record["seq"]
        if due is not None and kind != "alarm":
            yield f"F2: record {seq - 1} contradicts what was decided ({due}), and raises no alarm"
        if kind == "alarm":
            if record["reason"] != due or record["evidence"] != seq - 1:
                yield f"F2: record {seq} is an alarm ({record['reason']}), and nothing contradicts so ({due})"
            open_.append(seq)
        due = None
        if kind == "acknowledged":
            if record["alarms"] != open_ or not open_ or not record.get("actor"):
                yield f"F2: record {seq} acknowledges {record['alarms']}, open are {open_}"
            open_ = []
        elif kind == "evidence" and "intent" in record:
            commit = commits[record["intent"]]
            due = commit.contradicted_by(record, facts)
            commit.told.append((record["attempt"], _said(record)))
            if "ok" not in record["outcome"]:
                commit.deny(record["attempt"], "itself")
        elif kind == "intent":
            current = commits[seq] = _Decided(record)
        elif kind in ("transition", "event") or (kind == "outcome" and record["by"] == "record"):
            current = None
        elif current is not None:
            _follow(current, record)
            if kind == "terminated":
                current = None
    if due is not None:
        yield f"F2: the last record contradicts what was decided ({due}), and raises no alarm"
    head = row["head"]
    if ("alarm" in head["needs"].split()) != bool(open_):
        yield f"F2: its needs are {head['needs']!r}, the open alarms by its journal are {open_}"
    if [one["seq"] for one in json.loads(head["body"]).get("alarms", [])] != open_:
        yield f"F2: it says other alarms than its journal, which has {open_}"


def _follow(commit: _Decided, record: dict[str, Any]) -> None:
    kind = record["kind"]
    if kind == "attempt" and "key" in record:
        if "outcome" in record:
            commit.deny(record["attempt"], "itself")
        else:
            commit.made.append(_instant(record))
    elif kind == "resolved" and record["verdict"] == "did_not_happen":
        for attempt in range(1, len(commit.made) + 1):
            commit.deny(attempt, "another")
    elif kind == "outcome":
        commit.outcome = record
    elif kind == "terminated":
        commit.over = commit.outcome is None


def _said(record: dict[str, Any]) -> str:
    values = {place: one for place, one in record.get("values", {}).items() if place.startswith("outcome")}
    return json.dumps([record["outcome"], values], sort_keys=True)


def _instant(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["at"])
