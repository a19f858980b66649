"""Failed attempts of effects are on record, and a run between two attempts is parked.

So a restart forgets no attempt, what has answered is not asked again, and a sick provider holds no
places of a healthy one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest

from opord.kernel.instants import in_words, parse
from opord.kernel.views import history_view
from opord.stores.base import RunFilter
from opord.story.lines import tell
from tests.engine.desk import NEVER, Fixed, Here, Sim, Threads, after, fails
from tests.support.kit import Kit, crash_at

BUSY = fails("Line.Busy")
GONE = fails("Line.Gone", why="no such account")

READING = """
contract Reading(n: int) key n version 1
failure Line { Gone(why: str), Busy transient }
role clerk
event hint(x: int)
event stop(why: str) by clerk
pure weigh(n: int) -> int
effect look(n: int) -> str fails Line { retry 5 times backoff 1h to 4h, timeout 10s }
effect load(text: str, at: datetime) -> str fails Line { retry 5 times backoff 1h to 4h, timeout 10s }

phase Asking {
  on hint(x) ignore
  on stop(why) -> goto Failed(why)
  on cancel(reason) -> goto Cancelled(reason)
  after 30d -> goto Failed("it took a month")

  initial state Loading -> Done | Failed | Cancelled {
    let weight = weigh(n)
    let text = perform look(weight) else problem -> goto Failed("cannot look")
    match perform load(text, now) {
      ok loaded -> goto Done(loaded)
      Gone(why) -> goto Failed(why)
      Busy -> goto Failed("busy")
      TimedOut -> goto Failed("timed out")
    }
  }
}

final state Done(text: str) success
final state Failed(why: str) failure
final state Cancelled(reason: str) cancelled
"""


def reading(**scripts: Any) -> Sim:
    """Return a run that weighs, looks and loads."""
    return Sim(READING, **{"weigh": [3], "look": ["text"], "load": ["loaded"], **scripts})


def drawing(drawn: float, sim: Sim) -> Sim:
    """Have each engine of a run draw this number for the jitter of its pauses."""
    engine = sim.kit.engine

    def fixed(**options: Any) -> Any:
        made = engine(**options)
        assert made._environment is not None
        made._environment.random = Fixed(drawn)
        return made

    sim.kit.engine = fixed  # type: ignore[method-assign]
    return sim


SYNC = """
contract Sync(ref: str) key ref
failure Partner { Down transient }
effect push(ref: str) -> str fails Partner { retry 20 times backoff 5m to 1h, timeout 5s }
initial state Open -> Pushed | Failed {
  let answer = perform push(ref) else problem -> goto Failed
  goto Pushed(answer)
}
final state Pushed(answer: str) success
final state Failed failure
"""


class Partner:
    """A partner that is down for all but one."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.asked: list[str] = []

    async def push(self, ref: str) -> str:
        self.asked.append(ref)
        if ref == "healthy":
            return "pushed"
        raise self.module.Partner.Down()


async def one_attempt(here: Here) -> None:
    """Let the run go on until it rests between attempts, or is over."""
    await here.wait(30)


def attempts(sim: Sim) -> list[dict[str, Any]]:
    return [one for one in sim.records("attempt") if "key" not in one]


