"""Edit every column that steers a worker, without the journal: verification must find each edit.

It names the column, the stored value, and the value of the journal. The runs are those of an
engine, one in each situation. An edit is a statement of SQL on a copy of their store.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from opord.engine.restoring import mark_restored
from opord.kernel.inbox import Evidence
from opord.kernel.legality import Problem, verify_kept
from opord.loading import program_of
from opord.stores.sqlite import SqliteStore
from opord.testing.engines import kill
from tests.support.kit import Kit

TRIP = """
contract Trip(order: Order) key order.id version 1
record Order { id: str, pin: secret str, notes: str, wait: duration }
record Receipt { id: str }
failure Refused { No(reason: str), Busy transient }
role clerk
event nudge(text: str) by clerk keep
event scan(code: str) key code keep
event go(code: str) key code

effect look(id: str) -> bool { timeout 5d }
effect find(id: str) -> Receipt?
pure weigh(id: str) -> int
action pay(id: str, pin: secret str) -> Receipt fails Refused {
  key "{id}-pay" for 5d, retry 3 times backoff 1h to 2h, in doubt repeat
}
action wire(id: str) -> Receipt fails Refused { in doubt ask within 2d, timeout 5d }
action lodge(id: str) -> Receipt { in doubt check find(id) after 5s, timeout 10s }

