"""Events: who may send which, when a state takes one, what happens to the others; none is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opord.drive.errors import (
    EventConflict,
    EventRefused,
    InputInvalid,
    RoleRequired,
    RunEnded,
    RunUnknown,
    UnknownEvent,
)
from tests.engine.contracts import KEPT, REVIEW
from tests.engine.desk import Here, Sim, after


class TestRoles:
    @pytest.mark.parametrize("role", ["manager", "clerk"])
    def test_a_sender_with_one_of_the_roles_may_send(self, role: str) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("approve", note="ok", role=role)).status == "taken"
            await here.reaches("Packed")

        Sim(REVIEW, look=["text"]).tell(story)

    @pytest.mark.parametrize("role", [None, "clerk", "Manager", ""])
    def test_a_sender_without_a_role_is_refused_and_changes_nothing(self, role: str | None) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            with pytest.raises(RoleRequired, match="manager"):
                await here.send("reject", reason="no", role=role)

        sim = Sim(REVIEW).tell(story)
        assert (sim.state, sim.kinds) == ("Waiting", ["started"])

    def test_an_event_without_roles_is_open_to_all(self) -> None:
        sim = Sim(REVIEW).tell(lambda here: here.send("bid", amount=101))
        assert sim.ending == ("Sold", {"amount": 101})

    def test_the_actor_is_in_scope_in_the_handler_and_on_record(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", actor="bob", role="clerk")
            await here.reaches("Packed")

        sim = Sim(REVIEW, look=["text"]).tell(story)
        assert sim.ending == ("Packed", {"note": "ok by bob: text"})
        event = sim.record("event")
        assert (event["actor"], event["role"], event["args"]) == ("bob", "clerk", {"note": "ok"})


class TestWithoutKeep:
    def test_the_current_state_takes_an_event_that_it_handles(self) -> None:
        async def story(here: Here) -> None:
            sent = await here.send("reject", reason="no", role="manager")
            assert (sent.status, sent.state) == ("taken", "Rejected")

        assert Sim(REVIEW).tell(story).ending == ("Rejected", {"reason": "no"})

    def test_an_unhandled_event_is_refused_with_the_list_of_handled_ones(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", role="clerk")
            await here.reaches("Packed")
            with pytest.raises(EventRefused) as refused:
                await here.send("bid", amount=500)
            assert refused.value.handled == ("parcel",)
            assert "is in Packed, which does not handle 'bid'; it handles parcel" in str(refused.value)

        sim = Sim(REVIEW, look=["text"]).tell(story)
        assert sim.states == ["Waiting", "Approved", "Packed"]

    def test_a_guard_that_does_not_hold_refuses_it(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(EventRefused, match="condition"):
                await here.send("bid", amount=100)
            await here.send("bid", amount=101)

        assert Sim(REVIEW).tell(story).ending == ("Sold", {"amount": 101})

    def test_a_guard_sees_the_instant_at_which_the_event_comes(self) -> None:
        text = REVIEW.replace("n: int)", "n: int, opens: datetime)", 1)
        text = text.replace("if amount > 100", "if now >= opens")

        async def story(here: Here) -> None:
            await here.leap("59m")
            with pytest.raises(EventRefused, match="condition"):
                await here.send("bid", amount=1)
            await here.leap("1m")
            await here.send("bid", amount=2)

        sim = Sim(text, input={"n": 1, "opens": "2026-02-25T07:13:20Z"}).tell(story)
        assert sim.ending == ("Sold", {"amount": 2})

    def test_an_undeclared_event_is_refused(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(UnknownEvent, match="bid"):
                await here.send("bidd", amount=1)
            with pytest.raises(RunUnknown):
                await here.client.send("Review/9", "bid", {"amount": 1})

        Sim(REVIEW).tell(story)

    @pytest.mark.parametrize(
        "wrong", [{}, {"amount": "1"}, {"amount": 1.5}, {"amount": 2**63}, {"amount": 1, "more": 2}]
    )
    def test_content_that_does_not_fit_its_type_is_refused(self, wrong: dict[str, Any]) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(InputInvalid):
                await here.client.send(here.sim.id, "bid", wrong)

        assert Sim(REVIEW).tell(story).state == "Waiting"

    def test_an_ended_run_takes_nothing(self) -> None:
        async def story(here: Here) -> None:
            await here.send("bid", amount=101)
            for event, members in (("bid", {"amount": 102}), ("parcel", {"number": "p"})):
                with pytest.raises(RunEnded, match=r"Sold \(success\)"):
                    await here.client.send(here.sim.id, event, members)

        assert Sim(REVIEW).tell(story).kinds == ["started", "event", "transition"]

    def test_ignore_records_it_and_changes_nothing(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            before = here.sim.kit.row(here.sim.id).head
            sent = await here.send("seen", who="bob")
            assert (sent.status, here.sim.kit.row(here.sim.id).head) == ("ignored", before)

        sim = Sim(REVIEW).tell(story)
        assert sim.record("ignored")["args"] == {"who": "bob"}

    def test_two_handlers_of_one_event_are_tried_in_order(self) -> None:
        async def story(here: Here) -> None:
            await here.send("paid", ref="again", cents=1)
            assert here.sim.states == ["Waiting", "Waiting"]
            await here.send("paid", ref="r1", cents=1)

        assert Sim(REVIEW).tell(story).ending == ("Paid", {"ref": "r1"})


class TestTwoSenders:
    def test_the_first_event_that_a_waiting_state_accepts_wins(self) -> None:
        """C19: approve and reject at the same instant."""

        async def story(here: Here) -> None:
            await here.rests()
            answers = await asyncio.gather(
                here.send("approve", note="ok", actor="ann", role="manager"),
                here.send("reject", reason="no", actor="bob", role="manager"),
                here.send("bid", amount=200),
                return_exceptions=True,
            )
            won = [one for one in answers if not isinstance(one, BaseException)]
            assert len(won) == 1
            assert all(isinstance(one, EventRefused | RunEnded) for one in answers if one is not won[0])

        sim = Sim(REVIEW, look=["text"]).tell(story)
        assert len(sim.records("event")) == 1

    def test_in_two_processes_too(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            async with here.sim.kit.engine(serve=False) as other:
                answers = await asyncio.gather(
                    *(
                        client.send(here.sim.id, "bid", {"amount": 101 + n}, actor=f"a{n}")
                        for n, client in enumerate([here.client, other.client] * 5)
                    ),
                    return_exceptions=True,
                )
            assert sum(1 for one in answers if not isinstance(one, BaseException)) == 1

        sim = Sim(REVIEW).tell(story)
        assert sim.kinds == ["started", "event", "transition"]


class TestKeys:
    def test_the_same_key_twice_is_one_event(self) -> None:
        async def story(here: Here) -> None:
            first = await here.send("paid", ref="again", cents=5)
            second = await here.send("paid", ref="again", cents=5, actor="somebody else")
            assert (first.status, second.status) == ("taken", "repeated")

        assert Sim(REVIEW).tell(story).states == ["Waiting", "Waiting"]

    def test_the_same_key_with_other_content_is_a_conflict(self) -> None:
        async def story(here: Here) -> None:
            await here.send("paid", ref="again", cents=5)
            with pytest.raises(EventConflict, match="again"):
                await here.send("paid", ref="again", cents=6)

        assert Sim(REVIEW).tell(story).states == ["Waiting", "Waiting"]

    def test_a_refused_event_leaves_no_key(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", role="clerk")
            await here.reaches("Packed")
            for cents in (5, 6):
                with pytest.raises(EventRefused):
                    await here.send("paid", ref="r1", cents=cents)

        Sim(REVIEW, look=["text"]).tell(story)

    def test_a_key_is_known_after_the_run_has_ended(self) -> None:
        async def story(here: Here) -> None:
            await here.send("paid", ref="r1", cents=5)
            assert (await here.send("paid", ref="r1", cents=5)).status == "repeated"
            with pytest.raises(EventConflict):
                await here.send("paid", ref="r1", cents=6)

        assert Sim(REVIEW).tell(story).ending == ("Paid", {"ref": "r1"})

    def test_five_at_once_are_one(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            async with here.sim.kit.engine(serve=False) as other:
                answers = await asyncio.gather(
                    *(
                        client.send(here.sim.id, "paid", {"ref": "again", "cents": 5})
                        for client in (here.client, other.client, here.client, other.client, here.client)
                    )
                )
            assert {one.status for one in answers} == {"repeated", "taken"}

        sim = Sim(REVIEW).tell(story)
        assert (sim.states, len(sim.records("event"))) == (["Waiting", "Waiting"], 1)

    def test_keys_of_stored_events_are_known_too(self) -> None:
        async def story(here: Here) -> None:
            answers = [await here.send("parcel", number="p1") for _ in range(3)]
            assert [one.status for one in answers] == ["stored", "repeated", "repeated"]
            await here.send("approve", note="ok", role="clerk")
            await here.rests()

        assert Sim(REVIEW, look=["text"]).tell(story).ending == ("Gone", {"number": "p1"})


class TestKeep:
    def test_an_early_event_is_stored_and_the_sender_learns_it(self) -> None:
        async def story(here: Here) -> None:
            sent = await here.send("item", name="a")
            assert (sent.status, sent.state) == ("stored", "First")

        sim = Sim(KEPT).tell(story)
        assert (sim.state, len(sim.kit.store.inbox(sim.id))) == ("First", 1)

    def test_they_are_taken_in_order_of_arrival_on_entry_before_timers(self) -> None:
        async def story(here: Here) -> None:
            for name in ("a", "b"):
                await here.send("item", name=name)
            await here.send("open", x=1)
            await here.rests()

        assert Sim(KEPT).tell(story).ending == ("Both", {"one": "a", "two": "b"})

    def test_without_one_the_timer_fires(self) -> None:
        async def story(here: Here) -> None:
            await here.send("other", name="a")
            await here.send("open", x=1)
            await here.rests()

        assert Sim(KEPT).tell(story).state == "Odd"

    def test_an_event_that_does_not_fit_the_guard_stays_stored(self) -> None:
        async def story(here: Here) -> None:
            for name in ("odd", "b"):
                await here.send("item", name=name)
            await here.send("open", x=1)
            await here.rests()

        assert Sim(KEPT).tell(story).ending == ("Both", {"one": "b", "two": "odd"})

    def test_when_and_by_whom_it_was_sent_is_on_record_as_it_is_taken(self) -> None:
        async def story(here: Here) -> None:
            await here.send("item", name="a", actor="bob")
            await here.leap("50m")
            await here.send("open", x=1)

        sim = Sim(KEPT).tell(story)
        taken = next(one for one in sim.records("event") if one["event"] == "item")
        assert taken["actor"] == "bob"
        assert taken["arrived"] < taken["at"]

    def test_one_that_no_state_took_by_the_end_is_recorded_as_unhandled(self) -> None:
        async def story(here: Here) -> None:
            for name in ("a", "b", "c"):
                await here.send("item", name=name)
            await here.send("other", name="d")
            await here.send("open", x=1)
            await here.rests()

        sim = Sim(KEPT).tell(story)
        left = [(one["event"], one["args"]["name"]) for one in sim.records("unhandled")]
        assert (sim.state, left) == ("Both", [("item", "c"), ("other", "d")])
        assert sim.kit.store.inbox(sim.id) == []

    def test_events_are_accepted_while_no_worker_is_up(self) -> None:
        """C11: an accepted event is applied exactly once later."""

        async def story(here: Here) -> None:
            for name in ("a", "b"):
                await here.send("item", name=name)

        sim = Sim(KEPT).tell(story, serve=False)
        sim.advance("2h")
        sim.tell(lambda here: here.reaches("Both"))
        assert sim.ending == ("Both", {"one": "a", "two": "b"})


CANCEL = """
contract Cancel(n: int) key n version 1
role manager
event cancel(reason: str) by manager
event open(x: int)
action post(n: int) {{ in doubt skip }}
initial state First -> Second {{
  on open(x) -> goto Second
  after 30d -> goto Second
}}
state Second -> Third {{
  commit post(n)
  goto Third
}}
state Third -> Cancelled | Done {{
  {handler}
  after 30d -> goto Done
}}
final state Done success
final state Cancelled(reason: str) cancelled
""".replace("{{", "{").replace("}}", "}")


class TestCancel:
    TEXT = CANCEL.replace("{handler}", "on cancel(reason) -> goto Cancelled(reason)")

    def test_is_always_kept(self) -> None:
        async def story(here: Here) -> None:
            sent = await here.send("cancel", reason="no more", role="manager")
            assert (sent.status, sent.state) == ("stored", "First")
            await here.send("open", x=1)
            await here.rests()

        assert Sim(self.TEXT).tell(story).ending == ("Cancelled", {"reason": "no more"})

    def test_its_roles_are_those_of_the_contract(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(RoleRequired):
                await here.send("cancel", reason="no more")

        assert Sim(self.TEXT).tell(story).state == "First"

    def test_is_built_in(self) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("cancel", reason="no more")).status == "stored"

        text = self.TEXT.replace("event cancel(reason: str) by manager\n", "").replace("role manager\n", "")
        Sim(text).tell(story)

    def test_is_refused_where_no_state_handles_it(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises((EventRefused, UnknownEvent)):
                await here.send("cancel", reason="no more")

        text = REVIEW
        Sim(text).tell(story)


BLOCK = """
contract Block(n: int) key n version 1
failure Problem { No, Busy transient }
event order(cents: int)
event done(x: int) keep
effect price(cents: int) -> int fails Problem { retry 2 times }
action charge(cents: int, who: str) -> str fails Problem { key }
pure twice(cents: int) -> int
initial state Waiting -> Charged | Waiting | Late {
  on order(cents) {
    let found = perform price(twice(cents)) else problem -> goto Waiting
    match commit charge(found, actor) {
      ok id -> goto Charged(id, found)
      No | Busy -> goto Waiting
    }
  }
  after 1h -> goto Late
}
final state Charged(id: str, cents: int) success
final state Late failure
"""


class TestABlockThatCalls:
    def test_is_a_step_like_any_other(self) -> None:
        async def story(here: Here) -> None:
            await here.send("order", cents=3, actor="bob")
            await here.rests()

        sim = Sim(BLOCK, twice=[lambda cents: 2 * cents], price=[7], charge=["c1"]).tell(story)
        assert sim.ending == ("Charged", {"id": "c1", "cents": 7})
        assert [made.args for made in sim.made("price")] == [(6,)]
        assert [made.args for made in sim.made("charge")] == [(7, "bob")]
        assert sim.records("transition")[0]["cause"] == "event order, commit charge"

    def test_its_event_is_taken_first_and_the_state_waits_no_more(self) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("order", cents=3)).status == "taken"
            with pytest.raises(EventRefused):
                await here.send("order", cents=4)
            await here.leap("2h")
            await here.rests()

        sim = Sim(BLOCK, twice=[1], price=[after(20, 7)], charge=["c1"]).tell(story)
        assert (sim.state, len(sim.records("event"))) == ("Charged", 1)

    def test_a_process_without_handlers_can_accept_it_and_a_worker_carries_it_out(self) -> None:
        async def story(here: Here) -> None:
            assert (await here.send("order", cents=3)).status == "taken"

        sim = Sim(BLOCK, twice=[1], price=[7], charge=["c1"]).tell(story, serve=False)
        assert (sim.status, sim.calls("price")) == ("running", 0)
        sim.tell(lambda here: here.rests())
        assert sim.state == "Charged"

    def test_a_doubt_in_it_ends_by_the_rule(self) -> None:
        async def story(here: Here) -> None:
            await here.send("order", cents=3, actor="bob")
            await here.rests()

        sim = Sim(BLOCK, twice=[1], price=[7], charge=[ConnectionError("reset"), "c1"]).tell(story)
        assert (sim.calls("price"), sim.calls("charge"), sim.state) == (1, 2, "Charged")
        assert [made.args for made in sim.made("charge")] == [(7, "bob")] * 2

    def test_a_stall_in_it_goes_on_with_the_same_event(self) -> None:
        async def story(here: Here) -> None:
            await here.send("order", cents=3)
            await here.rests()
            assert here.sim.status == "stalled"
            await here.resume()
            await here.rests()

        sim = Sim(BLOCK, twice=[1], price=[*[ValueError("x")] * 4, 7], charge=["c1"]).tell(story)
        assert (sim.state, len(sim.records("event"))) == ("Charged", 1)