class TestOnRecord:
    def test_a_failed_attempt_has_the_step_so_far_and_when_it_is_tried_again(self) -> None:
        sim = reading(load=[BUSY]).tell(one_attempt, drawn=0.5)
        (attempt,) = attempts(sim)
        assert attempt["call"] == "load"
        assert (attempt["attempt"], attempt["outcome"]) == (1, {"failed": {"type": "Line.Busy"}})
        assert [(one["call"], one["ok"]) for one in attempt["answers"]] == [("weigh", 3), ("look", "text")]
        assert attempt["now"] <= attempt["since"] <= attempt["at"] < attempt["next"]
        assert not {"key", "error"} & attempt.keys()

    def test_a_surprise_has_its_error(self) -> None:
        sim = reading(load=[ValueError("no such column")]).tell(lambda here: here.wait(0.9), drawn=0.0)
        (attempt,) = attempts(sim)
        (frame,) = attempt["trouble"]["frames"][-1:]
        assert (frame["file"], frame["own"]) == ("tests/engine/desk.py", True)
        assert attempt["error"] == f"ValueError: no such column (tests/engine/desk.py:{frame['line']})"
        assert sim.details["trouble"] == attempt["trouble"]
        assert attempt["traceback"].startswith("Traceback")
        assert "outcome" not in attempt

    def test_a_time_out_is_a_failed_attempt(self) -> None:
        sim = reading(load=[NEVER]).tell(lambda here: here.wait(12), drawn=0.5)
        (attempt,) = attempts(sim)
        assert attempt["outcome"] == {"failed": {"type": "TimedOut"}}

    def test_the_attempt_that_answers_or_ends_them_is_recorded_with_its_step(self) -> None:
        sim = reading(load=[BUSY, GONE]).rest()
        assert sim.kinds == ["started", "attempt", "transition"]
        (last,) = [one for one in sim.record("transition")["calls"] if one["call"] == "load"]
        assert (last["attempts"], last["failed"]["type"]) == (2, "Line.Gone")

    def test_the_run_waits_with_its_reason_and_the_instant(self) -> None:
        sim = reading(load=[BUSY]).tell(one_attempt, drawn=0.5)
        (attempt,) = attempts(sim)
        row = sim.kit.row(sim.id)
        assert (row.head.status, row.head.worker) == ("waiting", None)
        assert sim.view["reason"] == (
            f"attempt 1 of load failed with Line.Busy; it is tried again at {in_words(parse(attempt['next']))}"
        )
        assert {"attempt": "load", "at": attempt["next"]} in sim.view["waiting_for"]

    def test_what_answers_at_once_writes_no_more_than_before(self) -> None:
        sim = reading().rest()
        assert sim.kinds == ["started", "transition"]


class TestOverRestarts:
    def test_attempts_are_counted_on(self) -> None:
        sim = reading(load=[BUSY])
        for _ in range(6):
            sim.tell(one_attempt, drawn=0.5)
            sim.advance("4h")
        assert (sim.calls("load"), sim.ending) == (6, ("Failed", {"why": "busy"}))
        assert [made.call.attempt for made in sim.made("load") if made.call] == [1, 2, 3, 4, 5, 6]

    def test_what_has_answered_is_not_asked_again_and_now_stays(self) -> None:
        sim = reading(load=[BUSY, BUSY, "loaded"], look=["text", "other"], weigh=[3, 4])
        for _ in range(3):
            sim.tell(one_attempt, drawn=0.5)
            sim.advance("4h")
        assert (sim.ending, sim.calls("look"), sim.calls("weigh")) == (("Done", {"text": "loaded"}), 1, 1)
        assert len({made.args for made in sim.made("load")}) == 1

    def test_surprises_are_counted_on_too_and_the_run_stalls(self) -> None:
        sim = reading(load=[ValueError("no")])
        for _ in range(4):
            sim.tell(lambda here: here.wait(0.5), drawn=0.0)
            sim.advance("1m")
        assert (sim.calls("load"), sim.status) == (4, "stalled")
        assert sim.record("stalled")["attempt"] == 4

    def test_resume_alone_begins_anew(self) -> None:
        sim = reading(load=[ValueError("no")] * 4 + [BUSY, "loaded"], look=["text", "other"])
        sim.rest(drawn=0.0)
        assert sim.status == "stalled"
        sim.tell(lambda here: here.resume(), serve=False)
        sim.tell(one_attempt, drawn=0.5)
        first, again = attempts(sim)[0], attempts(sim)[-1]
        assert (again["attempt"], sim.calls("look")) == (1, 2)
        assert again["now"] > first["now"]
        sim.advance("4h")
        sim.tell(one_attempt)
        assert sim.ending == ("Done", {"text": "loaded"})

    @pytest.mark.parametrize("point", ["before attempt", "parked", "claimed", "step begins"])
    def test_a_death_around_an_attempt_forgets_none_that_is_on_record(self, point: Any) -> None:
        sim = reading(load=[BUSY])
        sim.tell(one_attempt, drawn=0.5)
        sim.advance("2h")

        async def main() -> None:
            assert await crash_at(sim.kit, point, lambda engine: asyncio.sleep(60)) == point

        sim.kit.run(main())
        sim.kit.check()
        for _ in range(6):
            sim.advance("4h")
            sim.tell(one_attempt, drawn=0.5)
        numbers = [made.call.attempt for made in sim.made("load") if made.call]
        # Only an attempt whose worker died before its record is made again.
        again = [2] if point == "before attempt" else []
        assert (sim.ending, numbers) == (("Failed", {"why": "busy"}), [1, 2, *again, 3, 4, 5, 6])
        assert sim.calls("look") == 1


