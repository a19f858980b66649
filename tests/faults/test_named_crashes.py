"""The crash points C1 to C24 by their numbers: one fault at one place, and the exact result.

Each of these also breaks no invariant, which `Seen` asserts. `registry.py` lists the tests that are
in other files.
"""

from __future__ import annotations

import pytest

from tests.faults.bench import tell_all
from tests.faults.kinds import Fault
from tests.faults.kit import at, at_write, seen
from tests.faults.run import pairs, points_of
from tests.faults.stories import STORIES
from tests.support.stores import EACH_STORE, FIRST_STORE

DAY_US = 86_400_000_000
both_stores = pytest.mark.parametrize("store", EACH_STORE)


@both_stores
def test_c01_before_the_start_is_committed_nothing_was_promised_and_the_same_start_makes_one_run(
    store: str,
) -> None:
    one = seen("trip booked", at_write("trip booked", "started Flight", "crash before"), store=store)
    first, second = [entry for entry in one.told.history if entry["op"] == "start"]
    assert (first["end"], second["end"]) == ("lost", "acked")
    assert second["answer"][:2] == ["TripBooking/t1", True]
    assert len(one.of("started")) == 1


@both_stores
def test_c02_after_the_start_is_committed_the_same_start_is_answered_with_the_same_run(store: str) -> None:
    one = seen("trip booked", at_write("trip booked", "started Flight", "crash after"), store=store)
    first, second = [entry for entry in one.told.history if entry["op"] == "start"]
    assert (first["end"], second["end"]) == ("lost", "acked")
    assert second["answer"][:2] == ["TripBooking/t1", False]
    assert len(one.of("started")) == 1


@both_stores
def test_c03_after_the_claim_and_before_the_intent_it_is_claimed_again_and_nothing_was_called(
    store: str,
) -> None:
    one = seen("order refunded", at("order refunded", "store claim", "crash after"), store=store)
    (call,) = one.calls("refund_card")
    assert (call.attempt, call.by) == (1, "w2")
    assert one.kinds("doubt") == []
    epochs = [record["epoch"] for record in one.records]
    assert epochs[-1] >= epochs[0] + 2, "the claim that came to nothing has an epoch of its own"


@both_stores
@pytest.mark.parametrize("kind", ["done, refused", "done, away", "done, broken"])
def test_c04_an_intent_that_was_committed_with_an_error_is_found_and_not_written_again(
    kind: str, store: str
) -> None:
    one = seen("order delivered", at_write("order delivered", "intent charge_card", kind), store=store)
    assert len(one.of("intent", "charge_card")) == 1
    assert one.took_effect("charge_card") == 1
    assert one.state == "Delivered"


def test_c05_after_the_intent_a_key_is_repeated_a_lookup_comes_first_and_without_either_nobody_is_called() -> (
    None
):
    keyed = seen("expense agreed", at("expense agreed", "action pay", "crash before"))
    assert [call.key for call in keyed.calls("pay")] == ["e1", "e1"]
    asked = seen("order delivered", at("order delivered", "action charge_card", "crash before"))
    order = [call.name for call in asked.bench.provider.calls if call.name in ("charge_card", "find_charge")]
    assert order == ["charge_card", "find_charge", "charge_card"]
    neither = seen("order delivered", at("order delivered", "action post_slack", "crash before"))
    assert len(neither.calls("post_slack")) == 1
    assert neither.of("doubt", "post_slack")
    assert neither.of("outcome", "post_slack")[0]["by"] == "skip"


@pytest.mark.parametrize(
    "kind", ["drop before", "drop after", "silence before", "silence after", "lands late"]
)
def test_c06_any_breakdown_during_the_call_is_a_doubt_and_never_a_failure(kind: str) -> None:
    one = seen("order delivered", at("order delivered", "action charge_card", kind))
    assert [record["call"] for record in one.of("doubt")] == ["charge_card"]
    assert all("failed" not in record["outcome"] for record in one.of("outcome"))
    assert (one.state, one.took_effect("charge_card")) == ("Delivered", 1)


@both_stores
def test_c07_after_the_providers_commit_a_lookup_adopts_it_and_a_key_is_repeated(store: str) -> None:
    adopted = seen("order delivered", at("order delivered", "action charge_card", "crash after"), store=store)
    assert (len(adopted.calls("charge_card")), adopted.took_effect("charge_card")) == (1, 1)
    assert adopted.of("outcome", "charge_card")[0]["by"] == "check"
    repeated = seen("expense agreed", at("expense agreed", "action pay", "crash after"), store=store)
    assert ([call.key for call in repeated.calls("pay")], repeated.took_effect("pay")) == (["e1", "e1"], 1)
    assert repeated.state == "Paid"


