"""Events whose step or condition cannot be computed: a sender learns of it, and the run goes on."""

from __future__ import annotations

import pytest

from opord.drive.errors import EventRefused, EventWouldStall
from opord.kernel import bounds
from tests.engine.desk import Here, Sim

TALLY = """
contract Tally(n: int, opens: datetime) key n version 1
event add(x: int)
event slow(x: int)
event pay(x: int)
event look(x: int)
event late(x: int)
event wide(text: str)
event until(d: duration)
event some(x: int) key x keep
pure twice(x: int) -> int
effect load(x: int) -> int
action charge(x: int, key: str) { key key, in doubt ask }
initial state Open(total: int = 0) -> Open | Timed | Wide | Done {
  on add(x) -> goto Open(total + x)
  on slow(x) { let y = twice(100 // x)
    goto Open(total + y) }
  on look(x) { let y = perform load(100 // x)
    goto Open(total + y) }
  on pay(x) { commit charge(x, if x > 0 then "k{x}" else "")
    goto Done(total) }
  on late(x) { let y = perform load(x)
    goto Open(total + 100 // x) }
  on wide(text) -> goto Wide(text + text)
  on until(d) -> goto Timed(opens + d)
  on some(x) -> goto Open(100 // x)
  after 30d -> goto Done(total)
}
state Timed(d: datetime) -> Done { at d + 1d -> goto Done(1) }
state Wide(text: str) -> Done { after 1d -> goto Done(len(text)) }
final state Done(total: int) success
"""

INPUT = {"n": 1, "opens": "2026-12-01T00:00:00Z"}
MOST = 2**63 - 1


def line_of(text: str, part: str) -> int:
    """Return the number of the line of a contract that has this part."""
    (number,) = [number for number, line in enumerate(text.split("\n"), 1) if part in line]
    return number


def line_in(refused: EventWouldStall) -> int | None:
    return None if refused.place is None else int(refused.place.rpartition(":")[2])


def tally(**scripts: list[object]) -> Sim:
    return Sim(TALLY, input=INPUT, **scripts)


class TestAStepThatCanOnlyStall:
    @pytest.mark.parametrize(
        ("event", "x", "why", "line"),
        [
            ("add", MOST, "the integer leaves the 64-bit range", "goto Open(total + x)"),
            ("slow", 0, "division by zero", "twice(100 // x)"),
            ("look", 0, "division by zero", "load(100 // x)"),
            ("pay", 0, "the key of charge must have 1 to 500 characters", None),
        ],
    )
    def test_the_event_is_refused_with_the_place_and_changes_nothing(
        self, event: str, x: int, why: str, line: str | None
    ) -> None:
        async def story(here: Here) -> None:
            await here.send("add", x=1)
            await here.rests()
            before = here.sim.kit.row(here.sim.id)
            with pytest.raises(EventWouldStall) as refused:
                await here.send(event, x=x)
            assert here.sim.kit.row(here.sim.id) == before
            assert why in refused.value.problem
            assert line_in(refused.value) == (line and line_of(TALLY, line))
            assert refused.value.code == "event_would_stall"
            await here.send("add", x=2)

        sim = tally().tell(story)
        assert (sim.state, sim.status, sim.run.data) == ("Open", "waiting", {"total": 3})
        assert sim.kinds == ["started", "event", "transition", "event", "transition"]

    def test_a_timer_of_the_target_that_cannot_be_computed_counts(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(EventWouldStall, match="leaves the range of its type") as refused:
                await here.send("until", d="2912108d")
            assert line_in(refused.value) == line_of(TALLY, "at d + 1d")

        assert tally().tell(story).kinds == ["started"]

    def test_data_that_no_state_can_carry_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounds, "STEP_BYTES", 1000)

        async def story(here: Here) -> None:
            with pytest.raises(EventWouldStall, match="what Wide carries has 1,011 bytes"):
                await here.send("wide", text="x" * 500)

        assert tally().tell(story).kinds == ["started"]

    def test_an_action_called_with_too_much_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounds, "STEP_BYTES", 20)

        async def story(here: Here) -> None:
            with pytest.raises(EventWouldStall, match="what charge is called with has 22 bytes"):
                await here.send("pay", x=100)

        assert tally().tell(story).kinds == ["started"]

    def test_the_key_of_a_refused_event_is_not_spent(self) -> None:
        async def story(here: Here) -> None:
            for _ in range(2):
                with pytest.raises(EventWouldStall):
                    await here.send("some", x=0)

        sim = tally().tell(story)
        assert (sim.kinds, sim.kit.store.event_key(sim.id, "some", "0")) == (["started"], None)

    def test_what_goes_wrong_only_after_a_call_stalls_the_run(self) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("late", x=0)).status == "taken"
            await here.rests()

        sim = tally(load=[1]).tell(story)
        assert (sim.status, sim.calls("load")) == ("stalled", 1)


ROUTED = """
contract Routed(n: int, opens: datetime) key n version 1
event pay(x: int)
event route(x: int)
event until(d: duration, asks: bool)
event weigh(x: int)
event kept(x: int) keep
effect load(x: int) -> int
action charge(x: int) { in doubt ask }
initial state Open -> Paying | Route | Timed | Kept {
  on pay(x) -> goto Paying(x)
  on route(x) -> goto Route(x)
  on until(d, asks) {
    if asks { let y = perform load(1)
      goto Paying(y) }
    goto Timed(opens + d) }
  on weigh(x) { let y = perform load(x)
    goto Paying(y) }
  after 1d -> goto Kept
}
state Kept -> Paying | Done {
  on kept(x) -> goto Paying(x)
  after 1d -> goto Done(1)
}
state Route(x: int) -> Paying | Timed {
  if x > 5 { goto Timed(opens) }
  goto Paying(x)
}
state Paying(x: int) -> Done {
  commit charge(100 // x)
  goto Done(x)
}
state Timed(d: datetime) -> Done { at d + 1d -> goto Done(1) }
final state Done(total: int) success
"""