class TestACrashAnywhere:
    """One death costs each call at most one attempt that is not on record, wherever it is."""

    def story(self) -> Sim:
        oops = ValueError("no")
        return drawing(0.0, reading(look=[BUSY, oops, "text"], load=[oops, BUSY, NEVER, BUSY, "loaded"]))

    async def to_its_end(self, engine: Any, sim: Sim) -> None:
        sim.id = await engine.start_run(sim.program, sim.input)
        await sim.kit.until(lambda: sim.status == "ended", seconds=600)

    def tell(self, sim: Sim, *deaths: int) -> None:
        async def main() -> None:
            for at in deaths:
                await crash_at(sim.kit, at, lambda engine: self.to_its_end(engine, sim))
            async with sim.kit.engine() as engine:
                await self.to_its_end(engine, sim)

        sim.kit.run(main())
        sim.kit.check()

    def points(self) -> int:
        sim = self.story()
        self.tell(sim)
        assert sim.kit.hits["before attempt"] == 6
        return sum(sim.kit.hits.values())

    def assert_kept(self, sim: Sim, deaths: int, where: Any) -> None:
        assert sim.state in ("Done", "Failed"), where
        for call in ("look", "load"):
            numbers = [made.call.attempt for made in sim.made(call) if made.call]
            # No number is left out, and each is made once, but for those whose worker died.
            assert sorted(set(numbers)) == [*range(1, max(numbers) + 1)], (where, numbers)
            assert numbers == sorted(numbers), (where, numbers)
            assert len(numbers) - len(set(numbers)) <= deaths, (where, numbers)
        assert len({made.args for made in sim.made("load")}) <= 1 + deaths, where

    def test_once(self) -> None:
        for at in range(1, self.points() + 1):
            sim = self.story()
            self.tell(sim, at)
            self.assert_kept(sim, 1, at)

    def test_twice(self) -> None:
        points = self.points()
        for first in range(1, points + 1, 3):
            for second in range(2, points, 7):
                sim = self.story()
                self.tell(sim, first, second)
                self.assert_kept(sim, 2, (first, second))