@pytest.mark.parametrize("kind", ["drop after", "lands late"])
def test_c07_a_lookup_waits_until_it_can_see_the_latest_effect(kind: str) -> None:
    """The car company honours no key and shows a booking only after a while.

    A lookup without a delay would lead to a second booking.
    """
    one = seen("trip booked", at("trip booked", "action book_car", kind))
    (looked, *_), (booked,) = (
        one.calls("find_car"),
        [two for two in one.told.ledger if two["action"] == "book_car"],
    )
    assert looked.at >= booked["seen_from"]
    assert looked.at - one.calls("book_car")[0].at >= 60_000_000
    assert len(one.calls("book_car")) == 1


@both_stores
@pytest.mark.parametrize("kind", ["done, refused", "done, away", "done, broken"])
def test_c08_an_outcome_that_was_committed_with_an_error_moves_the_run_once(kind: str, store: str) -> None:
    one = seen("order delivered", at_write("order delivered", "outcome charge_card", kind), store=store)
    assert len(one.of("outcome", "charge_card")) == 1
    assert one.entered("Charged") == 1
    assert len(one.calls("charge_card")) == 1


@both_stores
def test_c09_after_the_outcome_is_committed_it_is_delivered_and_nobody_is_called_again(store: str) -> None:
    one = seen(
        "order refunded", at_write("order refunded", "outcome refund_card", "crash after"), store=store
    )
    assert len(one.calls("refund_card")) == 1
    assert one.kinds("doubt") == []
    assert one.state == "Refunded"


@pytest.mark.parametrize(
    "kind", ["crash before", "crash after", "done, refused", "done, away", "fenced", "second worker"]
)
def test_c10_a_timer_that_fires_during_a_fault_moves_the_run_once(kind: str) -> None:
    one = seen("order expired", at_write("order expired", "transition Expired", kind))
    fired = [record for record in one.of("transition") if record["cause"].startswith("timer")]
    assert [record["to"] for record in fired] == ["Expired"]


def test_c10_two_workers_fire_a_due_timer_once() -> None:
    claim = at("order expired", "store claim", "second worker")
    one = seen("order expired", Fault(claim.at - 1, "second worker"), claim)
    assert one.bench.born == 2
    assert [record["to"] for record in one.of("transition")] == ["Review", "Expired"]


@both_stores
@pytest.mark.parametrize(
    "kind", ["crash before", "crash after", "done, refused", "done, away", "done, broken", "fenced"]
)
def test_c11_an_event_that_was_accepted_is_applied_once(kind: str, store: str) -> None:
    one = seen("trip booked", at_write("trip booked", "event confirm", kind), store=store)
    assert len(one.of("event")) == 1
    assert one.entered("Booked") == 1
    assert one.state == "Booked"
    lost = [entry for entry in one.told.history if entry["op"] == "event" and entry["end"] == "lost"]
    assert bool(lost) == (kind in ("crash before", "crash after", "done, broken"))


def test_c12_events_between_intent_and_outcome_are_kept_until_the_step_is_over_or_recorded_as_unhandled() -> (
    None
):
    one = seen("order delivered", at_write("order delivered", "intent charge_card", "cancel"))
    assert one.answers("unknown") == ["acked"]
    assert one.took_effect("charge_card") == 1
    assert one.kinds("event", "unhandled") == ["event", "unhandled"]
    assert one.state == "Delivered"


def test_c13_a_takeover_during_a_call_does_not_call_an_action_without_a_key() -> None:
    one = seen("order delivered", at("order delivered", "action post_slack", "zombie"))
    assert [call.by for call in one.calls("post_slack")] == ["w1"]
    assert one.of("doubt", "post_slack")[0]["worker"] == "w2"
    assert one.took_effect("post_slack") == 1


def test_c14_evidence_from_after_the_lease_is_kept_and_moves_nothing() -> None:
    one = seen("order refunded", at("order refunded", "action refund_card", "zombie"))
    (evidence,) = one.of("evidence")
    assert (evidence["worker"], evidence["call"]) == ("w1", "refund_card")
    moved = [record for record in one.of("transition") if record["to"] == "Refunded"]
    assert [record["worker"] for record in moved] == ["w2"]
    assert one.took_effect("refund_card") == 1


def test_c15_workers_that_start_up_during_a_recovery_do_not_call_twice() -> None:
    died = at("order delivered", "action charge_card", "crash after")
    recovering = len(points_of("order delivered", FIRST_STORE))
    for number in range(died.at + 1, recovering):
        one = seen("order delivered", died, Fault(number, "second worker"))
        assert (len(one.calls("charge_card")), one.took_effect("charge_card")) == (1, 1), number