phase Desk {
  after 30d -> goto Gone("late")
  on cancel(reason) -> goto Gone(reason)

  initial state New -> Paying | Gone {
    let known = perform look(order.id) else { TimedOut -> goto Gone("no answer") }
    goto Paying
  }

  state Paying -> Waiting | Gone {
    match commit pay(order.id, order.pin) {
      ok receipt -> goto Waiting(receipt, order.notes)
      No(reason) -> goto Gone(reason)
      Busy -> goto Gone("busy")
    }
  }

  state Waiting(receipt: Receipt, notes: str) -> Wiring | Gone {
    on go(code) {
      if weigh(code) > 0 { goto Wiring }
      goto Gone("empty")
    }
    after order.wait {
      let known = perform look(order.id) else { TimedOut -> goto Gone("no answer") }
      goto Gone("nobody came")
    }
  }
}
state Wiring -> Lodging | Gone {
  match commit wire(order.id) {
    ok receipt -> goto Lodging
    No(reason) -> goto Gone(reason)
    Busy -> goto Gone("busy")
    InDoubt -> goto Gone("nobody knows")
  }
}
state Lodging -> Done {
  let receipt = commit lodge(order.id)
  goto Done
}
final state Done success
final state Gone(reason: str) failure
"""

DAY_S = 86_400.0
SITUATIONS = (
    "waiting", "between", "stalled", "asked", "held", "checked", "done", "terminated", "restored", "timed",
)  # fmt: skip


def handlers(module: Any) -> object:
    """Make handlers that bring each run into the situation of its name."""
    looked: set[str] = set()

    class Handlers:
        async def look(self, id: str) -> bool:
            if id in looked:
                raise ConnectionError("no answer")
            looked.add(id)
            return True

        async def find(self, id: str) -> Any:
            raise ConnectionError("no answer")

        def weigh(self, id: str) -> int:
            if id == "stalled":
                raise ValueError("no scale")
            return 1

        async def pay(self, id: str, pin: Any, *, call: Any) -> Any:
            if id == "between":
                raise module.Refused.Busy()
            return {"id": f"paid {id}"}

        async def wire(self, id: str, *, call: Any) -> Any:
            if id == "held":
                await asyncio.sleep(3 * DAY_S)
            if id in ("asked", "terminated", "restored"):
                raise ConnectionError("the line went dead")
            return {"id": f"wired {id}"}

        async def lodge(self, id: str, *, call: Any) -> Any:
            if id == "checked":
                raise ConnectionError("the line went dead")
            return {"id": f"lodged {id}"}

    return Handlers()


class Seen(NamedTuple):
    """Stores with a run in each situation, and what is needed to verify the runs."""

    program: Any
    stores: dict[str, tuple[Path, int]]

    def problems(self, run: str, path: Path | None = None) -> list[Problem]:
        """Return the problems of a run, in its store or in a copy of it."""
        there, now = self.stores.get(run, self.stores["waiting"])
        store = SqliteStore(path or there, clock=lambda: now)
        try:
            kept = store.kept(f"Trip/{run}")
            assert kept is not None
            return verify_kept(self.program, kept, now=now)
        finally:
            store.close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("columns")
    kit = Kit(TRIP, handlers)
    store = kit.store = SqliteStore(folder / "live.db", clock=kit.clock.now)
    program = program_of(kit.workflow)
    stores: dict[str, tuple[Path, int]] = {}

    def copy(run: str) -> None:
        path = folder / f"{run}.db"
        with sqlite3.connect(folder / "live.db") as live, sqlite3.connect(path) as there:
            live.backup(there)
        stores[run] = (path, kit.clock.now_us)

    async def story() -> None:
        engine = kit.engine(secret_keys="", insecure_plaintext_secrets=True)
        await engine.__aenter__()
        client = engine.client
        for run in SITUATIONS:
            order = {"id": run, "pin": "1234", "notes": f"{run} " * 1000, "wait": "240h"}
            if run == "timed":
                order["wait"] = "30s"
            await engine.start_run(program, {"order": order})
        others = [run for run in SITUATIONS if run != "between"]
        await kit.until(lambda: all(kit.row(f"Trip/{run}").head.state == "Waiting" for run in others))
        await client.send("Trip/waiting", "scan", {"code": "c1"}, actor="gate")
        await client.send("Trip/waiting", "nudge", {"text": "hurry"}, actor="ann", role="clerk")
        for run in others:
            if run not in ("waiting", "timed"):
                await client.send(f"Trip/{run}", "go", {"code": run}, actor="ann")
        await asyncio.sleep(60)
        await client.late("Trip/held", Evidence(3, "pay", 1, "ok", {"id": "paid held"}, "w0"))
        await client.terminate("Trip/terminated", actor="root", reason="test")
        await asyncio.sleep(20)
        copy("waiting")
        copy("restored")
        await kill(engine)

    kit.run(story())
    store.close()
    path, now = stores["restored"]
    restored = SqliteStore(path, clock=lambda: now + 3_600_000_000)
    for _ in mark_restored(restored, actor="ann"):
        pass
    restored.close()
    return Seen(program, stores)


@pytest.mark.parametrize("run", SITUATIONS)
def test_the_runs_are_legal(seen: Seen, run: str) -> None:
    assert seen.problems(run) == []


# --- the edits ------------------------------------------------------------------------------------


class Edit(NamedTuple):
    """An edit beside the journal of a run.

    It has a statement, the column that verification names, and words of its message.
    """

    run: str
    statement: str
    column: str
    stored: str = ""
    journal: str = ""


def head(run: str, column: str, value: str, named: str, stored: str = "", journal: str = "") -> Edit:
    """Set a column of the run's head."""
    return Edit(run, f"UPDATE heads SET {column} = {value} WHERE run = :run", named, stored, journal)


def body(run: str, path: str, value: str, named: str, stored: str = "", journal: str = "") -> Edit:
    """Set a member of the run's body. `value` is JSON; an empty one removes the member."""
    changed = f"json_set(body, '$.{path}', json('{value}'))" if value else f"json_remove(body, '$.{path}')"
    return Edit(run, f"UPDATE heads SET body = {changed} WHERE run = :run", named, stored, journal)


INTENT = "pending.intent"
FAR = "1999999999999999"

