"""Say which one thing each live run of an SQLite store waits for, and which runs wait for nothing.

This program knows the tables and the form of a run's body. It imports only the standard library,
nothing of Opord. Call it when faults have stopped and workers have had the length of a lease:

    python tests/progress/look.py orders.db
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GRACE_US = 15_000_000
"""How long a run may be due, or a lease over, before a worker must have acted: a lease and a half.
"""

RUNS = """
SELECT r.run, c.name, c.digest, c.sources, h.state, h.status, h.outcome, h.wake_at, h.worker, h.reason, h.body, h.run AS number
FROM heads AS h JOIN runs AS r ON r.id = h.run JOIN contracts AS c ON c.id = r.contract ORDER BY h.run
"""


@dataclass
class Report:
    """How many runs wait for what, and one line for each problem."""

    waits: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def look(file: str | Path, *, now_us: int | None = None, grace_us: int = GRACE_US) -> Report:
    """Say what each run waits for. `now_us` is the store's clock; by default it is the wall clock.

    A due run counts as abandoned only if a live worker has handlers for its contract.
    """
    now = time.time_ns() // 1000 if now_us is None else now_us
    report = Report()
    connection = sqlite3.connect(f"file:{Path(file).absolute()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        served = {
            digest
            for contracts, alive in connection.execute("SELECT contracts, alive_until FROM workers")
            if alive > now
            for digest in json.loads(contracts)
        }
        for row in connection.execute(RUNS):
            inbox = [
                kind
                for (kind,) in connection.execute(
                    "SELECT kind FROM inbox WHERE run = ? AND body IS NOT NULL", (row["number"],)
                )
            ]
            classes = [*_classes(row, json.loads(row["body"]), now)]
            report.waits[" and ".join(classes) or "nothing"] += 1
            said = [*_problems(row, json.loads(row["body"]), inbox, now, grace_us, row["digest"] in served)]
            if len(classes) != 1:
                said.append(
                    f"it is {len(classes)} things at once ({', '.join(classes) or 'nothing'}), expected one"
                )
            report.problems += [f"{row['run']}: {one}" for one in said]
    finally:
        connection.close()
    return report


def _classes(row: sqlite3.Row, body: dict[str, Any], now: int) -> Iterator[str]:
    """Return the classes of the run; a sound run has exactly one."""
    status, wake, worker = row["status"], row["wake_at"], row["worker"]
    pending = body.get("pending") or {}
    intent = pending.get("intent") or {}
    tried = "tries" in pending or "intent" in pending
    if status == "ended":
        yield "ended"
    held = worker is not None and wake is not None
    if held and (status in ("running", "in_doubt", "stalled") or (status == "waiting" and tried)):
        yield "leased"
    if status == "waiting" and worker is None and tried and wake is not None:
        yield "waiting for an attempt"
    if status == "running" and worker is None and wake is not None:
        yield "runnable" if wake <= now else "runnable later"
    if status == "waiting" and not tried and body.get("timers") and wake == min(body["timers"].values()):
        yield "waiting for a timer"
    if status == "waiting" and not body.get("timers") and wake is None and _hears(row):
        yield "waiting for an event"
    if status == "in_doubt" and worker is None and (intent.get("asking") or wake is not None):
        yield "in doubt"
    if status == "stalled" and worker is None and row["reason"]:
        yield "stalled"


def _hears(row: sqlite3.Row) -> bool:
    """Say whether the contract's text handles an event in the block of the state, or in a phase."""
    text = json.loads(row["sources"])[0][1]
    found = re.search(rf"\bstate {row['state']}\b[^{{\n]*{{", text)
    if found is None:
        return False
    end, depth = found.end(), 1
    while depth and end < len(text):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    shared = text if re.search(r"^phase ", text[: found.start()], re.MULTILINE) else ""
    return bool(re.search(r"^\s*on \w+", text[found.end() : end] + shared, re.MULTILINE))


def _problems(
    row: sqlite3.Row, body: dict[str, Any], inbox: list[str], now: int, grace_us: int, served: bool
) -> Iterator[str]:
    status, wake, worker = row["status"], row["wake_at"], row["worker"]
    pending = body.get("pending") or {}
    intent = pending.get("intent") or {}
    if status == "ended":
        if wake is not None or worker is not None:
            yield "it has ended, and somebody is to look after it"
        if inbox:
            yield f"it has ended, and {len(inbox)} messages wait for it"
        if not row["outcome"]:
            yield "it has ended without an outcome"
        return
    if row["outcome"]:
        yield f"it is {status}, and has the outcome {row['outcome']}"
    if worker is not None and wake is None:
        yield "it is held without an end"
    late = wake is not None and wake < now - grace_us
    if late and (served or worker is not None):
        yield f"it has been due for {(now - wake) / 1e6:.0f} s, and nobody looks"
    if status == "running" and wake is None:
        yield "it could go on, and nobody will look"
    tried = "tries" in pending or "intent" in pending
    if status == "waiting" and not tried and (pending or worker is not None):
        yield "it waits in the middle of a step"
    if status == "waiting" and "evidence" in inbox:
        yield "it waits, and nobody has looked at what came of a call of it"
    if status in ("stalled", "in_doubt") and not (row["reason"] or intent.get("reason")):
        yield f"it is {status} without a reason"
    if status == "in_doubt" and not intent:
        yield "it is in doubt about nothing"
    if status == "in_doubt" and worker is None and wake is None and not intent.get("asking"):
        yield "it is in doubt, nobody is asked and nothing is tried"


def main() -> int:
    """Look at the named stores, and print what their runs wait for."""
    wrong = 0
    for name in sys.argv[1:]:
        report = look(name)
        print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in sorted(report.waits.items())))
        for problem in report.problems:
            print(f"  {problem}")
        wrong += bool(report.problems)
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