class TestBetweenAttempts:
    def test_a_drain_does_not_wait(self) -> None:
        sim = reading(load=[BUSY])

        async def story(here: Here) -> None:
            await here.wait(1)
            began = sim.kit.clock.monotonic()
            await here.engine.__aexit__()
            assert sim.kit.clock.monotonic() - began < 1

        sim.tell(story, drawn=0.9)
        assert sim.status == "waiting"

    def test_until_idle_does_not_wait(self) -> None:
        sim = reading(load=[BUSY]).tell(lambda here: here.engine.until_idle(), drawn=0.9)
        assert (sim.calls("load"), sim.status) == (1, "waiting")

    def test_many_runs_hold_no_place_and_others_go_on(self) -> None:
        kit = Kit(SYNC, lambda module: Partner(module))

        async def main() -> None:
            async with kit.engine(concurrency=10) as engine:
                for number in range(100):
                    await engine.start(kit.workflow, ref=f"sick{number}")
                await kit.until(lambda: len(kit.handlers.asked) == 100, seconds=60)
                began = kit.clock.monotonic()
                healthy = await engine.start(kit.workflow, ref="healthy")
                await healthy.result()
                assert kit.clock.monotonic() - began < 1
                assert engine.worker is not None
                assert engine.worker.flights == {}

        kit.run(main())
        kit.check()
        assert Counter(row.head.status for row in kit.store.runs(RunFilter(), limit=200)) == {
            "waiting": 100, "ended": 1,
        }  # fmt: skip

    def test_the_history_tells_each_attempt_and_what_comes_next(self) -> None:
        sim = reading(load=[BUSY]).tell(one_attempt, drawn=0.5)
        records = sim.kit.store.journal(sim.id)
        lines = tell(sim.program, history_view(sim.program, records))
        written = ["".join(part.text for part in line.parts) for line in lines]
        assert written[-1].startswith("load  attempt 1 → Line.Busy")
        assert written[-1].endswith("next in 30m")
        assert sum("look → " in line for line in written) == 1

    @pytest.mark.parametrize(("event", "ending"), [("stop", "Failed"), ("cancel", "Cancelled")])
    def test_a_handler_of_the_phase_takes_the_run(self, event: str, ending: str) -> None:
        async def story(here: Here) -> None:
            await here.wait(30)
            if event == "stop":
                await here.send("stop", role="clerk", why="enough")
            else:
                await here.send("cancel", reason="enough")

        sim = reading(load=[BUSY]).tell(story, drawn=0.5)
        assert (sim.state, sim.calls("load")) == (ending, 1)

    def test_an_event_that_is_only_recorded_changes_nothing(self) -> None:
        async def story(here: Here) -> None:
            await here.wait(30)
            assert (await here.send("hint", x=1)).status == "ignored"
            await here.wait(30)

        sim = reading(load=[BUSY, "loaded"]).tell(story, drawn=0.5)
        assert sim.kinds == ["started", "attempt", "ignored"]
        sim.advance("4h")
        sim.tell(one_attempt)
        assert sim.ending == ("Done", {"text": "loaded"})
        assert [made.call.attempt for made in sim.made("load") if made.call] == [1, 2]

    def test_such_an_event_during_a_later_attempt_forgets_none(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("load") == 2)
            await here.send("hint", x=1)
            await here.wait(30)

        sim = reading(load=[BUSY, after(5, BUSY), "loaded"]).tell(story, drawn=0.0)
        numbers = [made.call.attempt for made in sim.made("load") if made.call]
        # The attempt that the event cut off is made again, with the same number.
        assert (numbers, sim.ending) == ([1, 2, 2], ("Done", {"text": "loaded"}))

    def test_a_timer_of_the_phase_takes_the_run(self) -> None:
        sim = reading(load=[BUSY])
        sim.tell(one_attempt, drawn=0.5)
        sim.advance("31d")
        sim.tell(one_attempt)
        assert (sim.ending, sim.calls("load")) == (("Failed", {"why": "it took a month"}), 1)

    def test_the_next_attempt_is_not_made_before_it_is_due(self) -> None:
        sim = reading(load=[BUSY, "loaded"])
        sim.tell(one_attempt, drawn=0.5)
        sim.advance("20m")
        sim.tell(one_attempt)
        assert (sim.calls("load"), sim.status) == (1, "waiting")
        sim.advance("10m")
        sim.tell(one_attempt)
        assert sim.calls("load") == 2

    def test_terminate_ends_it(self) -> None:
        async def story(here: Here) -> None:
            await here.wait(30)
            await here.terminate()

        sim = reading(load=[BUSY]).tell(story, drawn=0.5)
        assert (sim.status, sim.kinds) == ("ended", ["started", "attempt", "terminated"])


class TestALateAnswer:
    """An attempt on a thread is given up after its time-out, and answers later."""

    def late(self, seconds: list[float], *answers: Any, drawn: float = 0.5, resumed: bool = False) -> Sim:
        """Tell a run whose attempts of `load` take these seconds, as long as it takes.

        With `resumed`, a person resumes it once it has stalled.
        """
        sim = reading(load=list(answers))
        threads = Threads(seconds)

        def load(self: Any, text: str, at: Any, call: Any = None) -> Any:
            return sim.desk.answer_at_once("load", (text, at), call)

        type(sim.kit.handlers).load = load  # type: ignore[attr-defined]

        async def story(here: Here) -> None:
            for _ in range(12):
                await here.wait(70)
                await here.leap("20m")
                if resumed and sim.status == "stalled":
                    await here.resume()

        return sim.on_threads(threads).tell(story, drawn=drawn)

    def test_is_taken_and_no_further_call_is_made(self) -> None:
        sim = self.late([60], "loaded")
        assert (sim.calls("load"), sim.ending) == (1, ("Done", {"text": "loaded"}))
        assert sim.kinds == ["started", "attempt", "evidence", "transition"]
        evidence, attempt = sim.record("evidence"), sim.record("attempt")
        assert (evidence["of"], evidence["attempt"], evidence["outcome"]) == (
            attempt["seq"], 1, {"ok": "loaded"},
        )  # fmt: skip

    def test_is_taken_while_a_later_attempt_is_under_way(self) -> None:
        # The first answer comes 5 s after the second call began, which would take an hour.
        sim = self.late([0.5 * 3600 + 15, 3600], "loaded", "other")
        assert (sim.calls("load"), sim.ending) == (2, ("Done", {"text": "loaded"}))

    def test_a_final_failure_is_taken_too(self) -> None:
        sim = self.late([60], GONE)
        assert (sim.calls("load"), sim.ending) == (1, ("Failed", {"why": "no such account"}))

    def test_a_transient_failure_tells_nothing_new(self) -> None:
        sim = self.late([60, 0], BUSY, "loaded")
        assert (sim.calls("load"), sim.ending) == (2, ("Done", {"text": "loaded"}))
        assert "evidence" not in sim.kinds

    def test_an_answer_after_the_run_went_on_is_dropped(self) -> None:
        # The second attempt answers first.
        sim = self.late([3000, 0], "loaded", "late")
        assert (sim.calls("load"), sim.ending) == (2, ("Done", {"text": "loaded"}))
        assert "evidence" not in sim.kinds

    def test_an_answer_that_comes_with_the_time_out_is_not_lost(self) -> None:
        sim = self.late([10.000001], "loaded")
        assert (sim.calls("load"), sim.ending) == (1, ("Done", {"text": "loaded"}))

    def test_an_answer_to_a_step_before_a_resume_is_dropped(self) -> None:
        oops = ValueError("no")
        # Attempt 1 is given up, and answers long after the run was resumed.
        sim = self.late([4000], oops, oops, oops, oops, BUSY, "late", BUSY, resumed=True)
        assert sim.kinds.count("retried") == 1
        assert "evidence" not in sim.kinds
        assert sim.status == "waiting"


