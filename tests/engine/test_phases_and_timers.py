"""Timers, and when a phase's shared handlers may take an acting state."""

from __future__ import annotations

import asyncio

import pytest

from opord.drive.errors import EventRefused
from opord.kernel.instants import text
from tests.engine.desk import NEVER, Here, Sim, after, fails

BUSY, BROKEN = fails("Problem.Busy"), ConnectionError("reset")

TIMERS = """
contract Timers(n: int, at: datetime) key n version 1
event again(x: int)
event late(x: int)
initial state Waiting -> Early | At | Late | Again | Waiting {
  on again(x) -> goto Waiting
  on late(x) -> goto Late
  after 10m -> goto Early
  at at -> goto At
}
state Again -> Late { goto Late }
final state Early success
final state At success
final state Late failure
""".replace(" | Again |", " |").replace("state Again -> Late { goto Late }\n", "")

FAR, SOON = "2030-01-01T00:00:00Z", "2026-02-25T06:18:20Z"  # the clock begins at 06:13:20


EMPTY = """
contract Ticket(n: int) key n version 1
event rest
event close(why: str)
phase Open {
  on rest -> goto Resting
  on close(why) -> goto Closed(why)
  after 2h -> goto Late
  initial state Fresh(rests: int = 0) -> Resting | Closed | Late { }
  state Resting -> Resting | Closed | Late { }
}
final state Closed(why: str) success
final state Late failure
"""


