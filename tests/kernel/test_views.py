"""A run and its history as people and programs see them: one form, without secrets."""

from __future__ import annotations

import json

from opord.kernel.inbox import Message, inbox_row
from opord.kernel.instants import in_words, text
from opord.kernel.needs import stored_needs
from opord.kernel.recording import (
    ask,
    attempt_doubted,
    attempt_failed,
    begin_attempt,
    did_not_happen,
    outcome_known,
    resume,
    stall,
    terminate,
)
from opord.kernel.rows import InboxRow, ValueRow
from opord.kernel.run import Outcome
from opord.kernel.scheduling import Scheduling
from opord.kernel.trouble import describe, stack_frame
from opord.kernel.views import (
    details_view,
    history_view,
    record_view,
    unreadable_view,
)
from opord.values.secret import Secret
from opord.values.types import START_OF_TIME, Instant
from tests.kernel.by_hand import Story
from tests.kernel.journals import DESK, MINUTE, PARCEL, START, due, parcel

MEMBERS = {
    "run", "contract", "version", "state", "data", "status", "outcome", "priority", "label", "started_at", "since",
    "reason", "needs", "waiting_for", "doubt",
}  # fmt: skip


def wiring() -> Story:
    receipt = parcel().calls["pay"].result
    assert receipt is not None
    return (
        Story()
        .goto(1, "Wiring", receipt=receipt.accept({"id": "r1"}))
        .intent(2, "wire", "Parcel/p1/2", id="p1")
    )


# --- a run ---------------------------------------------------------------------------------------


def test_a_run_has_the_same_members_whatever_its_state() -> None:
    story = Story()
    assert set(story.view()) == MEMBERS
    assert set(story.goto(1, "Gone", reason="x").view()) == MEMBERS


def test_a_waiting_run_lists_its_events_with_roles_and_its_timers_in_order() -> None:
    view = Story().goto(1, "Waiting", round=1).view()
    assert (view["state"], view["status"], view["data"]) == ("Waiting", "waiting", {"round": 1})
    assert view["since"] == due(1, 0)
    assert view["waiting_for"] == [
        {"event": "approve", "roles": ["clerk"]},
        {"event": "scan", "roles": []},
        {"event": "peek", "roles": []},
        {"event": "cancel", "roles": []},
        {"timer": "Waiting after", "at": due(1, 10 * MINUTE)},
        {"timer": "Desk after", "at": DESK["Desk after"]},
    ]


def test_a_run_without_a_worker_that_serves_it_says_so() -> None:
    story = Story()
    assert story.view(served=[])["reason"] == "no worker has handlers for Parcel version 1"
    assert story.view(served=[(story.program.digest, "")])["reason"] is None
    assert story.view()["reason"] is None, "not known"
    story.run.scheduling = Scheduling(5, "gpu")
    view = story.view(served=[(story.program.digest, "")])
    assert (view["priority"], view["label"]) == (5, "gpu")
    assert view["reason"] == "no worker for the label gpu has handlers for Parcel version 1"
    assert [(need["reason"], need["detail"]) for need in view["needs"]] == [("unserved", view["reason"])]
    assert story.view(served=[(story.program.digest, "gpu")])["reason"] is None


def test_an_attempt_that_will_be_made_again_is_waited_for() -> None:
    story = wiring()
    intent = story.run.intent
    assert intent is not None
    attempt_failed(story.later(3), intent, {"type": "Refused.Busy"}, next_at=START + 9_000_000)
    view = story.view()
    again = in_words(START + 9_000_000)
    assert view["reason"] == f"attempt 1 of wire failed with Refused.Busy; it is tried again at {again}"
    assert view["waiting_for"] == [{"attempt": "wire", "at": text(START + 9_000_000)}]


def test_a_failed_attempt_is_told_also_if_no_worker_serves_the_run() -> None:
    story = wiring()
    intent = story.run.intent
    assert intent is not None
    attempt_failed(story.later(3), intent, {"type": "Refused.Busy"}, next_at=START + 9_000_000)
    again = in_words(START + 9_000_000)
    assert story.view(served=[])["reason"] == (
        f"attempt 1 of wire failed with Refused.Busy; it is tried again at {again}; "
        "no worker has handlers for Parcel version 1"
    )


def test_a_doubt_waits_for_a_person_who_resolves_it() -> None:
    story = wiring()
    intent = story.run.intent
    assert intent is not None
    attempt_doubted(story.later(3), intent, "no answer within 10 s")
    assert story.view()["reason"] == "nobody knows whether wire happened: no answer within 10 s"
    assert stored_needs(story.run) == ""
    ask(story.later(3), intent, "nobody knows; a person has to say")
    view = story.view()
    assert stored_needs(story.run) == "doubt"
    assert (view["status"], view["reason"]) == ("in_doubt", "nobody knows; a person has to say")
    assert view["waiting_for"] == [{"person": "operator", "verb": "resolve", "seen": story.run.seq}]


