"""Journals written by hand, legal and illegal ones, with matching hashes.

No code of the kernel writes these journals, so the verifier is not tested with output of the code
that it verifies.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from opord.kernel.instants import parse, text
from opord.kernel.program import Program
from opord.kernel.rows import Head, InboxRow, RecordRow, RunRow
from opord.loading import load_sources

START = 1_790_000_000_000_000  # an ordinary day in 2026
SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000

PARCEL = """
contract Parcel(id: str, pin: secret str) key id version 1
record Receipt { id: str }
failure Refused { No(reason: str), Never settles, Busy transient }
role clerk
event approve(note: str) by clerk
event scan(code: str) key code keep
event peek()

effect look(id: str) -> bool { timeout 5s }
effect find(id: str) -> Receipt?
action pay(id: str, pin: secret str) -> Receipt fails Refused { key id for 1h, retry 2 times, timeout 10s }
action wire(id: str) -> Receipt fails Refused { retry 2 times, timeout 10s }
action lodge(id: str) -> Receipt { in doubt check find(id) after 5s, timeout 10s }
action file(id: str) { in doubt report }
action mail(text: str) { repeatable, in doubt skip }

phase Desk {
  on cancel(reason) -> goto Gone(reason)
  after 2h -> goto Gone("nobody came")

  initial state New -> Waiting | Gone {
    let known = perform look(id) else { TimedOut -> goto Gone("no answer") }
    if known { goto Waiting(1) }
    goto Gone("unknown")
  }

  state Waiting(round: int) -> Paying | Waiting | Gone {
    on approve(note) -> goto Paying
    on scan(code) if 6 // round > 2 -> goto Waiting(round + 1)
    on peek ignore
    after 10m -> goto Paying
  }

  state Paying -> Wiring | Gone {
    match commit pay(id, pin) {
      ok receipt -> goto Wiring(receipt)
      No(reason) -> goto Gone(reason)
      Never -> goto Gone("never")
      Busy -> goto Gone("busy")
    }
  }
}
state Wiring(receipt: Receipt) -> Lodging | Gone {
  match commit wire(id) {
    ok other -> goto Lodging
    No(reason) -> goto Gone(reason)
    Never -> goto Gone("never")
    Busy -> goto Gone("busy")
  }
}
state Lodging -> Filing {
  let receipt = commit lodge(id)
  goto Filing
}
state Filing -> Mailing | Gone {
  match commit file(id) {
    ok -> goto Mailing
    InDoubt -> goto Gone("nobody knows")
  }
}
state Mailing -> Done {
  commit mail("filed {id}")
  goto Done
}
final state Done success
final state Gone(reason: str) failure
"""


@cache
def parcel() -> Program:
    """Return the program of the contract above."""
    return load_sources([("parcel.opord", PARCEL)])


class Journal:
    """Records of one run, each some seconds after its start."""

    def __init__(self, program: Program | None = None, run: str = "Parcel/p1") -> None:
        self.program = program or parcel()
        self.run = run
        self.bodies: list[dict[str, Any]] = []
        self.inbox: list[InboxRow] = []

    def add(self, kind: str, at: float = 0, **said: Any) -> Journal:
        """Append a record to the journal."""
        moment = START + int(at * SECOND)
        said = {name.rstrip("_"): value for name, value in said.items()}
        self.bodies.append(
            {"kind": kind, "at": text(moment), "_at": moment, "epoch": 1, "worker": "w1", **said}
        )
        return self

    def last(self, **changes: Any) -> Journal:
        """Change the last record."""
        self.bodies[-1] |= {name.rstrip("_"): value for name, value in changes.items()}
        return self

    def records(self) -> list[RecordRow]:
        """Return the rows, numbered, with hashes that fit."""
        rows: list[RecordRow] = []
        for number, said in enumerate(self.bodies, start=1):
            body = {
                "run": self.run, "seq": number, "contract": self.program.digest,
                "prev": rows[-1].hash if rows else "", **said,
            }  # fmt: skip
            at = body.pop("_at")
            written = canonical(body)
            rows.append(RecordRow(number, at, said["kind"], written, sha256(written)))
        return rows

    def _wary(self) -> int:
        """Return the instant of the last restore, unless a later record has ended the wariness.

        Otherwise return 0.
        """
        for said in reversed(self.bodies):
            if said["kind"] == "restored":
                return parse(said["since"])
            if said["kind"] == "resolved" and said["verdict"] == "did_not_happen":
                return 0
        return 0

    def row(self, status: str = "running", **changes: Any) -> RunRow:
        """Return the row that should be stored with this journal."""
        records = self.records()
        moves = [said for said in self.bodies if "to" in said]
        last = moves[-1]
        outcome = last.get("result")
        if any(said["kind"] == "terminated" for said in self.bodies):
            outcome = "terminated"
        head = Head(
            last["to"], status, outcome, last["_at"], None, None, None,
            canonical({"data": last["data"], "entered": len(moves), "wary": self._wary()}),
        )  # fmt: skip
        started = self.bodies[0]
        row = RunRow(
            self.run, self.program.digest, self.program.name, 1, started["_at"], canonical(started["input"]),
            1, len(records), records[-1].hash, 0, head,
        )  # fmt: skip
        heads = {name: value for name, value in changes.items() if name in Head.__struct_fields__}
        others = {name: value for name, value in changes.items() if name not in Head.__struct_fields__}
        return row.replace(head=head.replace(**heads), **others)


def canonical(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(written: str) -> str:
    return hashlib.sha256(written.encode()).hexdigest()


# --- the pieces of a parcel's story ---------------------------------------------------------------

INPUT = {"id": "p1", "pin": {"$secret": "1234"}}
DESK = {"Desk after": text(START + 2 * HOUR)}


def due(at: float, span: int) -> str:
    return text(START + int(at * SECOND) + span)


def started() -> Journal:
    """A parcel that has just started."""
    return Journal().add("started", name="Parcel", version=1, input=INPUT, to="New", data={}, timers=DESK)


def waiting() -> Journal:
    """A parcel that waits for a clerk."""
    return started().add(
        "transition", 1, from_="New", to="Waiting", cause="body", data={"round": 1},
        timers={**DESK, "Waiting after": due(1, 10 * MINUTE)}, calls=[{"call": "look", "ok": True}],
    )  # fmt: skip


def approved() -> Journal:
    """A parcel that a clerk has approved and that is about to be paid."""
    return (
        waiting()
        .add("event", 5, event="approve", args={"note": "ok"}, actor="ann", role="clerk")
        .add("transition", 5, from_="Waiting", to="Paying", cause="event approve", data={}, timers=DESK)
    )


def paying() -> Journal:
    """A parcel whose payment is under way."""
    args = {"id": "p1", "pin": {"$secret": "1234"}}
    return approved().add("intent", 5, call="pay", key="p1", args=args, now=due(5, 0))


def paid() -> Journal:
    """A parcel that has been paid and is about to be wired."""
    return (
        paying()
        .add("outcome", 6, call="pay", key="p1", attempt=1, by="call", outcome={"ok": {"id": "r1"}})
        .add("transition", 6, from_="Paying", to="Wiring", cause="commit pay", data={"receipt": {"id": "r1"}})
    )


def wiring() -> Journal:
    """A parcel whose wire, an action without a key, is under way."""
    return paid().add("intent", 7, call="wire", key="Parcel/p1/4", args={"id": "p1"}, now=due(7, 0))


def lodging() -> Journal:
    """A parcel whose lodging, which can be checked, is under way."""
    return (
        wiring()
        .add("outcome", 8, call="wire", key="Parcel/p1/4", attempt=1, by="call", outcome={"ok": {"id": "r2"}})
        .add("transition", 8, from_="Wiring", to="Lodging", cause="commit wire", data={})
        .add("intent", 8, call="lodge", key="Parcel/p1/5", args={"id": "p1"}, now=due(8, 0))
    )


def filing() -> Journal:
    """A parcel whose filing, which reports doubts, is under way."""
    return (
        lodging()
        .add(
            "outcome", 9, call="lodge", key="Parcel/p1/5", attempt=1, by="call", outcome={"ok": {"id": "r3"}}
        )
        .add("transition", 9, from_="Lodging", to="Filing", cause="commit lodge", data={})
        .add("intent", 9, call="file", key="Parcel/p1/6", args={"id": "p1"}, now=due(9, 0))
    )


def mailing() -> Journal:
    """A parcel whose mail, which may be skipped, is under way."""
    return (
        filing()
        .add("outcome", 10, call="file", key="Parcel/p1/6", attempt=1, by="call", outcome={"ok": None})
        .add("transition", 10, from_="Filing", to="Mailing", cause="commit file", data={})
        .add("intent", 10, call="mail", key="Parcel/p1/7", args={"text": "filed p1"}, now=due(10, 0))
    )


def done() -> Journal:
    """A parcel that is done."""
    return (
        mailing()
        .add("outcome", 11, call="mail", key="Parcel/p1/7", attempt=1, by="call", outcome={"ok": None})
        .add("transition", 11, from_="Mailing", to="Done", cause="commit mail", data={}, result="success")
    )


def gone(journal: Journal, at: float, cause: str, reason: str = "late") -> Journal:
    """End a parcel's run in failure."""
    state = next(said["to"] for said in reversed(journal.bodies) if "to" in said)
    return journal.add(
        "transition", at, from_=state, to="Gone", cause=cause, data={"reason": reason}, result="failure"
    )
