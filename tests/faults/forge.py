"""A world as a story left it, to be broken on purpose.

The verifier has to name the invariant that each break offends.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.faults.kinds import Fault
from tests.faults.kit import seen
from tests.sim.fold import judge_fold
from tests.sim.verify import judge, judge_growth

Change = Callable[["Forged"], None]


class Forged:
    """Rows, ledger and history as plain data.

    `records` are those of the one run, to be changed; `seal` links them again.
    """

    def __init__(self, story: str, *faults: Fault) -> None:
        one = seen(story, *faults)
        self.facts = one.bench.subject.facts
        self.rows: list[dict[str, Any]] = copy.deepcopy(one.told.rows)
        self.before = copy.deepcopy(self.rows)
        self.ledger: list[dict[str, Any]] = copy.deepcopy(one.told.ledger)
        self.history: list[dict[str, Any]] = copy.deepcopy(one.told.history)
        self.now = one.bench.clock.now_us
        self.row = self.rows[0]
        self.records = [json.loads(body) for _, _, body, _ in self.row["records"]]

    @property
    def head(self) -> dict[str, Any]:
        """The head of the run, to be changed in place."""
        head: dict[str, Any] = self.row["head"]
        return head

    def of(self, kind: str, nth: int = 0) -> dict[str, Any]:
        """The nth record of a kind."""
        return [one for one in self.records if one["kind"] == kind][nth]

    def body(self, **changes: Any) -> None:
        """Change the kernel's data about the run."""
        self.head["body"] = json.dumps(json.loads(self.head["body"]) | changes)

    def add(self, kind: str, **members: Any) -> None:
        """Add a record at the end."""
        last = self.records[-1]
        self.records.append(
            {"kind": kind, "run": last["run"], "at": last["at"], "epoch": last["epoch"], **members}
        )

    def seal(self) -> None:
        """Number and link the records as a careful forger would."""
        before, rows = "", []
        for number, record in enumerate(self.records, start=1):
            body = json.dumps(record | {"seq": number, "prev": before}, sort_keys=True)
            before = hashlib.sha256(body.encode()).hexdigest()
            rows.append((number, record["kind"], body, before))
        self.row |= {"records": rows, "seq": len(rows), "hash": before}

    def judged(self) -> list[str]:
        """Return what the verifier says of the world, and of the journal's sum."""
        found = judge(self.facts, self.rows, self.ledger, self.history, now=self.now, at_rest=True)
        return [*found, *(one for row in self.rows for one in judge_fold(row, self.facts))]

    def grown(self) -> list[str]:
        """Return what the verifier says of the journal compared with its earlier state."""
        return judge_growth(self.before, self.rows)
