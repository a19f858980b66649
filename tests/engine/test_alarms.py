"""Evidence that contradicts what was decided moves nothing, and raises an alarm for a person.

The case names are those of `kernel/alarms.py`. Each story ends with the verification of the
journal, so a contradiction without its alarm, or an alarm without one, fails here too.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import opord
from opord.kernel.inbox import Evidence
from opord.stores.base import RunFilter
from tests.engine.contracts import BROKEN, BUSY, CHARGED, FINAL, OTHER, RECEIPT, SETTLED, charging
from tests.engine.desk import Here, Sim, after
from tests.support.stores import overwrite_body

NO = {"type": "Problem.Final", "why": "no"}
BUSY_REST = {"type": "Problem.Busy"}
NEVER_REST = {"type": "Problem.Settled", "why": "never"}


async def late(here: Here, attempt: int, kind: str, value: Any, *, intent: int = 2) -> None:
    await here.client.late(here.sim.id, Evidence(intent, "charge", attempt, kind, value, "w0"))
    await here.wait(1)


def alarms(sim: Sim) -> list[str]:
    """Return the reasons of the alarms on record."""
    return [one["reason"] for one in sim.records("alarm")]


def needs(sim: Sim) -> list[str]:
    return [need["reason"] for need in sim.view["needs"]]


CHECK = "in doubt check find(n, call.key)"

AFTERWARDS: dict[str, tuple[str, dict[str, Any], Any, tuple[Any, ...], str | None]] = {
    # name: policy, scripts, what a person says to the doubt, the late answer, the alarm
    "Y1 a repeat under a key found it": ("key, in doubt ask", {"charge": [BROKEN, RECEIPT]}, False, (1, "ok", RECEIPT), None),
    "Y2 a person said no": ("in doubt ask", {"charge": [BROKEN, OTHER]}, False, (1, "ok", RECEIPT), "yes after no"),
    "Y2 a person said no, without a key the same result": ("in doubt ask", {"charge": [BROKEN, RECEIPT]}, False, (1, "ok", RECEIPT), "yes after no"),
    "Y2 a person said no, under a key another result": ("key, in doubt ask", {"charge": [BROKEN, OTHER]}, False, (1, "ok", RECEIPT), "yes after no"),
    "Y2 a check said no": (CHECK, {"charge": [BROKEN, RECEIPT], "find": [None]}, None, (1, "ok", RECEIPT), "yes after no"),
    "Y2 the attempt itself said no": ("retry 2 times", {"charge": [BUSY, OTHER]}, None, (1, "ok", RECEIPT), "yes after no"),
    "Y3 it failed": ("retry 2 times", {"charge": [FINAL]}, None, (1, "ok", RECEIPT), "yes after no"),
    "Y3 it was settled": ("key, retry 2 times", {"charge": [BROKEN, SETTLED]}, None, (1, "ok", RECEIPT), "yes after no"),
    "Y6 the contract was told": ("in doubt report", {"charge": [BROKEN]}, None, (1, "ok", RECEIPT), None),
    "Y7 the same result": ("retry 2 times", {"charge": [RECEIPT]}, None, (1, "ok", RECEIPT), None),
    "Y7 the same result as a person said": ("in doubt ask", {"charge": [BROKEN]}, True, (1, "ok", RECEIPT), None),
    "Y8 another result": ("retry 2 times", {"charge": [RECEIPT]}, None, (1, "ok", OTHER), "two results"),
    "Y8 another result than a person said": ("in doubt ask", {"charge": [BROKEN]}, True, (1, "ok", OTHER), "two results"),
    "Y8 another result than the check found": (CHECK, {"charge": [BROKEN], "find": [RECEIPT]}, None, (1, "ok", OTHER), "two results"),
    "N1 a person said yes": ("in doubt ask", {"charge": [BROKEN]}, True, (1, "failed", NO), "no after yes"),
    "N1 a check said yes": (CHECK, {"charge": [BROKEN], "find": [RECEIPT]}, None, (1, "failed", BUSY_REST), "no after yes"),
    "N1 it speaks for all attempts": ("key, retry 1 times", {"charge": [BROKEN]}, True, (1, "failed", NEVER_REST), "no after yes"),
    "N2 one of two attempts": ("key, retry 1 times", {"charge": [BROKEN]}, True, (1, "failed", NO), None),
    "N2 the call itself said yes": ("key, retry 1 times", {"charge": [BROKEN, RECEIPT]}, None, (1, "failed", NO), None),
    "N2 a failure after a failure": ("retry 2 times", {"charge": [FINAL]}, None, (1, "failed", NO), None),
}  # fmt: skip


@pytest.mark.parametrize("case", AFTERWARDS)
def test_an_answer_after_the_decision(case: str) -> None:
    policy, scripts, says, answer, expected = AFTERWARDS[case]
    ended: list[Any] = []

    async def story(here: Here) -> None:
        await here.rests()
        if says is not None:
            await here.resolve(says, RECEIPT if says else None)
            await here.rests()
        ended.append(here.sim.ending)
        await late(here, *answer)

    sim = Sim(charging(policy, report="report" in policy), **scripts).tell(story)
    assert [sim.ending] == ended
    assert sim.status == "ended"
    assert alarms(sim) == ([expected] if expected else [])
    assert needs(sim) == (["alarm"] if expected else [])
    assert len(sim.records("evidence")) == 1


def test_a_key_that_was_forgotten_finds_no_first_effect() -> None:
    """Y2: the repeat came after the key's window, so it is another effect."""

    async def story(here: Here) -> None:
        await here.rests()
        await here.leap("2h")
        await here.resolve(False)
        await here.reaches("Charged")
        await late(here, 1, "ok", RECEIPT)

    sim = Sim(charging("key for 1h, in doubt ask"), charge=[BROKEN, RECEIPT]).tell(story)
    assert alarms(sim) == ["yes after no"]