EDITS = [
    # what the run was started with
    Edit("waiting", "UPDATE runs SET run = 'Trip/other' WHERE id = :run", "run"),
    Edit("waiting", "UPDATE runs SET started_at = started_at + 1 WHERE id = :run", "started_at", "1", "177"),
    Edit("waiting", "UPDATE runs SET input = json_set(input, '$.order.id', 'x') WHERE id = :run", "input"),
    Edit("waiting", "UPDATE contracts SET name = 'Trap'", "name", "Trap", "Trip"),
    Edit("waiting", "UPDATE contracts SET version = 2", "version", "2", "1"),
    # where it is
    head("waiting", "seq", "seq - 1", "sequence", "4", "5"),
    head("waiting", "hash", "upper(hash)", "hash"),
    head("waiting", "epoch", "0", "epoch"),
    head("waiting", "state", "'Paying'", "state", "Paying", "Waiting"),
    head("done", "outcome", "'failure'", "outcome", "failure", "success"),
    head("done", "status", "'running'", "status", "running", "ended"),
    head("waiting", "since", "since + 1", "since"),
    head("stalled", "status", "'running'", "status", "running", "stalled"),
    head("between", "status", "'in_doubt'", "status", "in_doubt", "running"),
    head("asked", "status", "'running'", "status", "running", "in_doubt"),
    head("held", "status", "'waiting'", "status", "waiting", "running"),
    head("terminated", "outcome", "'success'", "outcome", "success", "terminated"),
    body("waiting", "data.receipt.id", '"x"', "data"),
    body("waiting", "data.pin", '"x"', "data"),
    body("waiting", "entered", "4", "entered", "4", "3"),
    body("waiting", "phase_since", "1", "phase_since", "1", "1772000000000000"),
    body("waiting", "fired", '["Desk after"]', "fired", "Desk after", "[]"),
    body("waiting", "how", '"event go from eve"', "how", "eve", "commit pay"),
    body("restored", "wary", "0", "wary", "0", "1772"),
    body("asked", "wary", "1", "wary", "1", "0"),
    body("restored", "wary_until", "1", "wary_until", "1", "1774"),
    body("stalled", "trouble", "", "trouble", "null", "no scale"),
    body("stalled", "trouble.error", '"x"', "trouble", "x", "no scale"),
    body("waiting", "trouble", '{"error":"x"}', "trouble", "x", "null"),
    body("stalled", "trouble.trouble.frames[0].line", "7", "trouble"),
    body("stalled", "trouble.trouble", "", "trouble"),
    body("waiting", "values", "{}", "data"),
    # timers
    body("waiting", 'timers."Waiting after"', FAR, "timers", FAR, "1772864"),
    body("waiting", 'timers."Waiting after"', "", "timers", "Desk after", "Waiting after"),
    body("waiting", 'timers."Desk after"', "", "timers", "Waiting after", "Desk after"),
    body("waiting", "timers.more", "1", "timers", "more"),
    body("waiting", "timers", "", "timers", "{}", "Desk after"),
    body("done", "timers", '{"Desk after":1}', "timers", "Desk after", "{}"),
    body("timed", 'timers."Waiting after"', FAR, "timers", FAR),
    body("stalled", 'timers."Desk after"', "", "timers", "Waiting after", "Desk after"),
    # who holds it, and until when
    head("waiting", "wake_at", "NULL", "wake_at", "never", "1772864"),
    head("waiting", "wake_at", FAR, "wake_at", FAR, "1772864"),
    head("waiting", "wake_at", "0", "wake_at", "0", "1772864"),
    head("between", "wake_at", "NULL", "wake_at", "never"),
    head("between", "wake_at", FAR, "wake_at", FAR),
    head("stalled", "wake_at", "NULL", "wake_at", "never", "1774592"),
    head("stalled", "wake_at", FAR, "wake_at", FAR, "1774592"),
    head("asked", "wake_at", "NULL", "wake_at", "never", "17721728"),
    head("asked", "wake_at", FAR, "wake_at", FAR, "17721728"),
    head("checked", "wake_at", "NULL", "wake_at", "never"),
    head("checked", "wake_at", FAR, "wake_at", FAR),
    head("done", "wake_at", "5", "wake_at", "5", "never"),
    head("held", "wake_at", "NULL", "wake_at"),
    head("held", "wake_at", FAR, "wake_at", FAR),
    head("held", "worker", "'w9'", "worker", "w9", "w1"),
    head("waiting", "worker", "'w1'", "worker", "w1", "nobody"),
    head("stalled", "worker", "'w1'", "worker", "w1", "nobody"),
    head("asked", "worker", "'w1'", "worker", "w1", "nobody"),
    head("done", "worker", "'w1'", "worker", "w1"),
    # why it is there
    head("waiting", "reason", "'x'", "reason", "x", "null"),
    head("stalled", "reason", "'x'", "reason", "x", "no scale"),
    head("terminated", "reason", "NULL", "reason", "null", "test"),
    head("asked", "reason", "NULL", "reason", "None", "whether wire happened"),
    head("asked", "reason", "'x'", "reason", "x", "whether wire happened"),
    head("asked", "reason", "'nobody knows whether wire happened: x'", "reason", "x", "the line went dead"),
    head("checked", "reason", "'x'", "reason", "x", "whether lodge happened"),
    head("between", "reason", "'x'", "reason", "x", "null"),
    head("held", "reason", "'x'", "reason", "x", "null"),
    # what it needs
    head("stalled", "needs", "''", "needs", '""', "stalled"),
    head("asked", "needs", "''", "needs", '""', "doubt"),
    head("asked", "needs", "'stalled'", "needs", "stalled", "doubt"),
    head("checked", "needs", "'doubt'", "needs", "doubt", '""'),
    head("waiting", "needs", "'collision'", "needs", "collision", '""'),
    head("done", "needs", "'alarm'", "needs", "alarm", '""'),
    body("stalled", "stalled_at", "5", "stalled_at", "5", "1772"),
    # the step under way
    body("stalled", "pending", "", "pending", "null", "go"),
    body("stalled", "pending.cause", "", "cause", "null", "go"),
    body("stalled", "pending.cause.event", '"cancel"', "cause", "cancel", "go"),
    body("stalled", "pending.cause.handler", '"x"', "cause", "x", "Waiting on go"),
    body("stalled", "pending.cause.args.code", '"x"', "cause", "x", "stalled"),
    body("stalled", "pending.cause.actor", '"eve"', "cause", "eve", "ann"),
    body("stalled", "pending.cause.role", '"clerk"', "cause", "clerk"),
    body("stalled", "pending.now", "5", "now", "5", "1772"),
    body("stalled", "pending.answers", '[{"call":"weigh","ok":2}]', "answers", "weigh", "[]"),
    body("waiting", "pending", '{"cause":{"kind":"timer","handler":"Waiting after"},"now":5}', "cause"),
    body("timed", "pending.cause.handler", '"x"', "cause", "x"),
    body("timed", "pending.now", "5", "cause", "5", "1772000030"),
    # the open commit
    body("asked", "pending", "", "pending", "null", "wire"),
    body("asked", INTENT, "", "intent", "null", "wire"),
    body("held", "pending", "", "pending", "null", "wire"),
    body("waiting", "pending", '{"intent":{"seq":3,"call":"pay","key":"k","args":{},"first_at":1}}', "intent"),
    body("asked", f"{INTENT}.seq", "3", "intent.seq", "3", "8"),
    body("asked", f"{INTENT}.call", '"pay"', "intent.call", "pay", "wire"),
    body("asked", f"{INTENT}.key", '"x"', "intent.key", "x", "Trip/asked/4"),
    body("asked", f"{INTENT}.args.id", '"x"', "intent.args", "x", "asked"),
    body("between", f"{INTENT}.args.pin", '{"$secret":"9"}', "intent.args", "[secret]", "[secret]"),
    body("between", f"{INTENT}.first_at", "5", "intent.first_at", "5", "1772"),
    body("asked", f"{INTENT}.attempt", "2", "intent.attempt", "2", "1"),
    body("between", f"{INTENT}.counted", "0", "intent.counted", "0", "1"),
    body("asked", f"{INTENT}.in_flight", "true", "intent.in_flight", "true", "false"),
    body("held", f"{INTENT}.in_flight", "false", "intent.in_flight", "false", "true"),
    body("asked", f"{INTENT}.doubts", "[]", "intent.doubts", "[]", "[1]"),
    body("asked", f"{INTENT}.doubts", "[1,2]", "intent.doubts", "[1,2]", "[1]"),
    body("asked", f"{INTENT}.given_up_at", "5", "intent.given_up_at", "5", "1772"),
    body("asked", f"{INTENT}.doubt_since", "5", "intent.doubt_since", "5", "1772"),
    body("asked", f"{INTENT}.trouble", "", "intent.trouble", "null", "the line went dead"),
    body("asked", f"{INTENT}.trouble.frames[0].file", '"x"', "intent.trouble"),
    body("between", f"{INTENT}.trouble", '{"type":"x"}', "intent.trouble", "x", "null"),
    body("between", f"{INTENT}.failure", "", "intent.failure", "null", "Busy"),
    body("between", f"{INTENT}.next_at", FAR, "intent.next_at", FAR, "1772"),
    body("asked", f"{INTENT}.next_at", FAR, "intent.next_at", FAR, "1772"),
    body("asked", f"{INTENT}.denied", "true", "intent.denied", "true", "false"),
    body("asked", f"{INTENT}.reason", '"x"', "intent.reason", "x", "the line went dead"),
    body("asked", f"{INTENT}.outcome", '{"kind":"ok","value":{"id":"x"}}', "intent.outcome", "x", "null"),
    body("between", f"{INTENT}.asking", "true", "intent.asking"),
    body("held", f"{INTENT}.asking", "true", "intent.asking"),
    body("asked", f"{INTENT}.checks", "3", "intent.checks", "3"),
    body("asked", "pending.now", "5", "now", "5", "1772"),
    body("asked", "pending.answers", '[{"call":"look","ok":true}]', "answers", "look", "[]"),
    body("asked", "pending.tries", '{"seq":3,"call":"look"}', "tries", "look", "null"),
    body("asked", "pending.collision", '{"seq":3,"call":"pay","key":"k"}', "collision", "pay", "null"),
    body("asked", "pending.cause", '{"kind":"event","handler":"Desk on cancel","event":"cancel"}', "cause"),
    body("asked", "pending.cause", '{"kind":"timer","handler":"Desk after"}', "cause", "Desk after"),
    # used keys
    body("waiting", "settled", "[]", "settled", "[]", "pay"),
    body("asked", "settled", '["pay","wire"]', "settled", "wire", '["pay"]'),
    Edit("waiting", "DELETE FROM settled WHERE run = :run", "settled", "waiting-pay"),
    Edit("waiting", "INSERT INTO settled VALUES (:run, 'pay', 'x', 'x', '1')", "settled", '"x"'),
    Edit("waiting", "UPDATE settled SET key = 'x' WHERE run = :run", "settled", '"x"'),
    Edit("waiting", "UPDATE settled SET args = 'x' WHERE run = :run", "settled", "x"),
    Edit("waiting", "UPDATE settled SET result = '{\"id\":\"x\"}' WHERE run = :run", "settled", "x", "paid waiting"),
    Edit("waiting", "UPDATE settled SET result = '{' WHERE run = :run", "settled", "cannot be read"),
    Edit("waiting", "UPDATE settled SET args = 'k.x' WHERE run = :run", "secret", "waiting-pay"),
    head("waiting", "body", "'{'", "body", "cannot be read"),
    head("waiting", "body", "'[]'", "body", "not an object"),
    body("waiting", "timers", "5", "body", "cannot be followed"),
    # events
    Edit("waiting", "DELETE FROM event_keys WHERE run = :run", "event_keys", "scan", "c1"),
    Edit("asked", "DELETE FROM event_keys WHERE run = :run", "event_keys", "go", "asked"),
    Edit("waiting", "INSERT INTO event_keys VALUES (:run, 'go', 'x', 'x')", "event_keys", '"x"'),
    Edit("asked", "UPDATE event_keys SET content = 'x' WHERE run = :run", "event_keys", "x"),
    Edit("waiting", "UPDATE event_keys SET content = 'x' WHERE run = :run", "event_keys", "x"),
    # waiting messages
    head("waiting", "arrivals", "3", "arrivals", "3", "2"),
    Edit("waiting", "DELETE FROM inbox WHERE run = :run AND body LIKE '%nudge%'", "arrivals", "2", "1"),
    Edit("waiting", "UPDATE inbox SET body = NULL WHERE run = :run", "arrivals", "2", "0"),
    Edit(
        "waiting", "INSERT INTO inbox (run, message, arrived, kind, body) SELECT run, 'm9', arrived, kind, body "
        "FROM inbox WHERE run = :run AND body LIKE '%nudge%'", "arrivals", "2", "3",
    ),
    Edit("waiting", "UPDATE inbox SET body = replace(body, 'c1', 'c2') WHERE run = :run", "event_keys", "c1"),
    Edit("waiting", "UPDATE inbox SET body = replace(body, 'clerk', 'eve') WHERE run = :run", "inbox", "eve"),
    Edit("waiting", "UPDATE inbox SET body = replace(body, 'nudge', 'shove') WHERE run = :run", "inbox", "shove"),
    Edit("held", "UPDATE inbox SET body = json_set(body, '$.intent', 8) WHERE run = :run", "inbox", "pay"),
    Edit("held", "UPDATE inbox SET body = json_set(body, '$.attempt', 2) WHERE run = :run", "inbox", "2"),
    Edit("held", "DELETE FROM inbox WHERE run = :run", "arrivals", "1", "0"),
    Edit("waiting", "UPDATE inbox SET body = '{' WHERE run = :run", "inbox", "cannot be followed"),
    # large values
    Edit("waiting", "DELETE FROM large_values WHERE run = :run", "value"),
    Edit("waiting", "UPDATE large_values SET body = replace(body, 'w', 'x') WHERE run = :run", "value"),
    Edit("waiting", "INSERT INTO large_values (run, digest, body) VALUES (:run, 'x', '1')", "value", "x"),
]  # fmt: skip