def routed(**scripts: list[object]) -> Sim:
    return Sim(ROUTED, input=INPUT, **scripts)


class TestAnEventThatLeadsToAStateThatCanOnlyStall:
    """The event could not be taken out of the run any more once the run is in that state."""

    @pytest.mark.parametrize("event", ["pay", "route"])
    def test_it_is_refused_with_the_place_and_changes_nothing(self, event: str) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            with pytest.raises(EventWouldStall, match="division by zero") as refused:
                await here.send(event, x=0)
            assert line_in(refused.value) == line_of(ROUTED, "commit charge(100 // x)")
            assert (await here.send(event, x=4)).status == "taken"
            await here.reaches("Done")

        sim = routed().tell(story)
        assert (sim.calls("charge"), sim.ending) == (1, ("Done", {"total": 4}))

    def test_an_event_whose_handler_calls_only_sometimes_is_refused_as_well(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(EventWouldStall, match="leaves the range of its type"):
                await here.send("until", d="2912108d", asks=False)

        assert routed().tell(story).kinds == ["started"]

    def test_after_a_call_the_run_stalls_before_it_leaves_so_the_event_can_be_dropped(self) -> None:
        async def story(here: Here) -> None:
            await here.send("weigh", x=1)
            await here.until(lambda: here.sim.status == "stalled")
            assert here.sim.state == "Open"
            await here.client.drop_event(here.sim.id, here.sim.records("event")[-1]["id"], actor="ops")
            await here.send("pay", x=4)
            await here.reaches("Done")

        assert routed(load=[0]).tell(story).ending == ("Done", {"total": 4})

    def test_a_kept_event_stalls_the_run_before_it_leaves_so_it_can_be_dropped(self) -> None:
        async def story(here: Here) -> None:
            await here.send("kept", x=0)
            await here.leap("25h")
            await here.until(lambda: here.sim.status == "stalled")
            assert here.sim.state == "Kept"
            await here.client.drop_event(here.sim.id, here.sim.records("event")[-1]["id"], actor="ops")
            await here.leap("25h")
            await here.reaches("Done")

        assert routed().tell(story).ending == ("Done", {"total": 1})


GUARDED = """
contract Guarded(n: int) key n version 1
event add(x: int)
event some(x: int) keep
event two(x: int)
event move()
effect slow() -> int
phase Open {
  on some(x) if 100 // x > 10 -> goto Done(x)
  on cancel(reason) -> goto Done(0)
  initial state First(total: int = 0) -> First | Work | Done {
    on add(x) if total + x < 1000 -> goto First(total + x)
    on two(x) if 100 // x > 10 -> goto First(total + 1)
    on two(x) -> goto First(total + 2)
    on move() -> goto Work
  }
  state Work -> Rest | Done {
    let x = perform slow()
    goto Rest
  }
  state Rest -> Done {
    after 1h -> goto Done(100)
  }
}
final state Done(total: int) success
"""


class TestAConditionThatCannotBeComputed:
    def test_the_event_is_refused_with_the_place(self) -> None:
        async def story(here: Here) -> None:
            await here.send("add", x=1)
            with pytest.raises(EventRefused) as refused:
                await here.send("add", x=MOST)
            line = line_of(GUARDED, "if total + x < 1000")
            assert "and its condition for 'add' cannot be computed with these values: Overflow" in str(
                refused.value
            )
            assert f".opord:{line})" in str(refused.value)
            assert refused.value.code == "event_refused"

        sim = Sim(GUARDED).tell(story)
        assert (sim.kinds, sim.status) == (["started", "event", "transition"], "waiting")

    def test_another_handler_of_the_event_takes_it(self) -> None:
        async def story(here: Here) -> None:
            await here.send("two", x=0)
            assert here.sim.run.data == {"total": 2}

        Sim(GUARDED).tell(story)

    def test_a_kept_event_is_stored_and_the_run_goes_on_waiting(self) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("some", x=0)).status == "stored"
            await here.send("add", x=1)
            await here.send("move")
            await here.reaches("Rest")
            assert here.sim.status == "waiting"
            await here.leap("2h")

        sim = Sim(GUARDED, slow=[1]).tell(story)
        assert sim.ending == ("Done", {"total": 100})
        assert sim.record("unhandled")["args"] == {"x": 0}

    def test_other_kept_events_and_those_of_the_phase_are_taken(self) -> None:
        async def story(here: Here) -> None:
            await here.send("some", x=0)
            await here.send("some", x=50)  # 100 // 50 is too little
            await here.send("some", x=5)

        sim = Sim(GUARDED).tell(story)
        assert sim.ending == ("Done", {"total": 5})
        assert [one["args"]["x"] for one in sim.records("unhandled")] == [0, 50]

    def test_a_shared_handler_does_not_stop_a_state_that_acts(self) -> None:
        async def story(here: Here) -> None:
            await here.send("move")
            await here.until(lambda: here.sim.calls("slow") == 1)
            assert (await here.send("some", x=0)).status == "stored"
            await here.reaches("Rest")
            await here.send("cancel", reason="enough")

        sim = Sim(GUARDED, slow=[1]).tell(story)
        assert sim.ending == ("Done", {"total": 0})
        assert "stalled" not in sim.kinds