def test_a_result_after_the_run_was_terminated_with_the_commit_open() -> None:
    """Y4."""

    async def story(here: Here) -> None:
        await here.rests()
        await here.terminate()
        await late(here, 1, "ok", RECEIPT)

    sim = Sim(charging("in doubt ask"), charge=[BROKEN]).tell(story)
    assert (sim.view["outcome"], alarms(sim)) == ("terminated", ["yes after the end"])
    assert sim.record("alarm")["against"] == sim.record("terminated")["seq"]


def test_what_the_contract_skipped_may_have_happened() -> None:
    """Y5."""

    async def story(here: Here) -> None:
        await here.rests()
        await late(here, 1, "ok", None)

    sim = Sim(charging("in doubt skip", result=""), charge=[BROKEN]).tell(story)
    assert (sim.state, alarms(sim), len(sim.records("evidence"))) == ("Charged", [], 1)


def test_an_action_without_a_result_that_was_called_again_took_effect_twice() -> None:
    """Y2: all results are alike, and only a key could tell one effect from two."""

    async def story(here: Here) -> None:
        await here.rests()
        await here.resolve(False)
        await here.reaches("Charged")
        await late(here, 1, "ok", None)

    sim = Sim(charging("in doubt ask", result=""), charge=[BROKEN, None]).tell(story)
    assert alarms(sim) == ["yes after no"]


def test_a_result_for_an_open_commit_is_its_outcome_and_an_alarm_if_a_person_denied_it() -> None:
    """Y2 and Y9 at once: the run goes on with the result, and somebody has to know."""

    async def story(here: Here) -> None:
        await here.rests()
        await here.resolve(False)
        await here.until(lambda: here.sim.calls("charge") == 2)
        await late(here, 1, "ok", RECEIPT)
        await here.reaches("Charged")

    sim = Sim(charging("in doubt ask, timeout 10s"), charge=[BROKEN, after(5, OTHER)]).tell(story)
    assert sim.ending == CHARGED
    kinds = [kind for kind in sim.kinds if kind in ("evidence", "alarm", "outcome")]
    assert kinds[:3] == ["evidence", "alarm", "outcome"]
    assert alarms(sim) == ["yes after no"]


def test_the_same_answer_again_raises_no_second_alarm() -> None:
    """R0."""

    async def story(here: Here) -> None:
        await here.rests()
        for answer in (RECEIPT, RECEIPT, OTHER):
            await late(here, 1, "ok", answer)

    sim = Sim(charging("retry 2 times"), charge=[FINAL]).tell(story)
    assert (alarms(sim), len(sim.records("evidence"))) == (["yes after no"] * 2, 3)


def test_the_last_no_of_several_attempts_is_the_one_that_contradicts() -> None:
    async def story(here: Here) -> None:
        await here.rests()
        await here.resolve(True, RECEIPT)
        await here.reaches("Charged")
        await late(here, 1, "failed", NO)
        assert alarms(here.sim) == []
        await late(here, 2, "failed", BUSY_REST)

    sim = Sim(charging("key, retry 1 times"), charge=[BROKEN]).tell(story)
    assert alarms(sim) == ["no after yes"]
    assert sim.record("alarm")["attempt"] == 2


# --- wherever it arrives --------------------------------------------------------------------------

