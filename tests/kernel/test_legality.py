"""The contract decides whether a journal is legal.

Legal journals pass, and every kind of forgery is found.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, get_args

import pytest

from opord.kernel.instants import text
from opord.kernel.legality import FOLLOWS, Problem, verify
from opord.kernel.legality.order import Situation
from opord.kernel.program import Program
from opord.kernel.records import RecordKind
from opord.kernel.rows import InboxRow
from opord.loading import load_sources
from tests.kernel.journals import (
    DESK,
    HOUR,
    MINUTE,
    START,
    Journal,
    approved,
    canonical,
    done,
    due,
    filing,
    gone,
    lodging,
    mailing,
    paid,
    paying,
    sha256,
    started,
    waiting,
    wiring,
)

BY_HAND = {
    "sequence", "hash", "state", "outcome", "since", "started_at", "entered", "data", "input", "status", "inbox",
}  # fmt: skip
"""The columns that these hand-written rows fill as an engine would.

`test_verify_columns.py` has all of them.
"""


def problems(journal: Journal, status: str = "running", **changes: Any) -> list[Problem]:
    said = verify(journal.program, journal.row(status, **changes), journal.records(), journal.inbox)
    return [problem for problem in said if problem.seq is not None or problem.what in BY_HAND]


def found(journal: Journal, status: str = "running") -> list[tuple[int | None, str]]:
    return [(problem.seq, problem.what) for problem in problems(journal, status)]


def restored(journal: Journal, *, hours: float = 0, rule: int | None = 2) -> Journal:
    """Restore the store just before the last intent of the journal.

    The copy is some hours older. An older Opord wrote no `rule`.
    """
    intent = journal.bodies.pop()
    since = text(journal.bodies[-1]["_at"] + int(hours * HOUR))
    journal.add(
        "restored", (intent["_at"] - START) / 1_000_000, since=since, until=due(30 * 86_400, 0), actor="ann",
        **({"rule": rule} if rule is not None else {}),
    )  # fmt: skip
    journal.bodies.append(intent)
    return journal


def doubtful(journal: Journal, at: float = 20, **said: Any) -> Journal:
    """Let the attempt under way end in a doubt."""
    intent = next(said for said in reversed(journal.bodies) if said["kind"] == "intent")
    attempts = [
        said["attempt"] for said in journal.bodies if said.get("call") == intent["call"] and "attempt" in said
    ]
    number = max(attempts, default=1)
    return journal.add(
        "doubt", at, call=intent["call"], key=intent["key"], attempt=number, reason="lost", **said
    )


def refused(**said: Any) -> Journal:
    """Let a keyed call be repeated in doubt, by the current rule, and end in this failure."""
    repeated = doubtful(paying(), rule=2).add("attempt", 21, **PAY, attempt=2)
    return repeated.add("attempt", 22, **PAY, attempt=2, outcome=NO, **said)


def cut_off(journal: Journal) -> Journal:
    """Let the worker of the attempt under way be lost."""
    return doubtful(journal).last(reason="its worker was lost during the call")


NOT_CALLED = {"not_called": None}
NEVER_BEGAN = {"call": "wire", "intent": 8, "attempt": 1, "outcome": NOT_CALLED, "learned_by": "w0"}


# --- legal journals ------------------------------------------------------------------------------

PAY = {"call": "pay", "key": "p1"}
WIRE = {"call": "wire", "key": "Parcel/p1/4"}
LODGE = {"call": "lodge", "key": "Parcel/p1/5"}
FILE = {"call": "file", "key": "Parcel/p1/6"}
MAIL = {"call": "mail", "key": "Parcel/p1/7"}
BUSY = {"failed": {"type": "Refused.Busy"}}
LINE = {"file": "handlers.py", "line": 6, "function": "find", "code": None, "own": True}
PART = {"type": "KeyError", "message": "'x'", "frames": [LINE]}
TROUBLE = {**PART, "fingerprint": "0123456789abcdef", "causes": [{**PART, "how": "cause"}]}
WRONG_TROUBLES: dict[str, Any] = {
    "no object": "KeyError: 'x'",
    "no message": {name: value for name, value in TROUBLE.items() if name != "message"},
    "a member too many": {**TROUBLE, "more": 1},
    "a fingerprint of another form": {**TROUBLE, "fingerprint": "X" * 16},
    "a fingerprint that is no text": {**TROUBLE, "fingerprint": 1},
    "frames that are no list": {**TROUBLE, "frames": LINE},
    "too many frames": {**TROUBLE, "frames": [LINE] * 21},
    "a frame without a file": {**TROUBLE, "frames": [{**LINE, "file": None}]},
    "a line below zero": {**TROUBLE, "frames": [{**LINE, "line": -1}]},
    "a line that is true": {**TROUBLE, "frames": [{**LINE, "line": True}]},
    "a frame with a member too many": {**TROUBLE, "frames": [{**LINE, "more": 1}]},
    "no causes in their list": {**TROUBLE, "causes": []},
    "too many causes": {**TROUBLE, "causes": [{**PART, "how": "cause"}] * 6},
    "a cause of an unknown kind": {**TROUBLE, "causes": [{**PART, "how": "magic"}]},
    "too many frames of a cause": {**TROUBLE, "causes": [{**PART, "how": "cause", "frames": [LINE] * 6}]},
}
NO = {"failed": {"type": "Refused.No", "reason": "no funds"}}
NEVER = {"failed": {"type": "Refused.Never"}}
YES = {"ok": {"id": "r"}}
IN_DOUBT = {"failed": {"type": "InDoubt"}}
SCAN = {"event": "scan", "args": {"code": "c1"}, "actor": "gate", "key": "c1"}
DROPPED = {"event": "scan", "id": "m1", "key": "c1", "actor": "ops"}
AGAIN = {"from_": "Waiting", "to": "Waiting", "cause": "event scan", "data": {"round": 2}}


LOOK = """
contract Look(id: str) key id version 1
event go()
effect look(id: str) -> bool
initial state Waiting -> Done {
  on go() {
    let known = perform look(id)
    goto Done
  }
  after 1h -> goto Done
}
final state Done success
"""


@cache
def look() -> Program:
    return load_sources([("look.opord", LOOK)])


def looking() -> Journal:
    """A run in the step of an event, which calls."""
    journal = Journal(look(), "Look/p1").add(
        "started", name="Look", version=1, input={"id": "p1"}, to="Waiting", data={},
        timers={"Waiting after": due(0, HOUR)},
    )  # fmt: skip
    return journal.add("event", 2, event="go", args={}, actor="ann", id="m1")


POST = """
contract Post(id: str) key id version 1
action post(id: str) { key id for 24h }
initial state Posting -> Done {
  commit post(id)
  goto Done
}
final state Done success
"""


@cache
def post() -> Program:
    return load_sources([("post.opord", POST)])


def posting(misfits: int) -> Journal:
    """A run that calls an action without `retry` again, after so many answers that did not fit."""
    about = {"call": "post", "key": "p1"}
    journal = Journal(post(), "Post/p1").add(
        "started", name="Post", version=1, input={"id": "p1"}, to="Posting", data={}
    )
    journal.add("intent", 1, **about, args={"id": "p1"}, now=due(0, 0))
    for number in range(1, misfits + 1):
        journal.add("doubt", 2 * number, **about, attempt=number, reason="no", rule=2, misfit=True)
        journal.add("attempt", 2 * number + 1, **about, attempt=number + 1)
    return journal


def timers_at(at: float) -> dict[str, str]:
    return {**DESK, "Waiting after": due(at, 10 * MINUTE)}


LEGAL: dict[str, tuple[Callable[[], Journal], str]] = {
    "just started": (started, "running"),
    "waits": (waiting, "waiting"),
    "from start to end": (done, "ended"),
    "a timer fired": (
        lambda: waiting().add(
            "transition", 601, from_="Waiting", to="Paying", cause="timer Waiting after", data={}, timers=DESK
        ),
        "running",
    ),
    "the phase's timer took a state that acts": (lambda: gone(started(), 2 * 3600, "timer Desk after"), "ended"),
    "cancelled while the body had not ended": (
        lambda: gone(
            started().add("event", 3, event="cancel", args={"reason": "late"}, actor="ann"), 3, "event cancel"
        ),
        "ended",
    ),
    "an event that is only recorded": (
        lambda: waiting().add("ignored", 4, event="peek", args={}, actor="ann"), "waiting"
    ),
    "a stored event that a person dropped": (
        lambda: waiting().add("dropped", 2, **DROPPED, arrived=due(0.5, 0), args={"code": "c1"}, sender="gate"), "waiting"
    ),
    "the event of a stalled step that a person dropped": (
        lambda: looking().add("stalled", 3, error="no").add("dropped", 4, event="go", id="m1", of=2, actor="ops"),
        "waiting",
    ),
    "another event after one was dropped": (
        lambda: looking().add("stalled", 3, error="no").add("dropped", 4, event="go", id="m1", of=2, actor="ops")
        .add("event", 5, event="go", args={}, actor="ann", id="m2"),
        "running",
    ),
    "called again after a few answers that did not fit": (lambda: posting(3), "in_doubt"),
    "a kept event taken on entry": (
        lambda: waiting().add("event", 1, **SCAN, arrived=due(0.5, 0)).add("transition", 1, **AGAIN, timers=timers_at(1)),
        "waiting",
    ),
    "a second try after a transient failure": (
        lambda: paying()
        .add("attempt", 6, **PAY, attempt=1, outcome=BUSY, next=due(7, 0))
        .add("attempt", 7, **PAY, attempt=2)
        .add("outcome", 8, **PAY, attempt=2, by="call", outcome=YES),
        "running",
    ),
    "a transient failure handed on when no attempt was left": (
        lambda: gone(
            paying()
            .add("attempt", 6, **PAY, attempt=1, outcome=BUSY, next=due(6, 0))
            .add("attempt", 6, **PAY, attempt=2)
            .add("attempt", 7, **PAY, attempt=2, outcome=BUSY, next=due(7, 0))
            .add("attempt", 7, **PAY, attempt=3)
            .add("attempt", 8, **PAY, attempt=3, outcome=BUSY)
            .add("outcome", 8, **PAY, attempt=3, by="call", outcome=BUSY),
            8, "commit pay failed (Busy)", "busy",
        ),
        "ended",
    ),
    "a cause that an older version wrote, without the failure": (
        lambda: gone(
            paying().add("outcome", 7, **PAY, attempt=1, by="call", outcome=NEVER),
            8, "commit pay", "never",
        ),
        "ended",
    ),
    "cancelled between two attempts with nothing in doubt": (
        lambda: gone(
            paying()
            .add("attempt", 6, **PAY, attempt=1, outcome=BUSY, next=due(9, 0))
            .add("event", 7, event="cancel", args={"reason": "late"}, actor="ann"),
            7, "event cancel",
        ),
        "ended",
    ),
    "a keyed call repeated in doubt": (
        lambda: doubtful(paying())
        .add("attempt", 21, **PAY, attempt=2)
        .add("outcome", 22, **PAY, attempt=2, by="call", outcome=YES),
        "running",
    ),
    "a final failure ended a doubt, before records named the rule of a doubt": (
        lambda: doubtful(paying()).add("attempt", 21, **PAY, attempt=2)
        .add("outcome", 22, **PAY, attempt=2, by="call", outcome=NO),
        "running",
    ),
    "late evidence of another attempt ended a doubt, before records named the rule of a doubt": (
        lambda: doubtful(doubtful(paying()).add("attempt", 21, **PAY, attempt=2), 22)
        .add("evidence", 23, call="pay", intent=5, attempt=1, outcome=NO)
        .add("outcome", 23, **PAY, attempt=2, by="evidence", outcome=NO),
        "running",
    ),
    "a failure that settles ended a doubt": (
        lambda: doubtful(paying(), rule=2).add("attempt", 21, **PAY, attempt=2)
        .add("outcome", 22, **PAY, attempt=2, by="call", outcome=NEVER),
        "running",
    ),
    "a final failure that does not settle was set aside": (refused, "in_doubt"),
    "it is the outcome when all attempts in doubt are answered": (
        lambda: refused().add("evidence", 30, call="pay", intent=5, attempt=1, outcome=BUSY, answered=[1])
        .add("outcome", 31, **PAY, attempt=2, by="call", outcome=NO),
        "running",
    ),
    "a late failure that settles answers every attempt": (
        lambda: doubtful(doubtful(paying(), rule=2).add("attempt", 21, **PAY, attempt=2), 22, rule=2)
        .add("evidence", 30, call="pay", intent=5, attempt=1, outcome=NEVER, answered=[1, 2])
        .add("outcome", 30, **PAY, attempt=2, by="evidence", outcome=NEVER),
        "running",
    ),
    "after its late transient failure an action is called again": (
        lambda: doubtful(wiring(), rule=2)
        .add("evidence", 30, call="wire", intent=8, attempt=1, outcome=BUSY, answered=[1])
        .add("attempt", 31, **WIRE, attempt=2),
        "running",
    ),
    "in doubt, waiting for a person": (lambda: doubtful(wiring()), "in_doubt"),
    "a person said that it did not happen": (
        lambda: doubtful(wiring())
        .add("resolved", 30, call="wire", verdict="did_not_happen", by="person", actor="ann")
        .add("attempt", 31, **WIRE, attempt=2),
        "running",
    ),
    "a person said that it happened": (
        lambda: doubtful(wiring())
        .add("resolved", 30, call="wire", verdict="happened", by="person", actor="ann", outcome=YES)
        .add("outcome", 30, **WIRE, attempt=1, by="person", outcome=YES),
        "running",
    ),
    "a late answer ended the doubt": (
        lambda: doubtful(wiring())
        .add("evidence", 30, call="wire", intent=8, attempt=1, outcome=YES, learned_by="w0")
        .add("outcome", 30, **WIRE, attempt=1, by="evidence", outcome=YES),
        "running",
    ),
    "the check found it": (
        lambda: doubtful(lodging()).add("outcome", 30, **LODGE, attempt=1, by="check", outcome=YES), "running"
    ),
    "the check did not find it": (
        lambda: doubtful(lodging())
        .add("resolved", 30, call="lodge", verdict="did_not_happen", by="check")
        .add("attempt", 30, **LODGE, attempt=2),
        "running",
    ),
    "a doubt reported to the contract": (
        lambda: gone(
            doubtful(filing()).add("outcome", 20, **FILE, attempt=1, by="report", outcome=IN_DOUBT),
            20, "commit file stayed in doubt", "nobody knows",
        ),
        "ended",
    ),
    "a doubt skipped": (
        lambda: doubtful(mailing()).add("outcome", 20, **MAIL, attempt=1, by="skip", outcome={"ok": None}), "running"
    ),
    "stalled, mended, gone on": (
        lambda: started()
        .add("stalled", 2, error="ConnectionError: no route", call="look")
        .add("retried", 9, actor="ann"),
        "running",
    ),
    "stalled": (lambda: started().add("stalled", 2, error="ConnectionError: no route", call="look"), "stalled"),
    "stalled, with the lines of code": (
        lambda: started().add("stalled", 2, error="ConnectionError: no route", call="look", trouble=TROUBLE), "stalled"
    ),
    "in doubt, with the lines of code": (
        lambda: wiring().add("doubt", 9, **WIRE, attempt=1, reason="KeyError: 'x'", trouble=TROUBLE), "in_doubt"
    ),
    "its worker says that the call never began": (
        lambda: cut_off(wiring()).add("evidence", 21, **NEVER_BEGAN, answered=[1])
        .add("attempt", 22, **WIRE, attempt=2)
        .add("outcome", 23, **WIRE, attempt=2, by="call", outcome=YES),
        "running",
    ),
    "an attempt under way never began": (
        lambda: wiring().add("evidence", 21, **NEVER_BEGAN, answered=[1]).add("attempt", 22, **WIRE, attempt=2),
        "running",
    ),
    "it never began, and the run was terminated meanwhile": (
        lambda: wiring().add("terminated", 9, actor="root", reason="test").add("evidence", 21, **NEVER_BEGAN), "ended"
    ),
    "it never began, and a check has decided meanwhile": (
        lambda: cut_off(lodging())
        .add("resolved", 30, call="lodge", verdict="did_not_happen", by="check")
        .add("evidence", 31, call="lodge", intent=11, attempt=1, outcome=NOT_CALLED, learned_by="w0"),
        "running",
    ),
    "restored, and in doubt before the call": (
        lambda: restored(wiring()).add("doubt", 9, **WIRE, attempt=1, reason="restored", by="restore"), "in_doubt"
    ),
    "restored, denied by the check, and called": (
        lambda: restored(lodging())
        .add("doubt", 9, **LODGE, attempt=1, reason="restored", by="restore")
        .add("resolved", 20, call="lodge", verdict="did_not_happen", by="check")
        .add("attempt", 20, **LODGE, attempt=2)
        .add("outcome", 21, **LODGE, attempt=2, by="call", outcome=YES),
        "running",
    ),
    "restored, and called by a key that holds": (
        lambda: restored(paying()).add("outcome", 9, **PAY, attempt=1, by="call", outcome=YES), "running"
    ),
    "restored while a call was under way": (
        lambda: wiring().add("restored", 8, since=due(7, 0), until=due(99, 0), actor="ann")
        .add("doubt", 9, **WIRE, attempt=1, reason="its worker was lost"),
        "in_doubt",
    ),
    "terminated": (lambda: paying().add("terminated", 9, actor="root", reason="test"), "ended"),
    "a late answer after the end": (
        lambda: done().add("evidence", 99, call="wire", intent=8, attempt=1, outcome=YES, learned_by="w0"), "ended"
    ),
    "an event that no state took by the end": (
        lambda: done().add("unhandled", 11, **SCAN, arrived=due(7, 0)), "ended"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_journal_has_no_problems(name: str) -> None:
    make, status = LEGAL[name]
    assert problems(make(), status) == []


# --- forgeries: what must be found, and where ----------------------------------------------------


def transition(at: float, origin: str, to: str, cause: str, **said: Any) -> Callable[[Journal], Journal]:
    return lambda journal: journal.add("transition", at, from_=origin, to=to, cause=cause, **said)


FORGED: dict[str, tuple[Callable[[], Journal], tuple[int, str]]] = {
    # transitions
    "a target that the header does not list": (
        lambda: transition(2, "New", "Lodging", "body", data={})(started()), (2, "transition")
    ),
    "a target that the body never goes to": (
        lambda: waiting().add("event", 5, event="approve", args={"note": ""}, actor="ann", role="clerk")
        .add("transition", 5, from_="Waiting", to="Waiting", cause="event approve", data={"round": 2}, timers=timers_at(5)),
        (4, "transition"),
    ),
    "a move out of a state where the run is not": (
        lambda: transition(2, "Lodging", "Waiting", "body", data={"round": 1}, timers=timers_at(2))(started()),
        (2, "transition"),
    ),
    "a waiting state that moved by itself": (
        lambda: transition(2, "Waiting", "Paying", "body", data={}, timers=DESK)(waiting()), (3, "cause")
    ),
    "an event as cause that nobody sent": (
        lambda: transition(2, "Waiting", "Paying", "event approve", data={}, timers=DESK)(waiting()), (3, "cause")
    ),
    "a commit as cause whose outcome is not on record": (
        lambda: transition(2, "New", "Waiting", "commit pay", data={"round": 1}, timers=timers_at(2))(started()),
        (2, "cause"),
    ),
    "a cause with another failure than the one on record": (
        lambda: gone(
            paying().add("outcome", 7, **PAY, attempt=1, by="call", outcome=NEVER),
            8, "commit pay failed (No)", "never",
        ),
        (7, "cause"),
    ),
    "a cause with a failure where there was none": (
        lambda: paying().add("outcome", 6, **PAY, attempt=1, by="call", outcome=YES)
        .add("transition", 6, from_="Paying", to="Wiring", cause="commit pay failed (No)", data={"receipt": {"id": "r1"}}),
        (7, "cause"),
    ),
    "data of another type": (
        lambda: transition(2, "New", "Waiting", "body", data={"round": "one"}, timers=timers_at(2))(started()),
        (2, "data"),
    ),
    "an outcome that the final state does not have": (lambda: done().last(result="cancelled"), (19, "transition")),
    "a move after the end": (
        lambda: transition(20, "Done", "Gone", "body", data={"reason": "x"}, result="failure")(done()), (20, "order")
    ),
    "a state that is not the initial one": (lambda: started().last(to="Lodging", timers={}), (1, "transition")),
    "a start under another name": (lambda: started().last(input={"id": "p2", "pin": {"$secret": "1"}}), (1, "run")),
    "an input that does not fit": (lambda: started().last(input={"id": 1}), (1, "data")),
    # timers
    "a timer that fired early": (
        lambda: transition(600, "Waiting", "Paying", "timer Waiting after", data={}, timers=DESK)(waiting()),
        (3, "timer"),
    ),
    "a timer that the state does not have": (
        lambda: transition(9999, "New", "Gone", "timer Waiting after", data={"reason": "late"}, result="failure")(started()),
        (2, "timer"),
    ),
    "a later timer before an earlier one": (
        lambda: gone(waiting(), 2 * 3600, "timer Desk after", "nobody came"), (3, "timer")
    ),
    "a timer set to another time": (lambda: waiting().last(timers=timers_at(2)), (2, "timer")),
    "a timer that was forgotten": (lambda: waiting().last(timers=DESK), (2, "timer")),
    "an event taken though a timer was due": (
        lambda: waiting().add("event", 700, event="approve", args={"note": ""}, actor="ann", role="clerk"),
        (3, "timer"),
    ),
    # events
    "an event that the state does not handle": (
        lambda: started().add("event", 2, event="approve", args={"note": ""}, actor="ann", role="clerk"), (2, "event")
    ),
    "an event that the contract does not have": (
        lambda: waiting().add("event", 2, event="bribe", args={}, actor="ann"), (3, "event")
    ),
    "an event from a wrong role": (
        lambda: waiting().add("event", 2, event="approve", args={"note": ""}, actor="bob", role="guest"), (3, "role")
    ),
    "an event with other content": (
        lambda: waiting().add("event", 2, event="approve", args={"note": 7}, actor="ann", role="clerk"), (3, "data")
    ),
    "an event with another key": (lambda: waiting().add("event", 2, **{**SCAN, "key": "c2"}), (3, "key")),
    "a key taken twice": (
        lambda: waiting().add("event", 2, **SCAN).add("transition", 2, **AGAIN, timers=timers_at(2))
        .add("event", 3, **SCAN),
        (5, "key"),
    ),
    "an event that did not meet its condition": (
        lambda: waiting().last(data={"round": 3}).add("event", 2, **SCAN), (3, "event")
    ),
    "a stored event that nobody dropped": (
        lambda: waiting().add("dropped", 2, **{**DROPPED, "actor": ""}, arrived=due(0.5, 0), args={"code": "c1"}),
        (3, "actor"),
    ),
    "a dropped event with other content": (
        lambda: waiting().add("dropped", 2, **DROPPED, arrived=due(0.5, 0), args={"code": 1}), (3, "data")
    ),
    "a dropped event that was neither stored nor taken": (
        lambda: waiting().add("dropped", 2, **DROPPED, args={"code": "c1"}), (3, "form")
    ),
    "a dropped event of a step that there is not": (
        lambda: waiting().add("dropped", 2, **DROPPED, of=1), (3, "event")
    ),
    "a dropped event of a step that has not stalled": (
        lambda: looking().add("dropped", 3, event="go", id="m1", of=2, actor="ops"), (3, "event")
    ),
    "a dropped event of another record": (
        lambda: looking().add("stalled", 3, error="no").add("dropped", 4, event="go", id="m1", of=1, actor="ops"),
        (4, "event"),
    ),
    "called again after too many answers that did not fit": (lambda: posting(4), (10, "attempt")),
    "an event whose condition could not be computed": (
        lambda: waiting().last(data={"round": 0}).add("event", 2, **SCAN), (3, "event")
    ),
    "a handled event that was only recorded": (
        lambda: waiting().add("ignored", 2, event="approve", args={"note": ""}, actor="ann", role="clerk"), (3, "event")
    ),
    "an event in the middle of a commit": (
        lambda: paying().add("event", 6, event="cancel", args={"reason": ""}, actor="ann"), (6, "order")
    ),
    # commits
    "an action that the state does not commit": (
        lambda: approved().add("intent", 5, call="wire", key="Parcel/p1/3", args={"id": "p1"}, now=due(5, 0)),
        (5, "intent"),
    ),
    "another key than the declared one": (lambda: paying().last(key="p2"), (5, "key")),
    "an own key from another state": (lambda: wiring().last(key="Parcel/p1/3"), (8, "key")),
    "arguments that do not fit": (lambda: wiring().last(args={"id": 1}), (8, "data")),
    "an outcome without an intent": (
        lambda: approved().add("outcome", 6, **PAY, attempt=1, by="call", outcome=YES), (5, "form")
    ),
    "a result that does not fit": (
        lambda: paying().add("outcome", 6, **PAY, attempt=1, by="call", outcome={"ok": {"id": 1}}), (6, "data")
    ),
    "an outcome of an attempt that was not made": (
        lambda: paying().add("outcome", 6, **PAY, attempt=2, by="call", outcome=YES), (6, "outcome")
    ),
    "a transient failure that ends a commit at once": (
        lambda: paying().add("outcome", 6, **PAY, attempt=1, by="call", outcome=BUSY), (6, "outcome")
    ),
    "a final failure after which it was tried again": (
        lambda: paying().add("attempt", 6, **PAY, attempt=1, outcome=NO), (6, "attempt")
    ),
    "a second attempt while the first is under way": (
        lambda: wiring().add("attempt", 8, **WIRE, attempt=2), (8 + 1, "attempt")
    ),
    "an action without key committed again in the state where it took effect": (
        lambda: wiring()
        .add("outcome", 8, **WIRE, attempt=1, by="call", outcome=YES)
        .add("transition", 8, from_="Wiring", to="Wiring", cause="commit wire", data={"receipt": {"id": "r1"}})
        .add("intent", 9, call="wire", key="Parcel/p1/5", args={"id": "p1"}, now=due(9, 0)),
        (11, "intent"),
    ),
    "an action without key called again in doubt": (
        lambda: doubtful(wiring()).add("attempt", 30, **WIRE, attempt=2), (10, "attempt")
    ),
    "an action with a check called again unchecked": (
        lambda: doubtful(lodging()).add("attempt", 30, **LODGE, attempt=2), (13, "attempt")
    ),
    "a keyed action called again after its key's window": (
        lambda: doubtful(paying()).add("attempt", 3700, **PAY, attempt=2), (7, "attempt")
    ),
    "more attempts than allowed": (
        lambda: paying()
        .add("attempt", 6, **PAY, attempt=1, outcome=BUSY, next=due(6, 0)).add("attempt", 6, **PAY, attempt=2)
        .add("attempt", 6, **PAY, attempt=2, outcome=BUSY, next=due(6, 0)).add("attempt", 6, **PAY, attempt=3)
        .add("attempt", 6, **PAY, attempt=3, outcome=BUSY, next=due(6, 0)).add("attempt", 6, **PAY, attempt=4),
        (11, "attempt"),
    ),
    "an attempt before it was due": (
        lambda: paying().add("attempt", 6, **PAY, attempt=1, outcome=BUSY, next=due(9, 0)).add("attempt", 7, **PAY, attempt=2),
        (7, "attempt"),
    ),
    "an attempt that skips a number": (
        lambda: paying().add("attempt", 6, **PAY, attempt=1, outcome=BUSY, next=due(6, 0)).add("attempt", 6, **PAY, attempt=3),
        (7, "attempt"),
    ),
    "a doubt that a final failure ended which does not settle": (
        lambda: doubtful(paying(), rule=2).add("attempt", 21, **PAY, attempt=2)
        .add("outcome", 22, **PAY, attempt=2, by="call", outcome=NO),
        (8, "outcome"),
    ),
    "a call after a final failure in doubt, with nobody asked": (
        lambda: refused().add("attempt", 30, **PAY, attempt=3), (9, "attempt")
    ),
    "a failure that settles set aside": (
        lambda: doubtful(paying(), rule=2).add("attempt", 21, **PAY, attempt=2)
        .add("attempt", 22, **PAY, attempt=2, outcome=NEVER),
        (8, "attempt"),
    ),
    "a late failure that answers for another attempt": (
        lambda: doubtful(doubtful(paying(), rule=2).add("attempt", 21, **PAY, attempt=2), 22, rule=2)
        .add("evidence", 30, call="pay", intent=5, attempt=1, outcome=NO, answered=[1, 2]),
        (9, "evidence"),
    ),
    "a late failure of one attempt that ends the doubt about another": (
        lambda: doubtful(doubtful(paying(), rule=2).add("attempt", 21, **PAY, attempt=2), 22, rule=2)
        .add("evidence", 30, call="pay", intent=5, attempt=1, outcome=NO, answered=[1])
        .add("outcome", 30, **PAY, attempt=2, by="evidence", outcome=NO),
        (10, "outcome"),
    ),
    "a doubt that a transient failure ended": (
        lambda: doubtful(paying()).add("attempt", 21, **PAY, attempt=2)
        .add("attempt", 22, **PAY, attempt=2, outcome=BUSY).add("outcome", 22, **PAY, attempt=2, by="call", outcome=BUSY),
        (9, "outcome"),
    ),
    "a doubt that nothing ended": (
        lambda: doubtful(wiring()).add("outcome", 30, **WIRE, attempt=1, by="call", outcome=YES), (10, "outcome")
    ),
    "a result that no person gave": (
        lambda: doubtful(wiring()).add("outcome", 30, **WIRE, attempt=1, by="person", outcome=YES), (10, "outcome")
    ),
    "a person without a name": (
        lambda: doubtful(wiring()).add("resolved", 30, call="wire", verdict="did_not_happen", by="person"), (10, "actor")
    ),
    "a check that the contract does not have": (
        lambda: doubtful(wiring()).add("resolved", 30, call="wire", verdict="did_not_happen", by="check"),
        (10, "resolved"),
    ),
    "evidence that nobody brought": (
        lambda: doubtful(wiring()).add("outcome", 30, **WIRE, attempt=1, by="evidence", outcome=YES), (10, "outcome")
    ),
    "evidence of an intent that is none": (
        lambda: doubtful(wiring()).add("evidence", 30, call="wire", intent=3, attempt=1, outcome=YES), (10, "evidence")
    ),
    "evidence of an attempt that was not made": (
        lambda: doubtful(wiring()).add("evidence", 30, call="wire", intent=8, attempt=2, outcome=YES), (10, "evidence")
    ),
    "an older attempt's final failure that ends a commit without a key": (
        lambda: wiring()
        .add("attempt", 8, **WIRE, attempt=1, outcome=BUSY, next=due(9, 0)).add("attempt", 9, **WIRE, attempt=2)
        .add("doubt", 10, **WIRE, attempt=2, reason="lost").add("evidence", 30, call="wire", intent=8, attempt=1, outcome=NO)
        .add("outcome", 30, **WIRE, attempt=2, by="evidence", outcome=NO),
        (13, "outcome"),
    ),
    "a skip where nothing was in doubt": (
        lambda: mailing().add("outcome", 20, **MAIL, attempt=1, by="skip", outcome={"ok": None}), (18, "outcome")
    ),
    "a report where nothing was in doubt": (
        lambda: filing().add("outcome", 20, **FILE, attempt=1, by="report", outcome=IN_DOUBT), (15, "outcome")
    ),
    "a check that found what nobody doubted": (
        lambda: lodging().add("outcome", 30, **LODGE, attempt=1, by="check", outcome=YES), (12, "outcome")
    ),
    "a second outcome of one commit": (
        lambda: paying().add("outcome", 6, **PAY, attempt=1, by="call", outcome=YES)
        .add("outcome", 7, **PAY, attempt=1, by="call", outcome=YES),
        (7, "outcome"),
    ),
    "a skip that the contract does not allow": (
        lambda: doubtful(filing()).add("outcome", 30, **FILE, attempt=1, by="skip", outcome={"ok": None}), (16, "outcome")
    ),
    "a report that the contract does not allow": (
        lambda: doubtful(wiring()).add("outcome", 30, **WIRE, attempt=1, by="report", outcome=IN_DOUBT), (10, "outcome")
    ),
    "a key said to have taken effect before": (
        lambda: approved().add("outcome", 6, **PAY, by="record", outcome=YES), (5, "outcome")
    ),
    "a step that passes over its commit": (
        lambda: paying().add("outcome", 6, **PAY, attempt=1, by="call", outcome=YES)
        .add("transition", 6, from_="Paying", to="Wiring", cause="body", data={"receipt": {"id": "r1"}}),
        (7, "cause"),
    ),
    # an attempt that never began
    "a word about an attempt that was called": (
        lambda: doubtful(wiring()).add("evidence", 21, **NEVER_BEGAN, answered=[1]), (10, "evidence")
    ),
    "a word that answers another attempt": (
        lambda: cut_off(wiring()).add("evidence", 21, **NEVER_BEGAN, answered=[1, 2]), (10, "evidence")
    ),
    "a word about an open attempt that answers nothing": (
        lambda: cut_off(wiring()).add("evidence", 21, **NEVER_BEGAN), (10, "evidence")
    ),
    "an action called again while it is in doubt, after a word about another attempt": (
        lambda: doubtful(wiring()).add("evidence", 21, **{**NEVER_BEGAN, "attempt": 2})
        .add("attempt", 22, **WIRE, attempt=2),
        (10, "evidence"),
    ),
    # after a restore
    "a call after a restore that may be a second one": (
        lambda: restored(wiring()).add("outcome", 9, **WIRE, attempt=1, by="call", outcome=YES), (10, "restored")
    ),
    "an attempt after a restore that failed in passing": (
        lambda: restored(wiring()).add("attempt", 9, **WIRE, attempt=1, outcome=BUSY), (10, "restored")
    ),
    "an attempt after a restore of which nobody heard": (
        lambda: doubtful(restored(wiring()), 9), (10, "restored")
    ),
    "a key used after a restore that may be forgotten": (
        lambda: restored(paying(), hours=-2).add("outcome", 9, **PAY, attempt=1, by="call", outcome=YES), (7, "restored")
    ),
    "a doubt by a restore that was none": (
        lambda: wiring().add("doubt", 9, **WIRE, attempt=1, reason="restored", by="restore"), (9, "restored")
    ),
    "a doubt by a restore of a key that holds": (
        lambda: restored(paying()).add("doubt", 9, **PAY, attempt=1, reason="restored", by="restore"), (7, "restored")
    ),
    "a restore that nobody spoke of": (
        lambda: wiring().add("restored", 9, since=due(7, 0), until=due(99, 0)), (9, "actor")
    ),
    "a copy from the future": (
        lambda: wiring().add("restored", 9, since=due(10, 0), until=due(99, 0), actor="ann"), (9, "at")
    ),
    # other records
    "a retry of a run that was not stalled": (lambda: started().add("retried", 2, actor="ann"), (2, "order")),
    "a termination by nobody": (lambda: started().add("terminated", 2), (2, "actor")),
    **{
        f"a trouble with {what}": (
            lambda wrong=wrong: started().add("stalled", 2, error="x", trouble=wrong), (2, "trouble")  # type: ignore[misc]
        )
        for what, wrong in WRONG_TROUBLES.items()
    },
    "a doubt with a trouble of another form": (
        lambda: wiring().add("doubt", 9, **WIRE, attempt=1, reason="x", trouble={"type": "KeyError"}), (9, "trouble")
    ),
    "a record of another run": (lambda: started().last(run="Parcel/p2"), (1, "run")),
    "a record of another contract": (lambda: started().last(contract="0" * 64), (1, "contract")),
    "a stale worker": (
        lambda: waiting().last(epoch=1).add("stalled", 3, error="x", epoch=0), (3, "epoch")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_journal_is_found_at_its_record(name: str) -> None:
    make, expected = FORGED[name]
    journal = make()
    assert expected in found(journal), [str(problem) for problem in problems(journal)]


def test_the_table_names_every_situation_and_kind() -> None:
    assert set().union(*FOLLOWS.values()) == set(get_args(RecordKind))
    assert set(FOLLOWS) == set(get_args(Situation))


def test_a_record_of_a_newer_version_is_refused_with_a_clear_message() -> None:
    journal = done()
    records = journal.records()
    body = records[5].body.replace(f'"kind":"{records[5].kind}"', '"kind":"paused"')
    records[5] = records[5].replace(kind="paused", body=body, hash=sha256(body))
    (problem,) = verify(journal.program, journal.row("ended"), records)
    assert str(problem) == (
        "record 6: kind: `paused`: this version of Opord does not know this kind of record; a newer version "
        "wrote it, which has to verify the run"
    )


# --- the chain -----------------------------------------------------------------------------------


def test_a_changed_record_is_found_by_its_hash() -> None:
    journal = done()
    records = journal.records()
    records[5] = records[5].replace(body=records[5].body.replace("r1", "r9"))
    assert (6, "hash") in [(p.seq, p.what) for p in verify(journal.program, journal.row("ended"), records)]


def test_a_record_that_was_changed_with_its_hash_breaks_the_chain_after_it() -> None:
    journal = done()
    records = journal.records()
    body = records[2].body.replace("ann", "eve")
    records[2] = records[2].replace(body=body, hash=sha256(body))
    assert (4, "hash") in [(p.seq, p.what) for p in verify(journal.program, journal.row("ended"), records)]


def test_a_record_that_is_missing_is_found_by_its_number() -> None:
    journal = done()
    records = journal.records()
    del records[2]
    assert (4, "sequence") in [
        (p.seq, p.what) for p in verify(journal.program, journal.row("ended"), records)
    ]


def test_records_cut_off_at_the_end_are_found_by_the_stored_run() -> None:
    journal = done()
    whats = {p.what for p in verify(journal.program, journal.row("ended"), journal.records()[:-1])}
    assert {"sequence", "hash", "state", "outcome", "status"} <= whats


def test_a_record_that_is_not_json_ends_the_verification() -> None:
    journal = started()
    (record,) = journal.records()
    bad = record.replace(body="{", hash=sha256("{"))
    assert [(p.seq, p.what) for p in verify(journal.program, journal.row(), [bad])] == [(1, "form")]


def test_a_record_stored_with_another_time_is_found() -> None:
    journal = started()
    (record,) = journal.records()
    said = verify(journal.program, journal.row(), [record.replace(at=START + HOUR)])
    assert (1, "at") in [(p.seq, p.what) for p in said]


# --- the stored run ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"state": "Paying"}, "state"),
        ({"status": "ended"}, "status"),
        ({"outcome": "success"}, "outcome"),
        ({"since": START}, "since"),
        ({"body": canonical({"data": {"round": 2}, "entered": 2})}, "data"),
        ({"body": canonical({"data": {"round": 1}, "entered": 3})}, "entered"),
        ({"seq": 9}, "sequence"),
        ({"hash": "0" * 64}, "hash"),
        ({"input": canonical({"id": "p1", "pin": {"$secret": "9"}})}, "input"),
        ({"started_at": START + 1}, "started_at"),
    ],
)
def test_a_stored_run_that_differs_from_its_journal_is_found(change: dict[str, Any], what: str) -> None:
    said = problems(waiting(), **{"status": "waiting", **change})
    assert [(p.seq, p.what) for p in said] == [(None, what)]


def test_a_message_waiting_for_a_run_that_has_ended_is_found() -> None:
    journal = done()
    journal.inbox = [
        InboxRow("m1", START, "event", canonical({"event": "scan", "args": {"code": "c1"}, "key": "c1"}))
    ]
    assert found(journal, "ended") == [(None, "inbox")]


def test_a_problem_names_its_record_its_subject_and_its_reason() -> None:
    first = problems(doubtful(wiring()).add("attempt", 30, **WIRE, attempt=2))[0]
    assert str(first) == (
        "record 10: attempt: wire is called again while it is in doubt, which its contract does not allow"
    )


def test_a_paid_parcel_that_was_wired_twice_is_found() -> None:
    """The promise behind all checks: an action is never repeated by guessing."""
    twice = (
        paid()
        .add("intent", 7, **WIRE, args={"id": "p1"}, now=due(7, 0))
        .add("intent", 9, **WIRE, args={"id": "p1"}, now=due(9, 0))
    )
    assert (9, "order") in found(twice)
