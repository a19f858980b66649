"""`transient wait`: the next attempt comes no sooner than the other side asks.

The wait holds over whatever happens in between: the death of a worker, a person's word, an event
that is taken and dropped again, an answer that comes late.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from opord.kernel.instants import in_words, parse
from opord.kernel.views import history_view
from opord.story.lines import tell
from opord.story.words import waits_in_words
from tests.engine.desk import Here, Sim, after, fails
from tests.support.kit import crash_at


def asked(seconds: float, *, limited: bool = False) -> Any:
    """Answer that the other side asks to wait."""
    return fails("Line.Limited" if limited else "Line.TooMany", wait=timedelta(seconds=seconds))


BUSY = fails("Line.Busy")

FAILURES = """
failure Line {
  TooMany(wait: duration, code: int = 429) transient wait
  Limited(wait: duration) transient wait at most 5m
  Busy transient
  Gone
}
"""

READING = f"""
contract Reading(n: int) key n version 1
{FAILURES}
event hint(x: int)
event stop(why: str)
effect look(n: int) -> str fails Line {{ retry 4 times backoff 1s to 10s, timeout 20s }}
effect divisor(n: int) -> int

phase Asking {{
  on hint(x) ignore
  on stop(why) {{
    let d = perform divisor(n)
    goto Failed("{{why}} {{100 // d}}")
  }}
  on cancel(reason) -> goto Failed(reason)
  after 30d -> goto Failed("it took a month")

  initial state Loading -> Done | Failed {{
    match perform look(n) {{
      ok text -> goto Done(text)
      TooMany(wait, _) -> goto Failed("{{wait}}")
      else -> goto Failed("no answer")
    }}
  }}
}}
final state Done(text: str) success
final state Failed(why: str) failure
"""


def reading(*answers: Any, divisor: tuple[Any, ...] = (1,)) -> Sim:
    return Sim(READING, look=[*answers, "text"], divisor=list(divisor))


def booking(policy: str, more: str = "") -> str:
    return f"""