LONG = """
contract Long(n: int) key n version 1
record Receipt { id: str, notes: str = "", pin: secret str? }
failure Problem { Final(why: str) }
event done() keep
effect wait(n: int)
action charge(n: int) -> Receipt fails Problem { in doubt ask }
initial state Charging -> Waiting {
  match commit charge(n) {
    ok receipt -> goto Waiting
    Final(why) -> goto Waiting
  }
}
state Waiting -> Done { perform wait(n)
  goto Done }
final state Done success
"""

REST = {"id": "r1", "notes": "", "pin": None}
REST_2 = {**REST, "id": "r2"}


def test_it_waits_in_the_inbox_of_a_run_that_is_held_and_raises_the_alarm_when_it_rests() -> None:
    async def story(here: Here) -> None:
        await here.until(lambda: here.sim.calls("wait") == 1)
        await late(here, 1, "ok", REST)
        assert (alarms(here.sim), len(here.sim.kit.store.inbox(here.sim.id))) == ([], 1)
        await here.reaches("Done")

    sim = Sim(LONG, charge=[FINAL], wait=[after(60)]).tell(story)
    assert (sim.ending[0], alarms(sim), needs(sim)) == ("Done", ["yes after no"], ["alarm"])
    assert "arrived" in sim.record("evidence")


def test_two_answers_in_one_inbox_are_judged_one_after_the_other() -> None:
    async def story(here: Here) -> None:
        await here.until(lambda: here.sim.calls("wait") == 1)
        for answer in (REST_2, REST_2, REST):
            await late(here, 1, "ok", answer)
        await here.reaches("Done")

    sim = Sim(LONG, charge=[RECEIPT], wait=[after(60)]).tell(story)
    assert (alarms(sim), len(sim.records("evidence"))) == (["two results"], 3)


def test_a_stalled_run_can_have_an_alarm_too_and_goes_on_with_it() -> None:
    async def story(here: Here) -> None:
        await here.until(lambda: here.sim.status == "stalled")
        await late(here, 1, "ok", REST)
        assert needs(here.sim) == ["stalled", "alarm"]
        await here.resume()
        await here.reaches("Done")

    sim = Sim(LONG, charge=[FINAL], wait=[BROKEN, BROKEN, BROKEN, BROKEN, None]).tell(story)
    assert needs(sim) == ["alarm"]


def test_what_waits_when_the_run_is_terminated_is_judged_after_that() -> None:
    async def story(here: Here) -> None:
        await here.until(lambda: here.sim.calls("wait") == 1)
        await late(here, 1, "ok", REST_2)
        await here.terminate()

    sim = Sim(LONG, charge=[RECEIPT], wait=[after(60)]).tell(story)
    assert sim.kinds[-3:] == ["terminated", "evidence", "alarm"]
    assert needs(sim) == ["alarm"]


@pytest.mark.parametrize("pin", [None, opord.Secret("1234")], ids=["plain", "secret"])
@pytest.mark.parametrize("notes", ["", "x" * 10_000], ids=["small", "large"])
def test_large_and_secret_results_are_compared_by_what_they_hold(notes: str, pin: Any) -> None:
    first = {"id": "r1", "notes": notes, "pin": pin}
    again = {"id": "r1", "notes": notes, "pin": pin and {"$secret": "1234"}}
    other = {"id": "r1", "notes": notes, "pin": pin and {"$secret": "9"}}
    other = other if pin else {**other, "notes": f"{notes}!"}

    async def story(here: Here) -> None:
        await here.reaches("Done")
        await late(here, 1, "ok", again)
        assert alarms(here.sim) == []
        await late(here, 1, "ok", other)

    sim = Sim(LONG, charge=[first]).tell(story)
    assert alarms(sim) == ["two results"]
    assert "1234" not in str(sim.records())


def test_a_run_whose_data_cannot_be_read_still_gets_the_alarm(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Here) -> None:
        await here.reaches("Failed")
        row = here.sim.kit.row(here.sim.id)
        damaged = row.head.body.replace('"why":"no"', '"why":5')
        assert damaged != row.head.body
        overwrite_body(here.sim.kit.store, here.sim.id, damaged)
        await late(here, 1, "ok", RECEIPT)
        assert here.sim.kit.row(here.sim.id).head.needs == "alarm"
        assert '"why":5' in here.sim.kit.row(here.sim.id).head.body
        await here.client.acknowledge(here.sim.id, actor="ann")
        after = here.sim.kit.row(here.sim.id)
        assert (after.head.needs, '"why":5' in after.head.body) == ("", True)
        mended = after.head.body.replace('"why":5', '"why":"no"')
        overwrite_body(here.sim.kit.store, here.sim.id, mended)

    sim = Sim(charging("retry 2 times"), charge=[FINAL]).tell(story)
    assert alarms(sim) == ["yes after no"]