def test_a_doubt_that_will_be_checked_waits_for_the_check() -> None:
    story = Story().goto(1, "Lodging").intent(2, "lodge", "Parcel/p1/2", id="p1")
    intent = story.run.intent
    assert intent is not None
    attempt_doubted(story.later(3), intent, "lost")
    assert story.view()["waiting_for"] == [{"attempt": "find", "at": due(8, 0)}]


def test_a_stalled_run_waits_for_resume_and_for_the_events_of_its_phase() -> None:
    story = Story()
    stall(story.later(2), describe(ConnectionError("no route"), call="look"))
    view = story.view()
    assert stored_needs(story.run) == "stalled"
    assert (view["status"], view["reason"]) == ("stalled", "ConnectionError: no route")
    assert view["waiting_for"] == [
        {"person": "operator", "verb": "resume"},
        {"event": "cancel", "roles": []},
        {"timer": "Desk after", "at": DESK["Desk after"]},
    ]
    resume(story.later(3), actor="ann", role=None, reason=None)
    assert stored_needs(story.run) == ""


def test_during_a_call_the_run_waits_for_nothing_else() -> None:
    story = Story().goto(1, "Paying").intent(2, "pay", "p1", id="p1", pin={"$secret": "1234"})
    assert (story.view()["waiting_for"], story.view()["status"]) == ([], "running")


def test_an_ended_run_waits_for_nothing() -> None:
    view = Story().goto(1, "Gone", reason="unknown").view()
    assert (view["status"], view["outcome"], view["data"], view["waiting_for"]) == (
        "ended", "failure", {"reason": "unknown"}, [],
    )  # fmt: skip


def test_a_doubt_says_what_since_when_and_under_which_key() -> None:
    story = Story().goto(1, "Paying").intent(2, "pay", "p1", id="p1", pin={"$secret": "1234"})
    assert story.view()["doubt"] is None
    intent = story.run.intent
    assert intent is not None
    attempt_doubted(story.later(3), intent, "lost")
    begin_attempt(story.later(4), intent)
    attempt_doubted(story.later(5), intent, "lost again")
    assert story.view()["doubt"] == {"call": "pay", "key": "p1", "attempt": 2, "since": due(3, 0)}
    did_not_happen(story.later(6), intent, by="person", fresh=True, actor="ann")
    assert story.view()["doubt"] is None
    begin_attempt(story.later(7), intent)
    attempt_doubted(story.later(8), intent, "lost once more")
    assert story.view()["doubt"]["since"] == due(8, 0)
    intent.doubt_since = START_OF_TIME  # as a row of an older version
    assert story.view()["doubt"]["since"] == due(8, 0)
    outcome_known(story.later(9), intent, Outcome("ok", {"id": "r", "at": due(9, 0)}, "person"))
    assert story.view()["doubt"] is None


def test_the_details_of_a_run_are_its_trouble_and_the_events_that_wait() -> None:
    story = Story()
    assert details_view(story.run.body, []) == {"trouble": None, "stored": []}
    frame = stack_frame("handlers.py", 6, "look", "raise error", own=True)
    stall(story.later(2), describe(ConnectionError("no route"), call="look", frames=[frame]))
    trouble = details_view(story.run.body, [])["trouble"]
    assert (trouble["type"], trouble["message"], trouble["frames"]) == (
        "ConnectionError",
        "no route",
        [frame],
    )
    story.run.body.trouble = {
        "error": "ConnectionError: no route",
        "traceback": "Traceback …",
    }  # an older stall
    assert details_view(story.run.body, [])["trouble"] == {
        "type": None, "message": "ConnectionError: no route", "frames": [], "fingerprint": None,
    }  # fmt: skip
    stored = [
        InboxRow("e1", Instant(START), "event", '{"event":"nudge","args":{}}'),
        InboxRow("e2", Instant(START), "event", "torn"),
        InboxRow("e3", Instant(START), "evidence", "{}"),
    ]
    assert details_view(None, stored) == {
        "trouble": None,
        "stored": [
            {"id": "e1", "event": "nudge", "at": due(0, 0)},
            {"id": "e2", "event": None, "at": due(0, 0)},
        ],
    }


def test_a_terminated_run_keeps_its_state() -> None:
    story = Story().goto(1, "Waiting", round=1)
    terminate(story.later(2), actor="root", role=None, reason="test")
    view = story.view()
    assert (view["state"], view["status"], view["outcome"], view["reason"]) == (
        "Waiting",
        "ended",
        "terminated",
        "test",
    )


def test_a_run_whose_contract_cannot_be_read_is_shown_without_its_data() -> None:
    row = Story().draft.start().row
    view = unreadable_view(row, "the stored contract cannot be compiled")
    assert set(view) == MEMBERS
    assert (view["state"], view["data"], view["reason"]) == (
        "New",
        None,
        "the stored contract cannot be compiled",
    )
    assert view["started_at"] == due(0, 0)


