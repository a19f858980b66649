"""The verifier follows the failed attempts of effects: their counts, pauses, answers, and the row.

The journals are written by hand. Each forgery is one that no other check would see.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from opord.kernel.legality import verify, verify_kept
from opord.kernel.program import Program
from opord.loading import load_sources, program_of
from opord.stores.sqlite import SqliteStore
from tests.kernel.journals import HOUR, Journal, due
from tests.support.kit import Kit

ASKING = """
contract Asking(id: str) key id version 1
failure Line { Gone(why: str), Busy transient }
event stop()
event ring()
pure weigh(id: str) -> int
effect look(id: str) -> str fails Line { retry 2 times backoff 10s to 1m, timeout 5s }
effect load(id: str) -> str fails Line
action pay(id: str)

phase Desk {
  on stop() -> goto Over("stopped")
  after 1d {
    let text = perform load(id) else problem -> goto Over("nobody loads")
    goto Over(text)
  }
  initial state New -> Paying | Over {
    let weight = weigh(id)
    let text = perform look(id) else problem -> goto Over("nobody looks")
    let more = perform load(id) else problem -> goto Over("nobody loads")
    goto Paying(more)
  }
  state Paying(text: str) -> Over {
    let again = perform look(id) else problem -> goto Over("nobody looks")
    commit pay(id)
    goto Over(again)
  }
}
final state Over(text: str) success
"""

BUSY = {"failed": {"type": "Line.Busy"}}
GONE = {"failed": {"type": "Line.Gone", "why": "no"}}
TIMED_OUT = {"failed": {"type": "TimedOut"}}
DAY = {"Desk after": due(0, 24 * HOUR)}
WEIGHT = {"call": "weigh", "ok": 1}


@cache
def program() -> Program:
    return load_sources([("asking.opord", ASKING)])


def started() -> Journal:
    journal = Journal(program(), "Asking/a1")
    return journal.add("started", name="Asking", version=1, input={"id": "a1"}, to="New", data={}, timers=DAY)


def tried(
    journal: Journal, at: float, attempt: int, ending: Any = BUSY, *, pause: float = 5, **said: Any
) -> Journal:
    """Add a failed attempt of `look` that began a second before, as an engine would record it."""
    how = {"error": ending} if isinstance(ending, str) else {"outcome": ending}
    body = {
        "call": "look", "attempt": attempt, "since": due(at - 1, 0), "next": due(at + pause, 0), "now": due(1, 0),
        "answers": [WEIGHT], **how, **said,
    }  # fmt: skip
    return journal.add("attempt", at, **{name: value for name, value in body.items() if value is not None})


def twice() -> Journal:
    return tried(tried(started(), 2, 1), 10, 2, pause=15)


def answered(journal: Journal, at: float, *calls: dict[str, Any], **said: Any) -> Journal:
    """Let the step of New go on to its end, with these answers."""
    body = {
        "from_": "New",
        "to": "Over",
        "cause": "body",
        "data": {"text": "nobody loads"},
        "result": "success",
    }
    return journal.add("transition", at, calls=[*calls], **body | said)


LOOKED = {"call": "look", "ok": "text", "attempts": 3}
FAILED = {"call": "load", "failed": {"type": "Line.Gone", "why": "no"}}


def paying() -> Journal:
    return started().add(
        "transition", 1, from_="New", to="Paying", cause="body", data={"text": "t"}, timers=DAY,
        calls=[WEIGHT, {"call": "look", "ok": "x"}, {"call": "load", "ok": "t"}],
    )  # fmt: skip


def intent(journal: Journal, at: float, **said: Any) -> Journal:
    body = {"call": "pay", "key": "Asking/a1/2", "args": {"id": "a1"}, "now": due(1, 0)}
    return journal.add("intent", at, **body | said)


LATE = {"call": "look", "attempt": 1, "of": 2, "outcome": {"ok": "text"}, "learned_by": "w1"}

LEGAL: dict[str, Callable[[], Journal]] = {
    "between attempts": twice,
    "surprises and failures count apart": lambda: tried(
        tried(
            tried(tried(tried(started(), 2, 1, "ValueError: a", pause=1), 10, 2), 20, 3, "x", pause=2),
            30, 4, "x", pause=4,
        ),
        40, 5,
    ),
    "a time-out": lambda: tried(started(), 7, 1, TIMED_OUT),
    "the step goes on": lambda: answered(twice(), 30, WEIGHT, LOOKED, FAILED),
    "its last failure is handed on": lambda: answered(
        twice(), 30, WEIGHT, {"call": "look", "failed": {"type": "Line.Busy"}, "attempts": 3}
    ),
    "a late answer": lambda: answered(
        tried(started(), 2, 1).add("evidence", 4, **LATE), 5, WEIGHT, {"call": "look", "ok": "text"}, FAILED
    ),
    "an event takes it": lambda: answered(
        twice().add("event", 12, event="stop", args={}), 12, cause="event stop", data={"text": "stopped"}
    ),
    "a timer of the phase takes it, and its step makes calls": lambda: answered(
        twice(), 90_000, {"call": "load", "ok": "text"}, cause="timer Desk after"
    ),
    "the timer's own attempts": lambda: tried(
        twice(), 90_000, 1, "x", pause=1, call="load", answers=None, now=due(89_998, 0)
    ),
    "resume begins anew": lambda: tried(
        twice().add("stalled", 30, error="x").add("retried", 40, actor="ann"), 42, 1, now=due(41, 0), answers=[]
    ),
    "a commit after attempts": lambda: intent(
        tried(paying(), 3, 1, answers=None), 12, answers=[{"call": "look", "ok": "x", "attempts": 2}]
    ),
    "attempts that an older Opord did not record": lambda: answered(started(), 30, WEIGHT, LOOKED, FAILED),
}  # fmt: skip


def problems(journal: Journal) -> list[tuple[int | None, str]]:
    found = verify(journal.program, journal.row("waiting"), journal.records(), journal.inbox)
    return [(problem.seq, problem.what) for problem in found if problem.seq is not None]


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_journal_has_no_problems(name: str) -> None:
    assert problems(LEGAL[name]()) == []


FORGED: dict[str, tuple[Callable[[], Journal], tuple[int, str]]] = {
    "one attempt more than retry allows": (lambda: tried(twice(), 30, 3), (4, "attempt")),
    "a fourth surprise": (
        lambda: tried(tried(tried(tried(started(), 2, 1, "x"), 10, 2, "x"), 20, 3, "x"), 30, 4, "x"),
        (5, "attempt"),
    ),
    "attempts forgotten": (lambda: tried(twice(), 30, 1), (4, "attempt")),
    "an attempt left out": (lambda: tried(tried(started(), 2, 1), 10, 3), (3, "attempt")),
    "a final failure tried again": (lambda: tried(started(), 2, 1, GONE), (2, "attempt")),
    "a time-out without a timeout": (
        lambda: tried(started(), 2, 1, TIMED_OUT, call="load", answers=[WEIGHT, LOOKED]), (2, "attempt")
    ),
    "a transient failure without retry": (
        lambda: tried(started(), 2, 1, call="load", answers=[WEIGHT, LOOKED]), (2, "attempt")
    ),
    "begun before it was due": (lambda: tried(tried(started(), 2, 1), 6, 2), (3, "attempt")),
    "due before it failed": (lambda: tried(started(), 2, 1, pause=-1), (2, "attempt")),
    "due later than the backoff says": (lambda: tried(started(), 2, 1, pause=11), (2, "attempt")),
    "due at once after a surprise": (lambda: tried(started(), 2, 1, "x", pause=0.5), (2, "attempt")),
    "another now": (lambda: tried(tried(started(), 2, 1), 10, 2, now=due(3, 0)), (3, "step")),
    "another answer": (
        lambda: tried(tried(started(), 2, 1), 10, 2, answers=[{"call": "weigh", "ok": 2}]), (3, "step")
    ),
    "an answer that does not fit": (
        lambda: tried(started(), 2, 1, answers=[{"call": "weigh", "ok": "x"}]), (2, "data")
    ),
    "another effect instead": (lambda: tried(tried(started(), 2, 1), 10, 1, "x", call="load"), (3, "attempt")),
    "an effect that the state does not perform": (
        lambda: tried(paying(), 5, 1, "x", call="load", answers=None), (3, "attempt")
    ),
    "neither a failure nor an error": (lambda: tried(started(), 2, 1, outcome=None), (2, "form")),
    "the attempt's number in its answer": (
        lambda: answered(twice(), 30, WEIGHT, {**LOOKED, "attempts": 2}, FAILED), (4, "step")
    ),
    "gone on without its answer": (lambda: answered(twice(), 30, WEIGHT), (4, "step")),
    "gone on with other answers": (
        lambda: answered(twice(), 30, {"call": "weigh", "ok": 2}, LOOKED, FAILED), (4, "step")
    ),
    "a commit without its answer": (lambda: intent(tried(paying(), 3, 1, answers=None), 12), (4, "step")),
    "a commit with another now": (
        lambda: intent(
            tried(paying(), 3, 1, answers=None), 12, now=due(2, 0),
            answers=[{"call": "look", "ok": "x", "attempts": 2}],
        ),
        (4, "step"),
    ),
    "an attempt while an action is called": (
        lambda: tried(intent(paying(), 3), 5, 1, answers=None), (4, "attempt")
    ),
    "an attempt of a stalled run": (
        lambda: tried(started().add("stalled", 3, error="x"), 5, 1), (3, "attempt")
    ),
    "an attempt after the end": (lambda: tried(answered(started(), 3, WEIGHT, LOOKED, FAILED), 5, 1), (3, "order")),
    "a late answer of another attempt": (
        lambda: tried(started(), 2, 1).add("evidence", 4, **{**LATE, "attempt": 2}), (3, "evidence")
    ),
    "a late answer to a run that waits for none": (
        lambda: started().add("evidence", 4, **LATE), (2, "evidence")
    ),
    "a late transient failure": (
        lambda: tried(started(), 2, 1).add("evidence", 4, **{**LATE, "outcome": BUSY}), (3, "evidence")
    ),
    "a late answer that does not fit": (
        lambda: tried(started(), 2, 1).add("evidence", 4, **{**LATE, "outcome": {"ok": 5}}), (3, "data")
    ),
    "a late answer that the step passes over": (
        lambda: answered(tried(started(), 2, 1).add("evidence", 4, **LATE), 5, WEIGHT), (4, "step")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_journal_is_found_at_its_record(name: str) -> None:
    make, expected = FORGED[name]
    assert expected in problems(make())


def test_tens_of_thousands_of_attempts_are_followed_in_time_that_grows_with_their_number() -> None:
    """A step's answers are checked once, and no attempt looks at all those before it."""
    patient = ASKING.replace("retry 2 times backoff 10s to 1m", "retry 100000 times backoff 10s to 1m")
    journal = Journal(load_sources([("asking.opord", patient)]), "Asking/a1")
    journal.add("started", name="Asking", version=1, input={"id": "a1"}, to="New", data={}, timers={
        "Desk after": due(0, 24 * HOUR),
    })  # fmt: skip
    for number in range(1, 20_001):
        tried(journal, 6 * number, number)
    assert problems(journal) == []