CHECKED = """
contract Checked(n: int) key n version 1
failure Line { Busy transient }
event stop(why: str) keep
effect paid(n: int) -> bool
action pay(n: int) fails Line { retry 5 times backoff 1h to 4h, in doubt check paid(n) after 5s }
phase Paying {
  on stop(why) -> goto Stopped
  initial state Open -> Done | Stopped {
    commit pay(n) else { Busy -> goto Stopped }
    goto Done
  }
}
final state Done success
final state Stopped failure
"""


def test_an_event_that_came_in_a_doubt_is_taken_in_the_first_pause_after_it() -> None:
    sim = drawing(0.5, Sim(CHECKED, pay=[ConnectionError("lost"), BUSY], paid=[False]))

    async def story(here: Here) -> None:
        await here.until(lambda: sim.status == "in_doubt")
        assert (await here.send("stop", why="enough")).status == "stored"

    sim.tell(story)
    sim.tell(one_attempt)
    assert (sim.state, sim.calls("pay")) == ("Stopped", 2)


PROMISED = """
contract Promised(n: int) key n version 1
failure Line { Busy transient }
effect load(n: int) -> str fails Line { retry 6 times backoff 1h to 1h, timeout 10s }
phase Asking {
  after PATIENCE -> goto Late
  initial state Loading -> Done | Late {
    let text = perform load(n) else problem -> goto Late
    goto Done
  }
}
final state Done success
final state Late failure
ensure every run ends within 7h
"""


class TestPromisesInTime:
    """What the checker accepted holds over restarts."""

    @pytest.mark.parametrize(
        ("patience", "hours", "attempts_made"), [("100d", 6.0, 7), ("2h30m", 2.5, 3)], ids=["retry", "timer"]
    )
    def test_hold_though_every_worker_dies_in_every_pause(
        self, patience: str, hours: float, attempts_made: int
    ) -> None:
        sim = drawing(0.999, Sim(PROMISED.replace("PATIENCE", patience), load=[BUSY]))
        sim.tell(lambda here: here.wait(1))
        began, deaths = sim.kit.clock.now_us, 0

        async def dies() -> None:
            nonlocal deaths
            deaths += await crash_at(sim.kit, "parked", lambda engine: asyncio.sleep(3)) is not None

        while sim.status != "ended":
            wake_at = sim.kit.row(sim.id).head.wake_at
            assert wake_at is not None
            sim.kit.clock.advance(max(wake_at - sim.kit.clock.now_us, 0) / 1e6)
            sim.kit.run(dies())
            sim.kit.check()
            assert deaths < 20
        numbers = [made.call.attempt for made in sim.made("load") if made.call]
        assert (sim.state, numbers) == ("Late", [*range(1, attempts_made + 1)])
        ended = (sim.kit.row(sim.id).head.since - began) / 1e6
        assert ended == pytest.approx(hours * 3600, abs=60)


def test_each_failed_attempt_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="opord.worker"):
        sim = reading(load=[BUSY]).tell(one_attempt, drawn=0.5)
    (attempt,) = attempts(sim)
    said = f"Reading/1: attempt 1 of load failed with Line.Busy; it is tried again at {in_words(parse(attempt['next']))}"
    assert [record.getMessage() for record in caplog.records if record.name == "opord.worker"] == [said]
