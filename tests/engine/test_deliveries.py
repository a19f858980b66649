"""Events and starts that their sender delivers under an id of its own: each is done once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.drive.errors import EventConflict, EventRefused, InputInvalid, RunEnded, StartConflict
from opord.kernel.rows import delivery_name
from opord.loading import program_of
from opord.stores.memory import MemoryStore
from opord.values.types import Key
from tests.engine.contracts import KEPT, REVIEW
from tests.engine.desk import Here, Sim
from tests.support.kit import Kit, crash_at

TALLY = """
contract Tally(n: int) key n version 1
event add(x: int)
event note(text: str) keep
effect weigh(x: int) -> int
initial state G(total: int = 0) -> G | Noted {
  on add(x) {
    let w = perform weigh(x)
    goto G(total + 100 // w)
  }
  after 1d -> goto Noted
}
state Noted -> Gone { on note(text) -> goto Gone }
final state Gone success
"""


class TestEvents:
    def test_one_delivery_is_taken_once_and_stands_in_the_journal(self) -> None:
        async def story(here: Here) -> None:
            answers = [await here.send("bid", amount=101, delivery="d1") for _ in range(3)]
            assert [one.status for one in answers] == ["taken", "repeated", "repeated"]

        sim = Sim(REVIEW).tell(story)
        assert (sim.ending, sim.record("event")["delivery"]) == (("Sold", {"amount": 101}), "d1")

    def test_it_is_known_after_the_run_has_ended_and_others_are_refused(self) -> None:
        async def story(here: Here) -> None:
            await here.send("bid", amount=101, delivery="d1")
            assert (await here.send("bid", amount=101, delivery="d1")).status == "repeated"
            for other in ("", "d2"):
                with pytest.raises(RunEnded):
                    await here.send("bid", amount=101, delivery=other)

        Sim(REVIEW).tell(story)

    def test_other_content_under_its_id_is_a_conflict(self) -> None:
        async def story(here: Here) -> None:
            await here.send("bid", amount=101, delivery="d1")
            with pytest.raises(EventConflict, match="delivery id 'd1'") as refused:
                await here.send("bid", amount=102, delivery="d1")
            assert refused.value.of_delivery

        Sim(REVIEW).tell(story)

    def test_fifty_at_once_by_two_processes_are_one(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            async with here.sim.kit.engine(serve=False) as other:
                answers = await asyncio.gather(
                    *(
                        client.send(here.sim.id, "paid", {"ref": "again", "cents": 5}, delivery="d1")
                        for client in [here.client, other.client] * 25
                    )
                )
            assert sorted(one.status for one in answers) == ["repeated"] * 49 + ["taken"]

        assert len(Sim(REVIEW).tell(story).records("event")) == 1

    def test_an_event_with_a_key_has_both(self) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("paid", ref="again", cents=5, delivery="d1")).status == "taken"
            for delivery in ("", "d1", "d2"):
                again = await here.send("paid", ref="again", cents=5, delivery=delivery)
                assert again.status == "repeated"
            with pytest.raises(EventConflict, match="delivery id"):
                await here.send("paid", ref="other", cents=5, delivery="d1")

        assert len(Sim(REVIEW).tell(story).records("event")) == 1

    def test_two_events_may_come_with_one_delivery(self) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("seen", who="a", delivery="d1")).status == "ignored"
            assert (await here.send("bid", amount=101, delivery="d1")).status == "taken"

        Sim(REVIEW).tell(story)

    def test_a_refused_delivery_is_not_remembered(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(EventRefused):
                await here.send("bid", amount=5, delivery="d1")
            assert (await here.send("bid", amount=101, delivery="d1")).status == "taken"

        Sim(REVIEW).tell(story)

    def test_a_stored_event_keeps_its_delivery_until_it_is_taken(self) -> None:
        async def story(here: Here) -> None:
            answers = [await here.send("item", name="a", delivery="d1") for _ in range(2)]
            assert [one.status for one in answers] == ["stored", "repeated"]
            await here.send("open", x=1)
            assert (await here.send("item", name="a", delivery="d1")).status == "repeated"

        sim = Sim(KEPT).tell(story)
        assert [one["delivery"] for one in sim.records("event") if one["event"] == "item"] == ["d1"]

    def test_an_event_that_was_taken_out_stays_known(self) -> None:
        async def story(here: Here) -> None:
            await here.send("note", text="a", delivery="d1")
            (waiting,) = here.sim.kit.store.inbox(here.sim.id)
            await here.client.drop_event(here.sim.id, waiting.id, actor="ops")
            assert (await here.send("note", text="a", delivery="d1")).status == "dropped"

        assert Sim(TALLY).tell(story).record("dropped")["delivery"] == "d1"

    def test_so_does_one_whose_step_has_stalled(self) -> None:
        async def story(here: Here) -> None:
            await here.send("add", x=5, delivery="d1")
            await here.until(lambda: here.sim.status == "stalled")
            event = here.sim.record("event")
            await here.client.drop_event(here.sim.id, event["id"], actor="ops")
            assert (await here.send("add", x=5, delivery="d1")).status == "dropped"

        assert Sim(TALLY, weigh=[0]).tell(story).record("dropped")["delivery"] == "d1"

    @pytest.mark.parametrize("delivery", ["x" * 501, "a\0b"])
    def test_an_id_that_cannot_be_stored_is_refused(self, delivery: str) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(InputInvalid, match="delivery"):
                await here.send("bid", amount=101, delivery=delivery)

        Sim(REVIEW).tell(story)

    def test_no_event_has_the_name_under_which_deliveries_are_kept(self) -> None:
        async def story(here: Here) -> None:
            await here.send("bid", amount=101, delivery="d1")

        sim = Sim(REVIEW).tell(story)
        assert sim.kit.store.event_key(sim.id, delivery_name("bid"), Key("d1")) is not None
        assert sim.kit.store.event_key(sim.id, "bid", Key("d1")) is None


class TestStarts:
    def test_the_delivery_that_started_a_run_finds_it_again_with_other_input(self) -> None:
        async def start(here: Here, delivery: str, **members: Any) -> bool:
            program = here.sim.program
            value = program.input.accept({"n": 1, **members})
            return (await here.client.start(program, value, delivery=delivery)).created

        async def story(here: Here) -> None:
            assert await start(here, "d1", text="a")
            assert not await start(here, "d1", text="b")
            assert not await start(here, "d1", text=""), "also with one that the contract refuses"
            for other in ("d2", ""):
                with pytest.raises(StartConflict):
                    await start(here, other, text="b")
            assert not await start(here, "d2", text="a")
            here.sim.id = "Noted/1"

        text = 'contract Noted(n: int, text: str) key n version 1\nrequire text != "" else "no text"\nevent go()\n'
        text += "initial state Waiting -> Gone { on go() -> goto Gone }\nfinal state Gone success\n"
        sim = Sim(text).tell(story, started=True)
        assert sim.record("started")["delivery"] == "d1"


COUNTER = """
contract Counter(n: int) key n version 1
event add(x: int)
event note(text: str) keep
initial state Counting(total: int = 0) -> Counting | Noted {
  on add(x) -> goto Counting(total + x)
  after 1d -> goto Noted(total)
}
state Noted(total: int) -> Gone { on note(text) -> goto Gone(total) }
final state Gone(total: int) success
"""


async def _deliver(kit: Kit, engine: Engine) -> None:
    """Deliver a start and three events, each under its id."""
    program = program_of(kit.workflow)
    await engine.client.start(program, program.input.accept({"n": 1}), delivery="d0")
    for delivery, event, members in (
        ("d1", "add", {"x": 1}),
        ("d2", "add", {"x": 10}),
        ("d3", "note", {"text": "-"}),
    ):
        await engine.client.send("Counter/1", event, members, delivery=delivery)


class TestCrashes:
    def test_a_sender_that_repeats_what_got_no_answer_loses_and_repeats_nothing(self) -> None:
        """Processes die at every point of the story; then all of it is delivered again."""
        at, died = 1, []
        while True:
            kit = Kit(COUNTER, lambda module: object)
            kit.store = MemoryStore(kit.clock.now)

            async def main(kit: Kit = kit, at: int = at) -> str | None:
                point = await crash_at(kit, at, lambda engine: _deliver(kit, engine))
                async with kit.engine() as engine:
                    await _deliver(kit, engine)
                return point

            point = kit.run(main())
            kit.check()
            done = [one["delivery"] for one in kit.records("Counter/1") if "delivery" in one]
            assert done == ["d0", "d1", "d2"]
            moves = [one for one in kit.records("Counter/1") if one["kind"] == "transition"]
            assert [one["data"]["total"] for one in moves] == [1, 11]
            assert len(kit.store.inbox("Counter/1")) == 1
            if point is None:
                break
            died.append(point)
            at += 1
        assert {"before start", "start written", "before event", "event written"} <= set(died)