# --- the stored row -------------------------------------------------------------------------------

EDITS = {
    "status": ("status = 'running'", "status"),
    "wake": ("wake_at = wake_at + 1", "wake_at"),
    "no wake": ("wake_at = NULL", "wake_at"),
    "worker": ("worker = 'w1'", "worker"),
    "reason": ("reason = 'x'", "reason"),
    "nothing under way": ("body = json_remove(body, '$.pending')", "pending"),
    "attempts forgotten": ("body = json_remove(body, '$.pending.tries')", "tries"),
    "fewer failures": ("body = json_set(body, '$.pending.tries.failures', 1)", "tries"),
    "another effect": ("body = json_set(body, '$.pending.tries.call', 'load')", "tries"),
    "another reason": ("body = json_set(body, '$.pending.tries.reason', 'x')", "tries"),
    "due now": ("body = json_set(body, '$.pending.tries.next_at', 1)", "tries"),
    "another record": ("body = json_set(body, '$.pending.tries.seq', 1)", "tries"),
    "another now": ("body = json_set(body, '$.pending.now', 1)", "now"),
    "another answer": ("body = json_set(body, '$.pending.answers[0].ok', 7)", "answers"),
    "no answers": ("body = json_remove(body, '$.pending.answers')", "answers"),
    "another cause": (
        "body = json_set(body, '$.pending.cause', json('{\"kind\":\"event\",\"handler\":\"x\"}'))", "cause"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> tuple[Kit, Path]:
    """Return a store with a run after its second failed attempt."""

    def handlers(module: Any) -> object:
        class Handlers:
            def weigh(self, id: str) -> int:
                return 1

            async def look(self, id: str) -> str:
                raise module.Line.Busy()

            async def load(self, id: str) -> str:
                return "text"

            async def pay(self, id: str, *, call: Any) -> None: ...

        return Handlers()

    patient = ASKING.replace("retry 2 times backoff 10s to 1m", "retry 2 times backoff 10s to 1d")
    kit = Kit(patient, handlers)
    path = tmp_path_factory.mktemp("between") / "runs.db"
    kit.store = SqliteStore(path, clock=kit.clock.now)

    async def main() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a1")
            await kit.until(lambda: kit.kinds("Asking/a1").count("attempt") == 2)

    kit.run(main())
    kit.check()
    kit.store.close()
    return kit, path


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_the_row_is_found(between: tuple[Kit, Path], name: str, tmp_path: Path) -> None:
    kit, path = between
    change, column = EDITS[name]
    copy = shutil.copy(path, tmp_path / "copy.db")
    with sqlite3.connect(copy) as connection:
        connection.execute(f"UPDATE heads SET {change}")
    connection.close()
    store = SqliteStore(Path(copy), clock=kit.clock.now)
    kept = store.kept("Asking/a1")
    assert kept is not None
    found = verify_kept(program_of(kit.workflow), kept, now=kit.clock.now_us)
    store.close()
    assert column in {problem.what for problem in found}
