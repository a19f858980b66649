"""Senders whom `except` names: refused on arrival, and never taken from the events that wait."""

from __future__ import annotations

from typing import Any

import pytest

from opord.drive.senders import SenderExcluded
from tests.engine.desk import Here, Sim

CONTRACT = """
contract Claim(id: str, employee: str, witnesses: list[str]) key id version 1
role approver
event approve(note: str) by approver except employee, witnesses
event confirm(note: str) by approver except first, employee
event sign(note: str) except first keep
event keyed(note: str) except employee key note keep
event cancel(reason: str) except employee
initial state Asked -> Second | Gone {
  on approve(note) -> goto Second(actor)
  on keyed ignore
  on cancel(reason) -> goto Gone(reason)
  after 7d -> goto Gone("late")
}
state Second(first: str) -> Signing {
  on confirm(note) -> goto Signing(actor)
  after 7d -> goto Signing("nobody")
}
state Signing(first: str) -> Signed | Gone {
  on sign(note) -> goto Signed(actor)
  after 1d -> goto Gone("unsigned")
}
final state Signed(who: str) success
final state Gone(why: str) failure
"""
INPUT = {"id": "c1", "employee": "eve", "witnesses": ["wim", "wanda"]}


def sim(**changes: Any) -> Sim:
    return Sim(CONTRACT, input={**INPUT, **changes})


class TestOnArrival:
    @pytest.mark.parametrize("actor", ["eve", "wim", "wanda"])
    def test_whom_the_input_names_is_refused_and_changes_nothing(self, actor: str) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            with pytest.raises(SenderExcluded) as refused:
                await here.send("approve", note="ok", actor=actor, role="approver")
            assert refused.value.code == "sender_excluded"
            assert refused.value.path == ("employee" if actor == "eve" else "witnesses")
            assert (refused.value.event, refused.value.actor) == ("approve", actor)

        told = sim().tell(story)
        assert (told.state, told.kinds) == ("Asked", ["started"])

    def test_the_message_has_the_path_and_the_words_of_the_contract(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(SenderExcluded) as one:
                await here.send("approve", note="ok", actor="eve", role="approver")
            assert str(one.value) == (
                "eve may not send approve to Claim/c1: the contract says `event approve … by approver except "
                "employee, witnesses`, and employee is that name"
            )
            with pytest.raises(SenderExcluded, match="and witnesses has that name in it"):
                await here.send("approve", note="ok", actor="wim", role="approver")

        sim().tell(story)

    @pytest.mark.parametrize("actor", ["ann", "Eve", "eve ", "ev"])
    def test_anybody_else_with_the_role_may_send(self, actor: str) -> None:
        """Names are compared letter by letter."""

        async def story(here: Here) -> None:
            assert (await here.send("approve", note="ok", actor=actor, role="approver")).status == "taken"

        assert sim().tell(story).state == "Second"

    def test_a_sender_without_a_name_is_refused(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(SenderExcluded, match="no actor was given") as refused:
                await here.send("approve", note="ok", actor="", role="approver")
            assert (refused.value.actor, refused.value.path) == ("", "")

        assert sim(employee="", witnesses=[]).tell(story).kinds == ["started"]

    def test_a_name_that_is_empty_in_the_run_excludes_nobody(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", actor="ann", role="approver")

        assert sim(employee="", witnesses=[]).tell(story).state == "Second"

    def test_the_role_is_asked_first(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(Exception, match="only approver may send"):
                await here.send("approve", note="ok", actor="eve")

        sim().tell(story)

    def test_whom_a_field_of_the_state_names_is_refused(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", actor="ann", role="approver")
            with pytest.raises(SenderExcluded, match="and first is that name"):
                await here.send("confirm", note="ok", actor="ann", role="approver")
            with pytest.raises(SenderExcluded, match="and employee is that name"):
                await here.send("confirm", note="ok", actor="eve", role="approver")
            await here.send("confirm", note="ok", actor="bob", role="approver")

        told = sim().tell(story)
        assert told.ending == ("Signing", {"first": "bob"})

    def test_cancel_is_refused_too(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(SenderExcluded):
                await here.send("cancel", reason="no more", actor="eve")
            await here.send("cancel", reason="no more", actor="ann")

        assert sim().tell(story).state == "Gone"

    def test_a_refused_event_leaves_its_key_free(self) -> None:
        async def story(here: Here) -> None:
            with pytest.raises(SenderExcluded):
                await here.send("keyed", note="n", actor="eve")
            assert (await here.send("keyed", note="n", actor="ann")).status == "ignored"
            with pytest.raises(SenderExcluded):
                await here.send("keyed", note="n", actor="eve")

        sim().tell(story)


class TestStored:
    def test_an_event_of_whom_the_input_names_is_not_stored(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", actor="ann", role="approver")
            with pytest.raises(SenderExcluded):
                await here.send("keyed", note="n", actor="eve")

        assert sim().tell(story).state == "Second"

    def test_a_state_takes_the_stored_event_of_somebody_else(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", actor="ann", role="approver")
            assert (await here.send("sign", note="mine", actor="bob")).status == "stored"
            assert (await here.send("sign", note="his", actor="cas")).status == "stored"
            await here.send("confirm", note="ok", actor="bob", role="approver")

        told = sim().tell(story)
        # Bob signed before the state was entered that excludes him.
        assert told.ending == ("Signed", {"who": "cas"})
        assert [(each["event"], each["actor"]) for each in told.records("unhandled")] == [("sign", "bob")]

    def test_it_stays_stored_while_the_state_excludes_its_sender(self) -> None:
        async def story(here: Here) -> None:
            await here.send("approve", note="ok", actor="ann", role="approver")
            assert (await here.send("sign", note="mine", actor="bob")).status == "stored"
            await here.send("confirm", note="ok", actor="bob", role="approver")
            with pytest.raises(SenderExcluded, match="and first is that name"):
                await here.send("sign", note="again", actor="bob")
            await here.leap("25h")

        assert sim().tell(story).ending == ("Gone", {"why": "unsigned"})


class TestShown:
    def test_a_run_says_whom_it_excludes(self) -> None:
        async def story(here: Here) -> None:
            waits = {each["event"]: each for each in here.sim.view["waiting_for"] if "event" in each}
            assert waits["approve"] == {
                "event": "approve",
                "roles": ["approver"],
                "except": [
                    {"path": "employee", "actors": ["eve"]},
                    {"path": "witnesses", "actors": ["wim", "wanda"]},
                ],
            }
            await here.send("approve", note="ok", actor="ann", role="approver")
            (confirm,) = [each for each in here.sim.view["waiting_for"] if "event" in each]
            assert confirm["except"][0] == {"path": "first", "actors": ["ann"]}

        sim().tell(story)
