"""Events that a person takes out of a run: what the run does then, and what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.drive.errors import (
    CommitOpen,
    EventConflict,
    EventGone,
    EventIdUnknown,
    EventRefused,
    InputInvalid,
    Refused,
    RunBusy,
    RunEnded,
)
from opord.stores.base import Write
from opord.stores.memory import MemoryStore
from opord.values.types import Instant
from tests.engine.desk import NEVER, Here, Sim, fails
from tests.support.kit import Kit, crash_at
from tests.support.stores import overwrite_body

TALLY = """
contract Tally(n: int) key n version 1
failure Problem { Busy transient }
event add(x: int) key x
event pay(x: int)
event note(text: str) keep
event move()
event seen()
effect weigh(x: int) -> int fails Problem { retry 3 times }
action charge(x: int) { key x, in doubt ask }
action tell(x: int) { key, in doubt ask }
phase Open {
  on cancel(reason) {
    let w = perform weigh(0) else { Busy -> goto Done(0) }
    goto Done(100 // w)
  }
  after 2d {
    let w = perform weigh(1) else { Busy -> goto Done(1) }
    goto Done(100 // w)
  }
  initial state G(total: int = 0) -> G | Work | Noted | Done {
    on add(x) {
      let w = perform weigh(x) else { Busy -> goto G(total) }
      goto G(total + 100 // w)
    }
    on pay(x) {
      commit charge(x)
      goto G(100 // (x - 5))
    }
    on move() -> goto Work
    on seen ignore
    after 1d -> goto Noted
  }
  state Work -> Noted | Done {
    let w = perform weigh(2) else { Busy -> goto Noted }
    goto Noted
  }
  state Noted -> Done {
    on note(text) -> goto Done(len(text))
  }
}
final state Done(total: int) success
"""


def taken(sim: Sim) -> str:
    """Return the id of the event that was taken last."""
    return str(sim.records("event")[-1]["id"])


def stored(sim: Sim) -> str:
    """Return the id of the event that waits."""
    (row,) = sim.kit.store.inbox(sim.id)
    return row.id


async def drop(here: Here, event_id: str, **options: Any) -> None:
    await here.client.drop_event(here.sim.id, event_id, actor="ops", reason="sent by mistake", **options)


async def stall(here: Here, x: int = 0) -> str:
    """Send an event whose step stalls after its effect has answered, and return its id."""
    await here.send("add", x=x)
    await here.until(lambda: here.sim.status == "stalled")
    return taken(here.sim)


class TestAnEventOfAStalledStep:
    def test_the_run_waits_again_with_its_timers_and_takes_other_events(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            before = here.sim.run
            event = await stall(here)
            await here.leap("3h")
            await drop(here, event)
            after = here.sim.run
            assert (after.state, after.status, after.reason) == ("G", "waiting", None)
            assert (after.body.timers, after.wake_at) == (before.body.timers, before.wake_at)
            assert (after.data, after.since) == (before.data, before.since)
            await here.send("add", x=50)
            await here.until(lambda: here.sim.run.data == {"total": 2})
            await here.leap("1d")
            await here.reaches("Noted")

        sim = Sim(TALLY, weigh=[0, 50]).tell(story)
        dropped = sim.record("dropped")
        event = sim.records("event")[0]
        assert (dropped["event"], dropped["id"], dropped["of"]) == ("add", event["id"], event["seq"])
        assert (dropped["actor"], dropped["reason"], dropped["key"]) == ("ops", "sent by mistake", "0")
        assert sim.kinds.count("stalled") == 1

    def test_a_timer_that_was_due_meanwhile_fires_at_once(self) -> None:
        async def story(here: Here) -> None:
            event = await stall(here)
            await here.leap("30h")
            assert here.sim.status == "stalled"
            await drop(here, event)

        assert Sim(TALLY, weigh=[0]).tell(story).state == "Noted"

    def test_a_stored_event_that_fits_is_taken_then(self) -> None:
        text = TALLY.replace("on seen ignore", "on note(text) -> goto Done(len(text))")

        async def story(here: Here) -> None:
            event = await stall(here)
            await here.send("note", text="four")
            await drop(here, event)

        assert Sim(text, weigh=[0]).tell(story).ending == ("Done", {"total": 4})

    def test_attempts_on_record_of_its_step_go_with_it(self) -> None:
        async def story(here: Here) -> None:
            event = await stall(here)
            assert here.sim.kinds.count("attempt") == 3
            await drop(here, event)
            assert here.sim.run.body.pending is None
            await here.send("add", x=1)
            await here.until(lambda: here.sim.run.data == {"total": 100})

        Sim(TALLY, weigh=[*[ValueError("no")] * 4, 1]).tell(story)

    def test_a_state_that_acts_begins_its_body_again(self) -> None:
        async def story(here: Here) -> None:
            await here.send("move")
            await here.until(lambda: here.sim.calls("weigh") == 1)
            await here.send("cancel", reason="late")
            await here.until(lambda: here.sim.status == "stalled")
            await drop(here, taken(here.sim))
            await here.reaches("Noted")

        sim = Sim(TALLY, weigh=[NEVER, 0, 7]).tell(story)
        assert (sim.status, [made.args for made in sim.made("weigh")]) == ("waiting", [(2,), (0,), (2,)])

    def test_a_timer_whose_step_the_event_took_over_fires_again(self) -> None:
        text = TALLY.replace("after 1d -> goto Noted", "after 9d -> goto Noted")

        async def story(here: Here) -> None:
            await here.leap("49h")
            await here.until(lambda: here.sim.status == "stalled")
            await here.send("cancel", reason="late")
            await here.until(lambda: here.sim.kinds.count("stalled") == 2)
            await drop(here, taken(here.sim))
            await here.reaches("Done")

        sim = Sim(text, weigh=[0, 0, 10]).tell(story)
        assert (sim.ending, [made.args for made in sim.made("weigh")]) == (
            ("Done", {"total": 10}),
            [(1,), (0,), (1,)],
        )

    def test_a_row_of_an_older_version_does_not_say_which_event_it_is(self) -> None:
        async def story(here: Here) -> None:
            event = await stall(here)
            row = here.sim.kit.row(here.sim.id)
            body = json.loads(row.head.body)
            for member in ("id", "key", "seq"):
                del body["pending"]["cause"][member]
            text = json.dumps(body, separators=(",", ":"), sort_keys=True)
            overwrite_body(here.sim.kit.store, here.sim.id, text)
            here.sim.kit.check()
            with pytest.raises(EventIdUnknown):
                await drop(here, "another")
            await drop(here, event)

        sim = Sim(TALLY, weigh=[0]).tell(story)
        assert (sim.status, sim.record("dropped")["key"], sim.run.body.dropped) == (
            "waiting",
            "0",
            [("add", "0")],
        )


class TestAStoredEvent:
    def test_no_state_takes_it(self) -> None:
        async def story(here: Here) -> None:
            await here.send("note", text="wrong", actor="ann")
            await drop(here, stored(here.sim))
            await here.leap("1d")
            await here.reaches("Noted")
            await here.send("note", text="right!")

        sim = Sim(TALLY).tell(story)
        assert sim.ending == ("Done", {"total": 6})
        record = sim.record("dropped")
        assert (record["event"], record["args"], record["sender"]) == ("note", {"text": "wrong"}, "ann")
        assert "of" not in record

    def test_it_leaves_a_stalled_run_as_it_is(self) -> None:
        async def story(here: Here) -> None:
            await stall(here)
            await here.send("note", text="wrong")
            head = here.sim.kit.row(here.sim.id).head
            await drop(here, stored(here.sim))
            assert here.sim.kit.row(here.sim.id).head == head

        assert Sim(TALLY, weigh=[0]).tell(story).status == "stalled"

    def test_it_leaves_a_run_in_doubt_as_it_is(self) -> None:
        async def story(here: Here) -> None:
            await here.send("pay", x=1)
            await here.until(lambda: here.sim.status == "in_doubt" and here.sim.rests)
            await here.send("note", text="wrong")
            await drop(here, stored(here.sim))
            await here.resolve(True)
            await here.rests()

        assert Sim(TALLY, charge=[ConnectionError("reset")]).tell(story).run.data == {"total": -25}

    def test_a_large_payload_is_kept_with_its_record_alone(self) -> None:
        async def story(here: Here) -> None:
            await here.send("note", text="x" * 10_000)
            await drop(here, stored(here.sim))
            await here.leap("1d")

        sim = Sim(TALLY).tell(story)
        assert sim.kit.store.inbox(sim.id) == []
        assert list(sim.record("dropped")["values"]) == ["args.text"]
        assert "values" not in json.loads(sim.kit.row(sim.id).head.body)


class TestItsKey:
    def test_stays_spent_and_the_same_event_is_answered_as_dropped(self) -> None:
        async def story(here: Here) -> None:
            await drop(here, await stall(here))
            assert (await here.send("add", x=0)).status == "dropped"
            await here.send("add", x=50)
            assert (await here.send("add", x=50)).status == "repeated"

        sim = Sim(TALLY, weigh=[0, 50]).tell(story)
        assert sim.kinds.count("event") == 2

    def test_with_other_content_it_is_a_conflict(self) -> None:
        text = TALLY.replace("event add(x: int) key x", 'event add(x: int) key "all"')

        async def story(here: Here) -> None:
            await drop(here, await stall(here))
            with pytest.raises(EventConflict):
                await here.send("add", x=1)

        Sim(text, weigh=[0]).tell(story)


class TestRefusals:
    async def refused(self, here: Here, event_id: str, error: type[Refused], words: str) -> None:
        """Let a drop be refused, also as a dry run; nothing may change."""
        before = here.sim.kit.store.kept(here.sim.id)
        for dry_run in (True, False):
            with pytest.raises(error, match=words):
                await drop(here, event_id, dry_run=dry_run)
        assert here.sim.kit.store.kept(here.sim.id) == before

    def test_an_unknown_id(self) -> None:
        async def story(here: Here) -> None:
            await here.send("note", text="x")
            await self.refused(here, "nothing", EventIdUnknown, "no event with the id 'nothing'")
            await self.refused(here, "", InputInvalid, "it is empty")

        Sim(TALLY).tell(story)

    def test_an_event_whose_step_went_on(self) -> None:
        async def story(here: Here) -> None:
            await here.send("move")
            await self.refused(here, taken(here.sim), RunBusy, "worker w1 holds it now")
            await here.reaches("Noted")
            await self.refused(here, taken(here.sim), EventGone, "was taken, and its step has gone on")

        with pytest.raises(EventGone):
            Sim(TALLY, weigh=[1]).tell(story)

    def test_an_event_that_was_dropped_or_only_recorded(self) -> None:
        async def story(here: Here) -> None:
            await here.send("seen")
            seen = str(here.sim.record("ignored")["id"])
            await self.refused(here, seen, EventGone, "was recorded and moved nothing")
            event = await stall(here)
            await drop(here, event)
            await self.refused(here, event, EventGone, "was dropped before")

        Sim(TALLY, weigh=[0]).tell(story)

    def test_a_step_with_an_open_commit(self) -> None:
        async def story(here: Here) -> None:
            await here.send("pay", x=5)
            await here.until(lambda: here.sim.status == "stalled")
            await self.refused(
                here, taken(here.sim), CommitOpen, "has called charge, which may have taken effect"
            )

        sim = Sim(TALLY, charge=[None]).tell(story)
        assert (sim.status, sim.calls("charge")) == ("stalled", 1)

    def test_a_run_that_a_worker_holds(self) -> None:
        async def story(here: Here) -> None:
            await here.send("note", text="x")
            await here.send("add", x=1)
            await here.until(lambda: here.sim.calls("weigh") == 1)
            await self.refused(here, taken(here.sim), RunBusy, "worker w1 holds it now")
            await self.refused(here, stored(here.sim), RunBusy, "worker w1 holds it now")
            row = here.sim.kit.row(here.sim.id)
            over = row.head.replace(wake_at=Instant(1))
            here.sim.kit.store.apply([Write(row.run, row.epoch, row.seq, None, row.epoch, head=over)])
            await self.refused(here, stored(here.sim), RunBusy, "worker w1 held it, and its lease is over")

        Sim(TALLY, weigh=[NEVER]).tell(story)

    def test_a_step_that_waits_for_its_next_attempt(self) -> None:
        async def story(here: Here) -> None:
            await here.send("add", x=1)
            await here.until(lambda: here.sim.status == "waiting" and here.sim.kinds[-1] == "attempt")
            await self.refused(here, taken(here.sim), RunBusy, "its step for 'add' is under way")

        Sim(TALLY, weigh=[fails("Problem.Busy")]).tell(story, drawn=0.9)

    def test_a_run_that_ended(self) -> None:
        async def story(here: Here) -> None:
            await here.send("note", text="x")
            event = stored(here.sim)
            await here.leap("1d")
            await here.reaches("Done")
            await self.refused(here, event, RunEnded, "has ended in Done")

        Sim(TALLY).tell(story)

    def test_nobody_who_acts(self) -> None:
        async def story(here: Here) -> None:
            await here.send("note", text="x")
            with pytest.raises(InputInvalid, match="the actor's name is empty"):
                await here.client.drop_event(here.sim.id, stored(here.sim), actor=" ")

        Sim(TALLY).tell(story)


def test_a_dry_run_changes_nothing() -> None:
    async def story(here: Here) -> None:
        event = await stall(here)
        await here.send("note", text="x")
        before = here.sim.kit.store.kept(here.sim.id)
        await drop(here, event, dry_run=True)
        await drop(here, stored(here.sim), dry_run=True)
        assert here.sim.kit.store.kept(here.sim.id) == before

    Sim(TALLY, weigh=[0]).tell(story)


class TestAStalledRunSaysSo:
    def test_to_a_sender_whose_event_waits_for_it(self) -> None:
        async def story(here: Here) -> None:
            event = await stall(here)
            with pytest.raises(EventRefused) as refused:
                await here.send("add", x=1)
            said = str(refused.value)
            assert (
                "is stalled in G and takes 'add' only when it goes on: DivisionByZero: division by zero"
                in said
            )
            assert f"mend it, then `opord runs resume {here.sim.id}`" in said
            assert (
                f"`opord runs drop-event {here.sim.id} {event} --reason …` to take out the 'add' that stalled it"
                in said
            )
            assert said.endswith("it handles cancel")

        Sim(TALLY, weigh=[0]).tell(story)

    def test_to_a_sender_whose_event_it_does_not_handle(self) -> None:
        text = TALLY.replace("event note(text: str) keep", "event note(text: str)")

        async def story(here: Here) -> None:
            await stall(here)
            with pytest.raises(
                EventRefused, match="is stalled in G and does not handle 'note': DivisionByZero"
            ):
                await here.send("note", text="x")

        Sim(text, weigh=[0]).tell(story)

    def test_in_a_commit_no_drop_is_offered(self) -> None:
        async def story(here: Here) -> None:
            await here.send("pay", x=5)
            await here.until(lambda: here.sim.status == "stalled")
            with pytest.raises(EventRefused) as refused:
                await here.send("add", x=1)
            said = str(refused.value)
            assert "is stalled in G, in the middle of committing charge" in said
            assert "drop-event" not in said
            assert [one["verb"] for one in here.sim.view["waiting_for"] if "verb" in one] == ["resume"]

        Sim(TALLY, charge=[None]).tell(story)

    def test_in_what_it_waits_for(self) -> None:
        async def story(here: Here) -> None:
            event = await stall(here)
            waits = here.sim.view["waiting_for"]
            assert {"person": "operator", "verb": "drop_event", "dropping": "add", "id": event} in waits

        Sim(TALLY, weigh=[0]).tell(story)


class TestCrashes:
    def test_at_any_point_lose_nothing(self) -> None:
        """Engines die at every point of a story in which an event is dropped."""
        at, died = 1, []
        while True:
            kit = Kit(TALLY, lambda module: Weighs())
            kit.store = MemoryStore(kit.clock.now)

            async def main(kit: Kit = kit, at: int = at) -> str | None:
                point = await crash_at(kit, at, lambda engine: _story(kit, engine))
                async with kit.engine() as engine:
                    await _story(kit, engine)
                return point

            point = kit.run(main())
            kit.check()
            assert kit.row("Tally/1").head.state == "Done"
            assert kit.kinds("Tally/1").count("dropped") == 2
            assert [one for one in kit.records("Tally/1") if one["kind"] == "transition"][-1]["data"] == {
                "total": 6
            }
            if point is None:
                break
            died.append(point)
            at += 1
        assert {"before event", "event written", "step begins"} <= set(died)


class Weighs:
    """Weighs everything as it says."""

    async def weigh(self, x: int) -> int:
        return x

    async def charge(self, x: int, *, call: Any) -> None:
        raise AssertionError("nothing is charged")

    async def tell(self, x: int, *, call: Any) -> None:
        raise AssertionError("nothing is told")


async def _story(kit: Kit, engine: Engine) -> None:
    """Drop what stalls the run and a stored note, as a person who asks again after a crash."""
    client = engine.client
    await engine.start(kit.workflow, n=1)
    run = "Tally/1"
    if "dropped" not in kit.kinds(run):
        await client.send(run, "add", {"x": 0})
        await kit.until(lambda: kit.row(run).head.status in ("stalled", "waiting"), seconds=100)
        for record in kit.records(run):
            if record["kind"] == "event" and "dropped" not in kit.kinds(run):
                await client.drop_event(run, record["id"], actor="ops")
    if kit.kinds(run).count("dropped") < 2:
        if not kit.store.inbox(run):
            await client.send(run, "note", {"text": "wrong"})
        (row,) = kit.store.inbox(run)
        await client.drop_event(run, row.id, actor="ops")
    if kit.row(run).head.state == "G":
        day_us = kit.row(run).started_at + 86_401 * 1_000_000
        kit.clock.advance(max(day_us - kit.clock.now_us, 0) / 1e6)
        await asyncio.sleep(1)
        await kit.until(lambda: kit.row(run).head.state == "Noted", seconds=100)
    if kit.row(run).head.state == "Noted":
        await client.send(run, "note", {"text": "right!"})