@pytest.mark.parametrize(
    "kind", ["crash before", "crash after", "drop after", "silence after", "zombie", "transient"]
)
def test_c18_a_compensation_that_goes_wrong_is_carried_through(kind: str) -> None:
    for part in ("car", "room", "flight"):
        one = seen("trip not confirmed", at("trip not confirmed", f"action cancel_{part}", kind))
        undone = [entry["action"] for entry in one.told.ledger if entry["action"].startswith("cancel")]
        assert undone == ["cancel_car", "cancel_room", "cancel_flight"]


def test_c18_a_compensation_that_fails_for_good_waits_for_a_person_and_says_why() -> None:
    one = seen("trip not confirmed", at("trip not confirmed", "action cancel_room", "cached error"))
    (asked,) = one.of("resolved")
    assert (asked["call"], asked["actor"]) == ("cancel_room", "operator")
    assert "500" in one.of("doubt", "cancel_room")[-1]["reason"]
    assert one.state == "NotBooked"


def test_c19_of_a_confirmation_and_a_cancel_at_the_same_moment_one_wins_and_the_other_is_told() -> None:
    ends = set()
    for number in range(
        len(points_of("trip booked", FIRST_STORE)) // 2, len(points_of("trip booked", FIRST_STORE)) + 1
    ):
        one = seen("trip booked", Fault(number, "cancel"))
        ends.add(one.state)
        assert one.entered("Booked") + one.entered("NotBooked") == 1
        refused = [entry for entry in one.told.history if entry["end"] == "refused"]
        assert all(entry["code"] in ("RunEnded", "EventRefused") for entry in refused)
    assert ends == {"Booked", "NotBooked"}


def test_c20_a_second_fault_in_the_recovery_from_the_first_changes_no_promise() -> None:
    first = at("order delivered", "action charge_card", "crash after")
    kinds = {"crash before", "crash after", "crash with reply"}
    cases = [case for case in pairs("order delivered", FIRST_STORE, first) if case[1].kind in kinds]
    assert len(cases) >= 12
    for case in cases:
        one = seen("order delivered", *case)
        assert (one.state, one.took_effect("charge_card")) == ("Delivered", 1), case


def test_c22_past_the_window_of_the_key_nobody_is_called_and_a_person_is_asked() -> None:
    one = seen("trip booked", at("trip booked", "action book_flight", "down 25 h after"))
    assert len(one.calls("book_flight")) == 1
    assert one.took_effect("book_flight") == 1
    (asked,) = one.of("resolved")
    assert (asked["call"], asked["actor"]) == ("book_flight", "operator")
    found = seen("order delivered", at("order delivered", "action charge_card", "down 25 h after"))
    assert len(found.calls("charge_card")) == 1, "a lookup has no window"
    within = seen("expense agreed", at("expense agreed", "action pay", "down 25 h after"))
    assert [call.key for call in within.calls("pay")] == ["e1", "e1"], "its key is good for 72 hours"


@pytest.mark.parametrize(
    ("story", "action"),
    [("order delivered", "charge_card"), ("trip booked", "book_flight"), ("expense agreed", "pay")],
)
def test_c23_an_error_that_the_provider_keeps_under_the_key_is_not_answered_with_another_key(
    story: str, action: str
) -> None:
    one = seen(story, at(story, f"action {action}", "cached error"))
    assert len({call.key for call in one.calls(action)}) == 1
    assert len(one.calls(action)) > 1
    assert one.took_effect(action) == 1
    assert one.of("doubt", action)


@pytest.mark.parametrize(
    "kind", ["crash before", "crash after", "transient", "drop before", "silence after", "down 25 h before"]
)
def test_c24_every_attempt_has_the_arguments_of_the_intent(kind: str) -> None:
    stories = {"order delivered": "charge_card", "order refunded": "refund_card", "expense agreed": "pay"}
    repeated = 0
    for story, action in stories.items():
        one = seen(story, at(story, f"action {action}", kind))
        made = one.calls(action)
        assert len({(call.key, call.args) for call in made}) == 1
        repeated += len(made) > 1
    assert repeated


def test_without_faults_the_stories_meet_no_doubt_evidence_or_person() -> None:
    """Each story alone meets no doubt, evidence or person, so that these come from the faults."""
    for story in STORIES.values():
        bench, told = tell_all(story, FIRST_STORE)
        bench.store.close()
        kinds = {kind for row in told.rows for _, kind, _, _ in row["records"]}
        assert not kinds & {"doubt", "evidence", "resolved", "stalled", "attempt"}