def test_after_pruning_the_log_is_all_there_is(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Here) -> None:
        await here.rests()
        await here.client.late("Charging/none", Evidence(2, "charge", 1, "ok", RECEIPT, "w0"))

    with caplog.at_level(logging.WARNING, "opord.client"):
        Sim(charging("retry 2 times"), charge=[FINAL]).tell(story)
    (line,) = [
        record.getMessage() for record in caplog.records if "only this log line" in record.getMessage()
    ]
    assert line.startswith(
        "Charging/none: a late outcome of charge (attempt 1, ok), and only this log line keeps the answer: "
    )


# --- what a person sees and does ------------------------------------------------------------------


def test_an_alarm_is_told_once_found_and_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Here) -> None:
        await here.rests()
        await late(here, 1, "ok", RECEIPT)
        store = here.sim.kit.store
        assert [row.run for row in store.runs(RunFilter(needs="alarm"), limit=9)] == [here.sim.id]
        view = here.sim.view
        assert view["waiting_for"] == [{"person": "operator", "verb": "acknowledge", "seen": 6}]
        (need,) = view["needs"]
        assert need["detail"] == (
            "charge took effect (attempt 1, says worker w0), and it was decided before that it did not: "
            "record 5 contradicts record 3"
        )
        with pytest.raises(opord.Refused) as early:
            await here.client.acknowledge(here.sim.id, seen=5, actor="ann")
        assert early.value.code == "no_alarm"
        assert "an alarm came after record 5, the newest that you saw" in str(early.value)
        await here.client.acknowledge(here.sim.id, seen=6, actor="ann", role="ops", reason="refunded by hand")
        with pytest.raises(opord.Refused) as again:
            await here.client.acknowledge(here.sim.id, actor="ann")
        assert "it has no open alarm" in str(again.value)
        assert store.runs(RunFilter(needs="any"), limit=9) == []

    with caplog.at_level(logging.WARNING, "opord.needs"):
        sim = Sim(charging("retry 2 times"), charge=[FINAL]).tell(story)
    assert sim.kinds == ["started", "intent", "outcome", "transition", "evidence", "alarm", "acknowledged"]
    record = sim.record("acknowledged")
    assert (record["alarms"], record["actor"], record["reason"]) == ([6], "ann", "refunded by hand")
    (line,) = [one.getMessage() for one in caplog.records if ": alarm: " in one.getMessage()]
    assert line == (
        "Charging/1: alarm: charge took effect (attempt 1, says worker w0), and it was decided before that it did "
        "not: record 5 contradicts record 3 (key Charging/1/1); look at it with `opord runs show Charging/1`, then "
        "`opord runs acknowledge Charging/1 --seen 6 --reason …`"
    )
    assert (sim.view["needs"], sim.view["waiting_for"]) == ([], [])


def test_acknowledging_takes_no_call_from_its_worker() -> None:
    """A call under way would be in doubt if its run were taken from the worker."""

    async def story(here: Here) -> None:
        await here.rests()
        first = here.sim.records("intent")[0]["seq"]
        await late(here, 1, "ok", "r9", intent=first)
        assert needs(here.sim) == ["doubt", "alarm"]
        await here.resolve(False)
        await here.until(lambda: here.sim.calls("charge") == 3)
        with pytest.raises(opord.Refused) as busy:
            await here.client.acknowledge(here.sim.id, actor="ann")
        assert "attempt 2 of charge is under way; wait until it has ended" in str(busy.value)
        await here.reaches("Done")
        await here.client.acknowledge(here.sim.id, actor="ann")

    sim = Sim(TWICE, charge=["r1", BROKEN, after(20, "r2")]).tell(story)
    assert (alarms(sim), needs(sim), len(sim.records("doubt"))) == (["two results"], [], 1)


TWICE = """
contract Twice(n: int) key n version 1
action charge(n: int) -> str { repeatable, in doubt ask }
initial state First -> Second { commit charge(n)
  goto Second }
state Second -> Done { commit charge(n)
  goto Done }
final state Done success
"""


def test_a_run_that_goes_on_can_be_acknowledged_while_a_worker_holds_it() -> None:
    async def story(here: Here) -> None:
        await here.until(lambda: here.sim.status == "stalled")
        await late(here, 1, "ok", REST)
        await here.resume()
        await here.until(lambda: here.sim.calls("wait") == 5)
        await asyncio.sleep(1)
        assert here.sim.kit.row(here.sim.id).head.worker is not None
        await here.client.acknowledge(here.sim.id, actor="ann")
        await here.reaches("Done")

    sim = Sim(LONG, charge=[FINAL], wait=[BROKEN, BROKEN, BROKEN, BROKEN, after(30), None]).tell(story)
    assert (needs(sim), sim.status) == ([], "ended")