def test_a_doubt_is_shown_also_where_the_contract_cannot_be_read() -> None:
    story = Story().goto(1, "Paying").intent(2, "pay", "p1", id="p1", pin={"$secret": "1234"})
    intent = story.run.intent
    assert intent is not None
    attempt_doubted(story.later(3), intent, "lost")
    row = story.draft.start().row
    assert unreadable_view(row, "torn")["doubt"] == story.view()["doubt"]
    torn = row.replace(head=row.head.replace(body="{"))
    assert unreadable_view(torn, "torn")["doubt"] is None


# --- its history ---------------------------------------------------------------------------------


def test_a_record_shows_its_number_time_kind_hash_and_the_members_of_its_kind() -> None:
    story = Story().goto(1, "Gone", reason="unknown")
    first, last = story.history()
    assert (first["seq"], first["at"], first["kind"], first["to"]) == (1, text(START), "started", "New")
    assert {name: last[name] for name in ("seq", "kind", "from", "to", "cause", "worker", "result")} == {
        "seq": 2, "kind": "transition", "from": "New", "to": "Gone", "cause": "body", "worker": "w1", "result": "failure",
    }  # fmt: skip
    assert last["hash"] == story.draft.records[1].hash
    assert last["data"] == {"reason": "unknown"}
    assert "key" not in last


def test_an_intent_shows_its_call_its_key_and_the_answers_before_it() -> None:
    story = wiring()
    view = story.history()[-1]
    assert (view["kind"], view["call"], view["key"], view["args"]) == (
        "intent",
        "wire",
        "Parcel/p1/2",
        {"id": "p1"},
    )
    assert view["calls"] == [{"call": "look", "ok": True}]


def test_secrets_are_hidden_in_input_arguments_and_data() -> None:
    story = Story().goto(1, "Paying").intent(2, "pay", "p1", id="p1", pin={"$secret": "1234"})
    shown = json.dumps([story.history(), story.view()])
    assert "1234" not in shown
    assert story.history()[0]["input"] == {"id": "p1", "pin": "[secret]"}
    assert story.history()[2]["args"] == {"id": "p1", "pin": "[secret]"}
    assert "1234" in story.draft.records[0].body, "the journal itself keeps it"


def test_secrets_in_a_large_value_are_hidden() -> None:
    program, (record,) = parcel(), Story().draft.records
    said = json.loads(record.body)
    said |= {"values": {"input.pin": "a", "input.more": "b"}}
    del said["input"]["pin"]
    row = record.replace(body=json.dumps(said))
    values = [ValueRow("a", '{"$secret":"1234"}'), ValueRow("b", '[{"x":[{"$sealed":"5678"}]},{"y":1}]')]
    (view,) = history_view(program, [row], (), values)
    assert view["input"] == {"id": "p1", "pin": "[secret]", "more": [{"x": ["[secret]"]}, {"y": 1}]}
    (view,) = history_view(program, [row], (), values[:1])
    assert view["input"] == {"id": "p1"}, "of a damaged store as much is shown as there is"
    newer = row.replace(
        kind="paused", body=row.body.replace('"started"', '"paused"').replace("input.pin", "pin")
    )
    assert "pin" not in history_view(program, [newer], (), values)[0]


def test_secrets_are_hidden_even_if_the_data_do_not_fit_their_type() -> None:
    story = Story()
    (record,) = story.draft.records
    damaged = record.replace(body=record.body.replace('"id":"p1"', '"id":7,"other":[{"$secret":"1234"}]'))
    assert "1234" not in json.dumps(record_view(story.program, damaged))


def test_a_message_that_waits_is_stored_and_has_no_number_yet() -> None:
    row = inbox_row(Story().draft.run, "m1", START, Message("scan", {"code": "c1"}, "gate", "", "c1"))
    (view,) = history_view(parcel(), [], [row])
    assert view == {
        "seq": None, "at": text(START), "kind": "stored", "event": "scan", "args": {"code": "c1"},
        "actor": "gate", "key": "c1",
    }  # fmt: skip


def test_the_contract_of_these_tests_has_a_secret() -> None:
    assert "secret str" in PARCEL
    assert isinstance(parcel().input.accept({"id": "a", "pin": "b"}).pin, Secret)


def test_a_record_of_a_newer_version_is_shown_without_its_data() -> None:
    program, (record,) = parcel(), Story().draft.records
    body = record.body.replace('"kind":"started"', '"kind":"paused"').replace('"to":"', '"of":"')
    view = record_view(program, record.replace(kind="paused", body=body))
    assert view["kind"] == "paused"
    assert (
        view["unknown"] == "this version of Opord does not know this kind of record; a newer version wrote it"
    )
    assert {"data", "input", "args", "outcome"}.isdisjoint(view)
    assert "unknown" not in record_view(program, record)