UNSEEN = {
    "a claim raises it, and leaves no record": head("waiting", "epoch", "epoch + 5", ""),
    "a lease leaves no record, and ends by itself": head("held", "wake_at", "wake_at + 5", ""),
    "what waits joins the journal when it is taken; without a key nothing else knows it": Edit(
        "waiting", "UPDATE inbox SET body = replace(body, 'hurry', 'slow') WHERE run = :run", ""
    ),
    "when something came is on record once it is taken": Edit(
        "waiting", "UPDATE inbox SET arrived = arrived + 1 WHERE run = :run", ""
    ),
    "rows of older versions do not say it, and it steers nothing": body("waiting", "how", "", ""),
    "the same holds for when it stalled": body("stalled", "stalled_at", "", ""),
}
"""What no record says, with the reason.

None of it lets an action be called or a timer be passed over.
"""


def edited(seen: Seen, tmp_path: Path, edit: Edit) -> list[Problem]:
    """Return the problems after an edit."""
    copy = tmp_path / "edited.db"
    shutil.copy(seen.stores.get(edit.run, seen.stores["waiting"])[0], copy)
    database = sqlite3.connect(copy)
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    (number,) = database.execute("SELECT id FROM runs WHERE run = ?", (f"Trip/{edit.run}",)).fetchone()
    assert database.execute(edit.statement, {"run": number}).rowcount
    database.commit()
    database.close()
    return seen.problems("other" if "Trip/other" in edit.statement else edit.run, copy)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.run}: {edit.statement}")
def test_an_edit_beside_the_journal_is_found(seen: Seen, tmp_path: Path, edit: Edit) -> None:
    said = edited(seen, tmp_path, edit)
    named = [problem.why for problem in said if problem.what == edit.column]
    assert any(edit.stored in why and edit.journal in why for why in named), said


@pytest.mark.parametrize("why", UNSEEN)
def test_columns_without_a_record_are_listed(seen: Seen, tmp_path: Path, why: str) -> None:
    assert edited(seen, tmp_path, UNSEEN[why]) == []


TWICE = """
contract Twice(id: str) key id version 1
action wire(id: str) { in doubt ask }
initial state First -> Second {
  commit wire(id)
  goto Second
}
state Second -> Done {
  commit wire(id)
  goto Done
}
final state Done success
"""


def test_two_successive_states_may_commit_the_same_action() -> None:
    class Handlers:
        async def wire(self, id: str, *, call: Any) -> None:
            return None

    kit = Kit(TWICE, lambda _: Handlers())

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start_run(program_of(kit.workflow), {"id": "t1"})
            await kit.until(lambda: kit.row("Twice/t1").head.status == "ended")

    kit.run(story())
    assert kit.kinds("Twice/t1").count("intent") == 2
    kit.check()