contract Booking(n: int) key n version 1
{FAILURES}
event stop(why: str)
event doubtful(why: str)
effect divisor(n: int) -> int
effect find(n: int) -> str? fails Line {{ timeout 5s }}
action book(n: int) -> str fails Line {more} {{ {policy} }}
phase Open {{
  on stop(why) -> goto Failed(why)
  on doubtful(why) {{
    let d = perform divisor(n)
    goto Failed("{{why}} {{100 // d}}")
  }}
  initial state Booking -> Booked | Failed {{
    match commit book(n) {{
      ok place -> goto Booked(place)
      else -> goto Failed("not booked")
    }}
  }}
}}
final state Booked(place: str) success
final state Failed(why: str) failure
"""


def pauses(sim: Sim, call: str) -> list[float]:
    return [round(seconds, 1) for seconds in sim.pauses(call)]


class TestAnEffect:
    def test_is_tried_again_when_the_wait_is_over(self) -> None:
        sim = reading(asked(30)).rest()
        assert (pauses(sim, "look"), sim.ending) == ([30], ("Done", {"text": "text"}))

    @pytest.mark.parametrize(("seconds", "pause"), [(0, 1), (-3600, 1), (0.5, 1), (2, 2)])
    def test_the_longer_of_wait_and_backoff_counts(self, seconds: float, pause: float) -> None:
        sim = reading(asked(seconds)).rest(drawn=0.999)
        assert pauses(sim, "look") == [pause]

    def test_a_failure_without_the_clause_has_its_backoff_alone(self) -> None:
        sim = reading(asked(30), BUSY).rest(drawn=0.5)
        assert pauses(sim, "look") == [30, 1]

    def test_a_longer_wait_counts_as_the_limit(self) -> None:
        sim = reading(asked(3600, limited=True), asked(20, limited=True)).rest()
        assert pauses(sim, "look") == [300, 20]

    def test_the_last_attempt_is_not_waited_for_and_the_contract_sees_the_failure(self) -> None:
        sim = reading(*[asked(60)] * 5).rest()
        assert pauses(sim, "look") == [60] * 4
        assert sim.ending == ("Failed", {"why": "1m"})

    def test_the_failure_keeps_what_was_asked_though_less_counts(self) -> None:
        sim = reading(*[asked(3600, limited=True)] * 5).rest()
        first = sim.records("attempt")[0]
        assert (first["wait"], first["asked"]) == ("5m", "1h")
        assert first["outcome"]["failed"]["wait"] == "1h"

    def test_a_wait_beyond_all_time_ends_with_the_last_instant(self) -> None:
        sim = Sim(READING, look=[fails("Line.TooMany", wait=timedelta.max)], divisor=[1])
        sim.tell(lambda here: here.wait(60))
        assert sim.view["waiting_for"][0] == {"attempt": "look", "at": "9999-12-31T23:59:59.999999Z"}
        sim.tell(lambda here: here.send("cancel", reason="enough"), started=True)
        assert sim.ending == ("Failed", {"why": "enough"})

    def test_a_timer_of_the_phase_ends_a_wait_that_is_longer(self) -> None:
        ten_years = timedelta(days=3650)
        sim = Sim(READING, look=[fails("Line.TooMany", wait=ten_years)], divisor=[1])

        async def story(here: Here) -> None:
            await here.wait(60)
            await here.leap("720h")
            await here.rests()

        sim.tell(story)
        assert (sim.calls("look"), sim.ending) == (1, ("Failed", {"why": "it took a month"}))


class TestAnAction:
    def test_is_tried_again_when_the_wait_is_over(self) -> None:
        sim = Sim(booking("retry 3 times"), book=[asked(30), asked(600, limited=True), "a1"]).rest()
        assert (pauses(sim, "book"), sim.ending) == ([30, 300], ("Booked", {"place": "a1"}))

    def test_in_transaction_too(self) -> None:
        text = booking("retry 3 times", "in transaction")
        sim = Sim(text, book=[])
        desk = sim.desk

        def book(_: object, n: int, *, call: Any) -> Any:
            return desk.answer_at_once("book", (n,), call)

        desk.scripts["book"] = [asked(30), asked(600, limited=True), "a1"]
        type(sim.kit.handlers).book = book  # type: ignore[attr-defined]
        sim.rest()
        assert (pauses(sim, "book"), sim.ending) == ([30, 300], ("Booked", {"place": "a1"}))
        assert [record["wait"] for record in sim.records("attempt")] == ["30s", "5m"]

    def test_in_doubt_a_repeat_waits_as_well(self) -> None:
        lost = ConnectionError("reset")
        sim = Sim(booking("key, retry 3 times, in doubt repeat"), book=[lost, asked(600), "a1"]).rest()
        assert pauses(sim, "book")[1] == 600

    def test_a_person_who_says_that_nothing_happened_does_not_cut_the_wait_short(self) -> None:
        sim = Sim(booking("key, retry 1 times"), book=[ConnectionError("reset"), asked(600), "a1"])

        async def story(here: Here) -> None:
            await here.rests()
            assert (sim.status, sim.calls("book")) == ("in_doubt", 2)
            await here.wait(60)
            await here.resolve(happened=False)
            await here.wait(1)
            (wait,) = [one for one in sim.view["waiting_for"] if "attempt" in one]
            assert (wait["attempt"], wait["at"][11:19]) == ("book", sim.records("attempt")[-1]["next"][11:19])
            await here.rests()

        sim.tell(story)
        assert (pauses(sim, "book")[1], sim.ending) == (600, ("Booked", {"place": "a1"}))

    def test_one_that_waits_longer_than_its_key_is_remembered_asks_a_person_at_once(self) -> None:
        policy = "key for 1h, in doubt repeat"
        sim = Sim(booking(policy), book=[ConnectionError("reset"), asked(7200), "a1"])
        sim.tell(lambda here: here.rests())
        assert (sim.status, sim.calls("book")) == ("in_doubt", 2)
        assert "may not be called before" in sim.view["reason"]
        assert "no longer remembers its key" in sim.view["reason"]

    def test_a_late_failure_of_a_worker_that_lost_the_run_is_heard(self) -> None:
        sim = Sim(booking("in doubt ask, retry 3 times"), book=[after(30, asked(600)), "a1"])

        async def take_over(here: Here) -> None:
            await here.until(lambda: sim.calls("book") == 1)
            worker = here.engine.worker
            assert worker is not None
            sim.kit.store.release(worker.name, [(sim.id, sim.kit.row(sim.id).epoch)])
            async with sim.kit.engine():
                await here.until(lambda: "doubt" in sim.kinds)
                await here.wait(60)
            await here.rests()

        sim.tell(take_over)
        assert (sim.record("evidence")["wait"], sim.ending) == ("10m", ("Booked", {"place": "a1"}))
        assert pauses(sim, "book") == [630]

    def test_a_check_waits_for_its_own_other_side(self) -> None:
        text = booking("in doubt check find(n) after 1s, retry 3 times")
        sim = Sim(text, book=[ConnectionError("reset"), "a1"], find=[asked(1200), None]).rest()
        assert (pauses(sim, "find"), sim.ending) == ([1200], ("Booked", {"place": "a1"}))


class TestTheWaitIsOnRecord:
    def test_with_the_failure(self) -> None:
        sim = reading(asked(30)).rest()
        record = sim.record("attempt")
        assert (record["wait"], record["outcome"]["failed"]) == (
            "30s",
            {"type": "Line.TooMany", "wait": "30s", "code": 429},
        )
        assert "asked" not in record

    def test_a_run_says_what_it_waits_for_and_why(self) -> None:
        sim = reading(asked(600)).tell(lambda here: here.wait(60))
        view = sim.view
        assert view["status"] == "waiting"
        at = sim.record("attempt")["next"]
        assert view["waiting_for"][0] == {"attempt": "look", "at": at}
        assert view["reason"] == (
            "attempt 1 of look failed with Line.TooMany; the other side asked to wait 10m; it is tried again at "
            f"{in_words(parse(at))}"
        )
        assert "look again (at 2026-" in waits_in_words(view, sim.program)

    def test_so_does_a_run_between_attempts_of_an_action(self) -> None:
        sim = Sim(booking("retry 3 times"), book=[asked(3600, limited=True), "a1"])
        sim.tell(lambda here: here.wait(60))
        assert sim.view["waiting_for"][0] == {"attempt": "book", "at": sim.record("attempt")["next"]}
        assert (
            "; the other side asked to wait 1h, and the contract waits 5m at most; it is"
            in sim.view["reason"]
        )

    def test_the_history_tells_it(self) -> None:
        sim = reading(asked(3600, limited=True), asked(30)).rest()
        records = sim.kit.store.journal(sim.id)
        lines = [
            "".join(part.text for part in line.parts)
            for line in tell(sim.program, history_view(sim.program, records, ()))
        ]
        asked_lines = [line for line in lines if "asked" in line]
        assert asked_lines[0].endswith(
            "next in 5m  the other side asked to wait 1h, and the contract waits 5m at most"
        )
        assert asked_lines[1].endswith("next in 30 s  the other side asked to wait 30s")


class TestTheWaitHolds:
    def test_over_the_death_of_the_worker_that_heard_of_it(self) -> None:
        sim = reading(asked(600))

        async def start(engine: Any) -> None:
            sim.id = await engine.start_run(sim.program, sim.input)
            await asyncio.sleep(60)

        async def main() -> None:
            assert await crash_at(sim.kit, "parked", start) == "parked"
            await asyncio.sleep(45)
            async with sim.kit.engine() as engine:
                await sim.kit.until(lambda: sim.status == "ended")
                await engine.until_idle()

        sim.kit.run(main())
        sim.kit.check()
        assert (pauses(sim, "look"), sim.ending) == ([600], ("Done", {"text": "text"}))

    def test_over_every_worker_that_dies_in_it(self) -> None:
        sim = reading(asked(600))
        for _ in range(4):
            sim.tell(lambda here: here.wait(90), started=bool(sim.id))
        assert sim.calls("look") == 1
        sim.tell(lambda here: here.rests(), started=True)
        assert (pauses(sim, "look"), sim.ending[0]) == ([600], "Done")

    def test_an_event_that_is_only_recorded_does_not_end_it(self) -> None:
        sim = reading(asked(600))

        async def story(here: Here) -> None:
            await here.wait(60)
            await here.send("hint", x=1)
            await here.rests()

        sim.tell(story)
        assert pauses(sim, "look") == [600]

    def test_an_event_that_moves_the_run_ends_it(self) -> None:
        sim = reading(asked(600))

        async def story(here: Here) -> None:
            await here.wait(60)
            await here.send("stop", why="enough")
            await here.rests()

        sim.tell(story)
        assert (sim.calls("look"), sim.ending) == (1, ("Failed", {"why": "enough 100"}))

    def test_over_an_event_whose_step_stalls_and_that_a_person_drops(self) -> None:
        sim = reading(asked(600), divisor=(0,))

        async def story(here: Here) -> None:
            await here.wait(60)
            await here.send("stop", why="enough")
            await here.until(lambda: sim.status == "stalled")
            (wait,) = [one for one in sim.view["waiting_for"] if one.get("verb") == "drop_event"]
            await here.client.drop_event(sim.id, wait["id"], actor="ops")
            await here.wait(5)
            assert (sim.status, sim.calls("look")) == ("waiting", 1)
            assert sim.view["waiting_for"][0] == {"attempt": "look", "at": sim.record("attempt")["next"]}
            await here.until(lambda: sim.status == "ended")

        sim.tell(story)
        assert (pauses(sim, "look"), sim.ending[0]) == ([600], "Done")

    def test_for_a_commit_that_begins_again(self) -> None:
        sim = Sim(booking("retry 3 times"), book=[asked(600), "a1"], divisor=[0])

        async def story(here: Here) -> None:
            await here.wait(60)
            await here.send("doubtful", why="why")
            await here.until(lambda: sim.status == "stalled")
            (wait,) = [one for one in sim.view["waiting_for"] if one.get("verb") == "drop_event"]
            await here.client.drop_event(sim.id, wait["id"], actor="ops")
            await here.wait(5)
            assert (sim.status, sim.calls("book")) == ("waiting", 1)
            await here.until(lambda: sim.status == "ended")

        sim.tell(story)
        assert (pauses(sim, "book"), sim.ending) == ([600], ("Booked", {"place": "a1"}))

    def test_until_the_run_leaves_the_state(self) -> None:
        text = READING.replace("on hint(x) ignore", "on hint(x) -> goto Again").replace(
            "-> Done | Failed {\n    match", "-> Done | Failed | Again {\n    match"
        )
        text = text.replace(
            "final state Done",
            """state Again -> Done | Failed {
  let text = perform look(n) else -> goto Failed("no answer")
  goto Done(text)
}
final state Done""",
        )
        sim = Sim(text, look=[asked(600), "text"], divisor=[1])

        async def story(here: Here) -> None:
            await here.wait(60)
            await here.send("hint", x=1)
            await here.rests()

        sim.tell(story)
        assert sim.ending == ("Done", {"text": "text"})
        assert pauses(sim, "look")[0] < 100