class TestAnEmptyStateOfAPhase:
    def test_it_waits_for_the_handlers_of_its_phase(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            assert here.sim.status == "waiting"
            await here.send("rest")
            assert here.sim.state == "Resting"
            await here.send("close", why="done")

        sim = Sim(EMPTY, input={"n": 1}).tell(story)
        assert sim.states == ["Fresh", "Resting", "Closed"]

    def test_the_timer_of_its_phase_runs_from_the_entry_into_the_phase(self) -> None:
        async def story(here: Here) -> None:
            await here.leap("1h")
            await here.send("rest")
            await here.leap("59m")
            await here.rests()
            assert here.sim.state == "Resting"
            await here.leap("1m")
            await here.reaches("Late")

        sim = Sim(EMPTY, input={"n": 1}).tell(story)
        assert sim.records("transition")[-1]["cause"] == "timer Open after"


class TestTimers:
    def test_after_counts_from_the_entry_into_the_state(self) -> None:
        async def story(here: Here) -> None:
            await here.leap("9m")
            assert here.sim.status == "waiting"
            await here.leap("1m")
            await here.rests()

        assert Sim(TIMERS, input={"n": 1, "at": FAR}).tell(story).state == "Early"

    def test_a_goto_to_the_same_state_is_an_entry_too(self) -> None:
        async def story(here: Here) -> None:
            for _ in range(3):
                await here.leap("9m")
                await here.send("again", x=1)
            await here.leap("9m")
            assert here.sim.status == "waiting"
            await here.leap("1m")
            await here.rests()

        sim = Sim(TIMERS, input={"n": 1, "at": FAR}).tell(story)
        assert sim.states == ["Waiting"] * 4 + ["Early"]

    def test_at_is_an_instant(self) -> None:
        async def story(here: Here) -> None:
            await here.leap("4m59s")
            await here.rests()
            await here.reaches("At")

        sim = Sim(TIMERS, input={"n": 1, "at": SOON}).tell(story)
        assert sim.record("transition")["cause"] == "timer Waiting at"

    def test_at_in_the_past_is_due_at_once(self) -> None:
        assert (
            Sim(TIMERS, input={"n": 1, "at": "2020-01-01T00:00:00Z"})
            .tell(lambda here: here.reaches("At"))
            .state
            == "At"
        )

    def test_the_earliest_timer_wins_even_when_both_are_due(self) -> None:
        sim = Sim(TIMERS, input={"n": 1, "at": SOON}).rest()
        sim.advance("1h")
        sim.tell(lambda here: here.reaches("At"))

    def test_a_due_timer_wins_over_a_later_event_even_if_no_worker_was_up(self) -> None:
        async def too_late(here: Here) -> None:
            with pytest.raises(Exception, match="has ended in Early"):
                await here.send("late", x=1)

        sim = Sim(TIMERS, input={"n": 1, "at": FAR}).rest()
        sim.advance("10m")
        sim.tell(too_late, serve=False)
        sim.tell(lambda here: here.reaches("Early"))

    def test_a_due_timer_wins_even_if_the_worker_that_fires_it_dies(self) -> None:
        async def too_late(here: Here) -> None:
            claimed = here.sim.kit.store.claim("dead", [here.sim.program.digest], limit=1, ttl_us=10_000_000)
            assert [row.run for row in claimed] == [here.sim.id]
            with pytest.raises(Exception, match="has ended in Early"):
                await here.send("late", x=1)

        sim = Sim(TIMERS, input={"n": 1, "at": FAR}).rest()
        sim.advance("10m")
        sim.tell(too_late, serve=False)
        sim.tell(lambda here: here.reaches("Early"))

    def test_an_event_before_the_timer_is_due_wins(self) -> None:
        async def in_time(here: Here) -> None:
            await here.send("late", x=1)

        sim = Sim(TIMERS, input={"n": 1, "at": FAR}).rest()
        sim.advance("9m59s")
        sim.tell(in_time, serve=False)
        assert sim.state == "Late"

    def test_two_workers_fire_it_once(self) -> None:
        """C10: exactly one transition."""

        async def story(here: Here) -> None:
            await here.rests()
            async with here.sim.kit.engine(), here.sim.kit.engine():
                await here.leap("10m")
                await here.rests()

        sim = Sim(TIMERS, input={"n": 1, "at": FAR}).tell(story)
        assert sim.kinds == ["started", "transition"]

    def test_a_timer_is_gone_after_its_state_was_left(self) -> None:
        async def story(here: Here) -> None:
            await here.send("late", x=1)
            await here.leap("1h")

        sim = Sim(TIMERS, input={"n": 1, "at": SOON}).tell(story)
        assert sim.kinds == ["started", "event", "transition"]

    def test_a_waiting_run_says_what_it_waits_for(self) -> None:
        sim = Sim(TIMERS, input={"n": 1, "at": FAR}).rest()
        assert sim.view["waiting_for"] == [
            {"event": "again", "roles": []},
            {"event": "late", "roles": []},
            {"timer": "Waiting after", "at": "2026-02-25T06:23:20.000000Z"},
            {"timer": "Waiting at", "at": "2030-01-01T00:00:00.000000Z"},
        ]

    def test_an_approval_and_a_timer_at_the_same_instant_have_one_winner(self) -> None:
        """C19."""

        async def story(here: Here) -> None:
            await here.rests()
            here.sim.kit.clock.advance(600)
            await asyncio.gather(here.send("late", x=1), here.wait(1), return_exceptions=True)

        sim = Sim(TIMERS, input={"n": 1, "at": FAR}).tell(story)
        assert sim.state == "Early"


PHASE = """
contract Phase(n: int) key n version 1
failure Problem { No, Busy transient }
event next(x: int)
event stop(why: str)
effect load(n: int) -> str fails Problem { retry 4 times }
action charge(n: int) -> str fails Problem { key, retry 4 times }
action tell(n: int) -> str fails Problem { key, retry 4 times }
phase Open {
  on cancel(reason) -> goto Cancelled(reason)
  on stop(why) -> goto Cancelled("stopped: {why}")
  after 1h -> goto Expired

  initial state Loading -> Waiting | Cancelled | Expired {
    let text = perform load(n) else problem -> goto Cancelled("load")
    goto Waiting(text)
  }
  state Waiting(text: str) -> Waiting | Charging | Cancelled | Expired {
    on next(x) -> goto Charging
    on stop(why) -> goto Waiting(why)
  }
  state Charging -> Telling | Cancelled | Expired {
    let id = commit charge(n) else problem -> goto Cancelled("charge")
    goto Telling(id)
  }
  state Telling(id: str) -> Done | Cancelled | Expired {
    commit tell(n) else problem -> goto Cancelled("tell")
    goto Done(id)
  }
}
final state Done(id: str) success
final state Cancelled(reason: str) cancelled
final state Expired failure
"""


TURNED = """
contract Turned(n: int) key n version 1
effect load(n: int) -> str
effect tell(n: int) -> str
phase Open {
  on cancel(reason) -> goto Telling
  initial state Loading -> Telling {
    perform load(n)
    goto Telling
  }
}
state Telling -> Done {
  perform tell(n)
  goto Done
}
final state Done success
"""

LOOKING = """
contract Looking(n: int) key n version 1
failure Problem { Busy transient }
event stop(x: int)
event go(x: int)
pure weigh(n: int) -> int
effect look(n: int) -> str fails Problem { retry 4 times }
phase Open {
  on stop(x) -> goto Stopped
  after 1h {
    perform look(weigh(n)) else -> goto Late
    goto Late
  }
  initial state Waiting -> Late | Stopped { on go(x) -> goto Late }
}
final state Late failure
final state Stopped cancelled
"""


def charging(**scripts: object) -> Sim:
    """Return a sim whose run is told from the charge on."""
    return Sim(PHASE, **{"load": ["text"], "charge": ["c1"], "tell": ["t1"], **scripts})  # type: ignore[arg-type]


async def to_charging(here: Here) -> None:
    await here.reaches("Waiting")
    await here.rests()
    await here.send("next", x=1)


class TestASharedHandlerMayTakeAStateThatActs:
    def test_before_the_step(self) -> None:
        sim = charging()
        sim.tell(lambda here: here.send("cancel", reason="no"), serve=False)
        assert (sim.ending, sim.calls("load")) == (("Cancelled", {"reason": "no"}), 0)

    def test_during_a_perform_whose_answer_is_dropped(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("load") == 1)
            assert (await here.send("cancel", reason="no")).status == "taken"
            await here.wait(30)

        sim = charging(load=[after(10, "text")]).tell(story)
        assert (sim.ending, sim.states) == (("Cancelled", {"reason": "no"}), ["Loading", "Cancelled"])

    def test_during_a_perform_and_the_next_step_begins_at_once(self) -> None:
        """The worker that performs is fenced off, and its lease is over with the event."""

        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("load") == 1)
            await here.send("cancel", reason="no")
            await here.wait(1)
            assert here.sim.calls("tell") == 1

        sim = Sim(TURNED, load=[NEVER], tell=["told"]).tell(story)
        assert sim.states == ["Loading", "Telling", "Done"]

    def test_between_attempts_of_an_effect(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("load") == 2)
            await here.send("stop", why="no")
            await here.wait(30)

        sim = charging(load=[BUSY]).tell(story, drawn=0.999)
        assert (sim.ending, sim.calls("load")) == (("Cancelled", {"reason": "stopped: no"}), 2)

    def test_between_attempts_of_an_action_with_nothing_in_doubt(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 2 and here.sim.run.worker is None)
            assert (await here.send("cancel", reason="no")).status == "taken"
            await here.wait(60)

        sim = charging(charge=[BUSY]).tell(story, drawn=0.999)
        assert (sim.ending, sim.calls("charge")) == (("Cancelled", {"reason": "no"}), 2)

    def test_between_attempts_even_if_it_came_during_the_last_attempt(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 1)
            assert (await here.send("cancel", reason="no")).status == "stored"
            await here.rests()

        sim = charging(charge=[after(10, BUSY), "c1"]).tell(story, drawn=0.999)
        assert (sim.ending, sim.calls("charge")) == (("Cancelled", {"reason": "no"}), 1)

    def test_stalled(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            assert here.sim.status == "stalled"
            assert (await here.send("cancel", reason="no")).status == "taken"

        sim = charging(load=[ValueError("broken")]).tell(story)
        assert sim.ending == ("Cancelled", {"reason": "no"})

    def test_when_a_person_said_that_it_did_not_happen(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.rests()
            assert (await here.send("cancel", reason="no")).status == "stored"
            await here.resolve(False)
            await here.rests()

        sim = charging(charge=[BROKEN]).tell(story)
        assert sim.ending == ("Cancelled", {"reason": "no"})


class TestFromTheIntentToTheGotoNothingElseMovesTheRun:
    @pytest.mark.parametrize("event", ["cancel", "stop"])
    def test_an_event_during_the_call_is_stored_and_taken_on_entry_to_the_next_state(
        self, event: str
    ) -> None:
        """C12. `stop` is not declared `keep`, but the phase handles it."""

        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 1)
            sent = await here.send(event, **{"reason" if event == "cancel" else "why": "no"})
            assert sent.status == "stored"
            await here.rests()

        sim = charging(charge=[after(10, "c1")]).tell(story)
        assert (sim.state, sim.calls("charge"), sim.calls("tell")) == ("Cancelled", 1, 0)
        assert sim.states == ["Loading", "Waiting", "Charging", "Telling", "Cancelled"]

    def test_an_event_that_the_phase_does_not_handle_is_refused(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 1)
            with pytest.raises(EventRefused, match="in the middle of committing charge"):
                await here.send("next", x=2)
            await here.rests()

        assert charging(charge=[after(10, "c1")]).tell(story).state == "Done"

    def test_no_event_is_taken_while_a_doubt_is_open(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 2 and here.sim.run.worker is None)
            assert (await here.send("cancel", reason="no")).status == "stored"
            await here.rests()

        sim = charging(charge=[BROKEN, BUSY, "c1"]).tell(story, drawn=0.999)
        assert (sim.calls("charge"), sim.calls("tell"), sim.state) == (3, 0, "Cancelled")
        assert "Telling" in sim.states

    def test_no_event_or_timer_moves_the_run_while_a_person_is_asked(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.rests()
            await here.leap("2h")
            assert (here.sim.state, here.sim.status) == ("Charging", "in_doubt")
            await here.resolve(True, "c1")
            await here.rests()

        sim = charging(charge=[BROKEN]).tell(story)
        assert (sim.state, sim.states[-2:]) == ("Expired", ["Telling", "Expired"])

    def test_one_that_no_state_took_by_the_end_is_recorded_as_unhandled(self) -> None:
        async def story(here: Here) -> None:
            await here.reaches("Waiting")
            await here.send("next", x=1)
            await here.until(lambda: here.sim.calls("tell") == 1)
            await here.send("cancel", reason="no")
            await here.rests()

        sim = charging(tell=[after(10, "t1")]).tell(story)
        assert (sim.state, sim.record("unhandled")["event"]) == ("Done", "cancel")

    def test_the_phases_timer_does_not_fire_when_the_step_stalls_as_a_message_comes(self) -> None:
        """The timer becomes due during the call.

        After the call the transition to the next state cannot be computed.
        """
        text = PHASE.replace("after 1h", "after 1m").replace(
            "goto Telling(id)", 'goto Telling("{1 / (n - n)}")'
        )

        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 1)
            assert (await here.send("cancel", reason="no")).status == "stored"
            await here.rests()

        sim = Sim(text, load=["text"], charge=[after(90, "c1")]).tell(story)
        assert (sim.state, sim.status, sim.record("outcome")["outcome"]) == (
            "Charging",
            "stalled",
            {"ok": "c1"},
        )

    def test_no_event_is_taken_when_the_rest_of_the_step_stalled(self) -> None:
        text = (
            PHASE.replace("pure", "pure").replace(
                'let id = commit charge(n) else problem -> goto Cancelled("charge")\n    goto Telling(id)',
                'let id = commit charge(n) else problem -> goto Cancelled("charge")\n    goto Telling(shorten(id))',
            )
            + "pure shorten(id: str) -> str\n"
        )

        async def story(here: Here) -> None:
            await to_charging(here)
            await here.rests()
            assert (await here.send("cancel", reason="no")).status == "stored"
            await here.leap("2h")
            epoch = here.sim.run.epoch
            await here.wait(60)
            assert (here.sim.status, here.sim.run.epoch, here.sim.run.worker) == ("stalled", epoch, None)
            await here.resume()
            await here.rests()

        sim = Sim(text, load=["text"], charge=["c1"], tell=["t1"], shorten=[ValueError("x"), "c"]).tell(story)
        assert (sim.calls("charge"), sim.calls("tell"), sim.state) == (1, 0, "Cancelled")


TWO_PHASES = """
contract Two(n: int) key n version 1
event next(x: int)
phase Opening {
  after 1h -> goto Late
  initial state Asking -> Packing | Late { on next(x) -> goto Packing }
}
phase Closing {
  after 1h -> goto Late
  state Packing -> Done | Late { on next(x) -> goto Done }
}
final state Done success
final state Late failure
"""


class TestPhases:
    def test_a_states_own_handler_replaces_the_shared_one(self) -> None:
        async def story(here: Here) -> None:
            await here.reaches("Waiting")
            await here.send("stop", why="own")

        assert charging().tell(story).ending == ("Waiting", {"text": "own"})

    def test_a_phases_timer_counts_from_the_entry_into_the_phase(self) -> None:
        async def story(here: Here) -> None:
            await here.reaches("Waiting")
            for _ in range(3):
                await here.leap("19m")
                await here.send("stop", why="again")
            await here.leap("2m")
            assert here.sim.state == "Waiting"
            await here.leap("1m")
            await here.reaches("Expired")

        charging().tell(story)

    def test_a_phases_timer_does_not_count_the_time_of_an_earlier_phase(self) -> None:
        async def story(here: Here) -> None:
            await here.reaches("Asking")
            await here.leap("50m")
            await here.send("next", x=1)
            await here.leap("59m")
            assert here.sim.state == "Packing"
            await here.leap("1m")
            await here.reaches("Late")

        Sim(TWO_PHASES).tell(story)

    def test_a_phases_timer_ends_a_perform(self) -> None:
        sim = charging(load=[NEVER])
        sim.tell(lambda here: here.reaches("Expired"), call_limit_s=10_000)
        assert sim.calls("load") == 1

    def test_a_phases_timer_ends_the_pause_between_attempts(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 1 and here.sim.run.worker is None)
            here.sim.advance("1h")
            await here.reaches("Expired")

        assert charging(charge=[BUSY]).tell(story, drawn=0.999).calls("charge") == 1

    def test_a_phases_timer_ends_a_much_longer_pause(self) -> None:
        """Promise 8: between two attempts a run is looked at when its phase's timer is due."""
        slow = PHASE.replace(
            "charge(n: int) -> str fails Problem { key, retry 4 times }",
            "charge(n: int) -> str fails Problem { key, retry 4 times backoff 9h to 9h }",
        )
        sim = Sim(slow, load=["text"], charge=[BUSY], tell=["t1"])

        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 1 and here.sim.run.worker is None)
            assert {"timer": "Open after", "at": text(here.sim.run.wake_at or 0)} in here.sim.view[
                "waiting_for"
            ]
            await here.wait(3601)
            assert here.sim.state == "Expired"

        assert sim.tell(story, drawn=0.999).calls("charge") == 1

    def test_a_phases_timer_fires_only_after_an_open_commit(self) -> None:
        async def story(here: Here) -> None:
            await to_charging(here)
            await here.until(lambda: here.sim.calls("charge") == 1)
            await here.leap("1h")
            assert here.sim.state == "Charging"
            await here.reaches("Expired")

        sim = charging(charge=[after(3660, "c1")]).tell(story, call_limit_s=10_000)
        assert (sim.calls("tell"), sim.states[-2:]) == (0, ["Telling", "Expired"])

    def test_a_phases_timer_moves_a_stalled_run(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            assert here.sim.status == "stalled"
            await here.leap("1h")
            await here.reaches("Expired")

        charging(load=[ValueError("broken")]).tell(story)

    def test_a_phases_timer_fires_once_even_if_the_run_stays_in_the_phase(self) -> None:
        text = """
contract Once(n: int) key n version 1
event end(x: int)
phase Open {
  after 1h -> goto Late("timer")
  initial state Early -> Late { on end(x) -> goto Late("end") }
  state Late(why: str) -> Late | Done { on end(x) -> goto Done }
}
final state Done success
"""

        async def story(here: Here) -> None:
            await here.leap("1h")
            await here.reaches("Late")
            await here.leap("3h")
            assert here.sim.states == ["Early", "Late"]
            await here.send("end", x=1)

        assert Sim(text).tell(story).states == ["Early", "Late", "Done"]

    def test_a_phases_timer_fires_once_even_if_its_step_waits_for_an_answer(self) -> None:
        text = PHASE.replace("after 1h -> goto Expired", "after 1h { perform look(n)\n    goto Expired }")
        text = text.replace("effect load", "effect look(n: int) -> str\neffect load")

        async def story(here: Here) -> None:
            await here.reaches("Waiting")
            await here.leap("1h")
            await here.reaches("Expired")

        sim = Sim(text, load=["text"], look=[after(60, "seen")]).tell(story)
        assert (sim.calls("look"), sim.states[-2:]) == (1, ["Waiting", "Expired"])

    def test_an_event_takes_the_run_from_a_timers_step_though_another_timer_is_due(self) -> None:
        text = """
contract Both(n: int) key n version 1
event stop(x: int)
effect look(n: int) -> str
phase Open {
  on stop(x) -> goto Stopped
  after 1h { perform look(n)
    goto Late("phase") }
  initial state Waiting -> Late | Stopped { after 2h -> goto Late("own") }
}
final state Late(why: str) failure
final state Stopped cancelled
"""

        async def story(here: Here) -> None:
            await here.leap("3h")
            await here.until(lambda: here.sim.calls("look") == 1)
            await here.send("stop", x=1)

        sim = Sim(text, look=[NEVER]).rest()
        assert sim.tell(story).states == ["Waiting", "Stopped"]

    @pytest.mark.parametrize("died", [False, True], ids=["nobody was up", "its worker died"])
    def test_a_due_timer_whose_step_makes_calls_wins_over_a_later_event(self, died: bool) -> None:
        async def too_late(here: Here) -> None:
            if died:
                store, contracts = here.sim.kit.store, [here.sim.program.digest]
                assert store.claim("dead", contracts, limit=1, ttl_us=10_000_000)
                await here.wait(11)
            assert (await here.send("stop", x=1)).status == "stored"
            assert (await here.send("stop", x=2)).status == "stored"

        sim = Sim(LOOKING, weigh=[1], look=["seen"]).rest()
        sim.advance("3h")
        sim.tell(too_late, serve=False)
        sim.tell(lambda here: here.reaches("Late"))
        assert (sim.calls("look"), sim.record("transition")["cause"]) == (1, "timer Open after")
        assert sim.kinds == ["started", "transition", "unhandled", "unhandled"]

    @pytest.mark.parametrize(
        ("weight", "calls"), [(1, 1), (ValueError("broken"), 0)], ids=["rests", "stalls"]
    )
    def test_an_event_behind_the_step_of_a_timer_takes_the_run_when_the_step(
        self, weight: object, calls: int
    ) -> None:
        async def too_late(here: Here) -> None:
            assert (await here.send("stop", x=1)).status == "stored"

        sim = Sim(LOOKING, weigh=[weight], look=[BUSY]).rest()
        sim.advance("3h")
        sim.tell(too_late, serve=False)
        sim.tell(lambda here: here.reaches("Stopped"))
        assert (sim.calls("look"), sim.record("transition")["cause"]) == (calls, "event stop")

    def test_entering_the_phase_again_starts_its_timer_again(self) -> None:
        text = """
contract Anew(n: int) key n version 1
event go_on(x: int)
phase Open {
  after 1h -> goto Late
  initial state In -> Out | Late { on go_on(x) -> goto Out }
}
state Out -> In { on go_on(x) -> goto In
  after 90d -> goto In }
final state Late failure
"""

        async def story(here: Here) -> None:
            for _ in range(3):
                await here.leap("50m")
                await here.send("go_on", x=1)
            await here.leap("50m")
            await here.send("go_on", x=1)
            assert here.sim.state == "In"
            await here.leap("61m")
            await here.reaches("Late")

        Sim(text).tell(story)
