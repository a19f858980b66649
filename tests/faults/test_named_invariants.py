"""The invariants 1 to 22 by their numbers: they hold after faults, and a break is detected.

Where a test breaks a world on purpose, the verifier that judges all simulations, sieges and faults
has to name the number. A verifier that accepts a broken world would make every other test here
worthless.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from opord.backends.front import Engine
from opord.drive import errors
from opord.stores.sqlite.store import SqliteStore
from opord.testing.clock import run_virtually
from tests.faults.bench import Bench, tell
from tests.faults.forge import Change, Forged
from tests.faults.kinds import Fault
from tests.faults.kit import at, at_write, damage, seen
from tests.faults.run import points_of, sampled, singles
from tests.faults.stories import STORIES, expense_balance, order_balance, trip_balance
from tests.sim.machine import Broken
from tests.support.stores import EACH_STORE, FIRST_STORE


def numbers(problems: list[str]) -> set[int]:
    return {int(one.split(":")[0]) for one in problems}


def says(
    number: int, change: Change, story: str = "order refunded", *faults: Fault, sealed: bool = True
) -> None:
    """Assert that a world is sound, and that after the change the verifier names the invariant."""
    world = Forged(story, *faults)
    world.seal()
    assert world.judged() == []
    change(world)
    if sealed:
        world.seal()
    assert number in numbers(world.judged()), world.judged()


def doubtful() -> Fault:
    return at("order refunded", "action charge_card", "crash after")


# --- the world outside ---------------------------------------------------------------------


def test_i01_a_second_charge_is_seen_under_the_same_key_and_under_another() -> None:
    says(1, lambda world: world.ledger.append(dict(world.ledger[0])))
    says(1, lambda world: world.ledger.append(world.ledger[0] | {"key": "fresh"}))


def test_i02_a_charge_without_an_intent_is_seen() -> None:
    says(2, lambda world: world.ledger[0].update(key="another"))
    says(2, lambda world: world.ledger[0].update(run="OrderFulfilment/other"))


def test_i03_an_invented_success_is_seen() -> None:
    says(3, lambda world: world.ledger.clear())
    says(3, lambda world: world.ledger.clear(), "order refunded", doubtful())


def _no_such_doubt(world: Forged) -> None:
    world.records.remove(world.of("outcome"))


def _a_timeout_is_a_failure(world: Forged) -> None:
    world.of("outcome")["outcome"] = {"failed": {"type": "TimedOut"}}


def _called_again_in_doubt(world: Forged) -> None:
    place = world.records.index(world.of("doubt")) + 1
    again = {one: value for one, value in world.of("doubt").items() if one != "reason"}
    world.records.insert(place, again | {"kind": "attempt", "attempt": 2})


def _another_key(world: Forged) -> None:
    world.of("outcome")["key"] = "fresh"


@pytest.mark.parametrize(
    "change", [_no_such_doubt, _a_timeout_is_a_failure, _called_again_in_doubt, _another_key]
)
def test_i04_a_doubt_that_disappears_is_seen(change: Change) -> None:
    says(4, change, "order refunded", doubtful())


def test_i04_who_resolved_a_doubt_when_and_why_stays_in_the_journal() -> None:
    one = seen("trip booked", at("trip booked", "action book_flight", "down 25 h after"))
    (verdict,) = one.of("resolved")
    assert {"actor", "reason", "at", "call"} <= set(verdict)


# --- what clients were told ----------------------------------------------------------------


def test_i05_a_confirmed_start_that_is_not_there_or_is_there_twice_is_seen() -> None:
    says(5, lambda world: world.history[0].update(answer=["OrderFulfilment/o2", True]))
    says(5, lambda world: world.history.append(dict(world.history[0])))
    says(5, lambda world: world.history.append(world.history[0] | {"input": "{}"}))
    says(5, lambda world: world.history.clear())


def _sent(world: Forged) -> dict[str, Any]:
    return next(one for one in world.history if "event" in one)


def test_i06_a_confirmed_event_that_is_lost_or_applied_twice_is_seen() -> None:
    story = "expense agreed"
    says(6, lambda world: world.records.remove(world.of("event")), story)
    says(6, lambda world: world.records.insert(4, dict(world.of("event"))), story)
    says(6, lambda world: world.history.append(_sent(world) | {"args": '{"note": "another"}'}), story)
    says(
        6, lambda world: world.row["inbox"].append(("m1", "event", '{"event": "approve", "args": {}}')), story
    )


@pytest.mark.parametrize("kind", ["twice", "at once", "crash on the way"])
@pytest.mark.parametrize("store", EACH_STORE)
def test_i06_an_event_with_a_key_is_one_event_however_often_it_is_sent(kind: str, store: str) -> None:
    one = seen("order reviewed", at("order reviewed", "message delivered", kind), store=store)
    told = [
        entry["answer"][0]
        for entry in one.told.history
        if entry.get("event") == "delivered" and "answer" in entry
    ]
    assert Counter(told)["stored"] <= 1
    assert kind == "crash on the way" or Counter(told)["repeated"] == 1
    assert one.kinds("event", "unhandled").count("event") == 2
    assert one.kinds("unhandled") == []


# --- the journal ---------------------------------------------------------------------------


def test_i07_a_path_that_the_contract_does_not_have_is_seen() -> None:
    says(7, lambda world: world.of("transition", 1).update({"to": "Refunding"}))
    says(7, lambda world: world.of("transition", 1).update({"from": "Received"}))
    says(7, lambda world: world.of("transition").update({"data": {"surprise": 1}}))
    says(7, lambda world: world.of("transition", -1).update(result="success"))


def _a_record_changed(world: Forged) -> None:
    seq, kind, body, digest = world.row["records"][1]
    world.row["records"][1] = (seq, kind, body.replace("Charging", "Charged"), digest)


def _a_record_gone(world: Forged) -> None:
    del world.row["records"][2]


def _the_end_cut_off(world: Forged) -> None:
    del world.row["records"][-1]


@pytest.mark.parametrize("change", [_a_record_changed, _a_record_gone, _the_end_cut_off])
def test_i08_a_journal_that_is_not_only_appended_to_is_seen(change: Change) -> None:
    says(8, change, sealed=False)
    world = Forged("order refunded")
    change(world)
    assert numbers(world.grown()) == {8}


def test_i08_an_epoch_that_falls_is_seen() -> None:
    says(8, lambda world: world.of("transition", 1).update(epoch=9))


def test_i09_a_move_after_the_end_is_seen() -> None:
    says(9, lambda world: world.add("intent", call="charge_card", key="k", args={}))
    says(9, lambda world: world.add("event", event="cancel", id="m9", args={}))


def test_i09_an_event_after_the_end_is_refused_and_a_late_outcome_is_kept_as_evidence() -> None:
    one = seen("trip booked", at("trip booked", "message confirm", "at the end"))
    assert one.answers("event") == ["acked", "refused"]
    assert one.told.history[-1]["code"] == "RunEnded"
    late = seen("order refunded", at("order refunded", "action refund_card", "zombie"))
    assert [record["kind"] for record in late.records][-2:] == ["transition", "evidence"]
    assert late.state == "Refunded"


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.head.update(state="Shipping"),
        lambda world: world.head.update(outcome=None),
        lambda world: world.body(data={"receipt": {"charge_id": "forged"}}),
        lambda world: world.body(entered=2),
        lambda world: world.body(settled=["refund_card"]),
        lambda world: world.head.update(status="stalled"),
    ],
)
def test_i10_a_head_that_is_not_the_sum_of_the_journal_is_seen(change: Change) -> None:
    says(10, change)


# --- leases, timers, progress --------------------------------------------------------------


@pytest.mark.parametrize("nth", range(1, 6))
@pytest.mark.parametrize("store", EACH_STORE)
def test_i11_no_write_of_an_old_epoch_moves_a_run_and_its_evidence_is_kept(nth: int, store: str) -> None:
    one = seen("order refunded", at("order refunded", "store apply", "fenced", nth), store=store)
    assert one.took_effect("charge_card") == 1
    if nth in (3, 4):
        # The outcome was in that write: its worker could not record it, and did not forget it.
        (evidence,) = one.of("evidence")
        assert evidence["call"] == ("charge_card" if nth == 3 else "post_slack")


def test_i11_a_write_of_an_old_epoch_is_seen() -> None:
    bench = Bench(STORIES["order delivered"], FIRST_STORE, ())
    bench.broken.append("11: a write of epoch 1 moved it, then at 2")
    with pytest.raises(Broken, match="11"):
        run_virtually(bench.story_(), bench.clock)


def test_i12_no_two_claims_give_out_the_same_run_under_the_same_epoch() -> None:
    for number in range(1, len(points_of("order refunded", FIRST_STORE)) + 1):
        one = seen("order refunded", Fault(number, "second worker"))
        assert set(one.bench.leases.values()) == {1}
    twice = Bench(STORIES["order delivered"], FIRST_STORE, ())
    twice.leases.update({("OrderFulfilment/o1", 2): 2})
    with pytest.raises(Broken, match="12"):
        run_virtually(twice.story_(), twice.clock)


def test_i13_a_timer_that_fires_early_or_never_is_seen() -> None:
    says(13, lambda world: world.of("transition", -2).update(at="2026-02-26T00:00:00Z"))
    says(13, lambda world: world.of("transition", 2).update(timers={}))


def test_i13_a_timer_that_fell_due_without_a_worker_fires_once_and_not_early() -> None:
    for kind in ("crash before", "crash after", "away", "done, away", "fenced"):
        one = seen("order refunded", at_write("order refunded", "transition Refunding", kind))
        (due,) = {value for record in one.records for value in (record.get("timers") or {}).values()}
        (fired,) = [record for record in one.of("transition") if record["cause"].startswith("timer")]
        assert fired["at"] >= due


@pytest.mark.parametrize(
    ("change", "story"),
    [
        (lambda world: world.head.update(status="running", outcome=None, wake_at=None), "order expired"),
        (lambda world: world.head.update(status="waiting", wake_at=world.now - 10**9), "order expired"),
        (lambda world: world.head.update(status="stalled", reason=None), "order expired"),
        (lambda world: world.head.update(worker="w9", wake_at=None), "order expired"),
    ],
)
def test_i14_a_run_that_nobody_will_move_is_seen(change: Change, story: str) -> None:
    says(14, change, story)


# --- what a saga owes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "order", "sound"),
    [
        ("NotBooked", ["book_flight", "book_room", "cancel_room", "cancel_flight"], True),
        ("NotBooked", ["book_flight", "book_room", "cancel_flight", "cancel_room"], False),
        ("NotBooked", ["book_flight", "book_room", "cancel_flight"], False),
        ("NotBooked", ["book_flight", "cancel_flight", "cancel_room"], False),
        ("Booked", ["book_flight", "book_room", "book_car"], True),
        ("Booked", ["book_flight", "book_room"], False),
        ("Booked", ["book_flight", "book_room", "book_car", "cancel_car"], False),
    ],
)
def test_i16_bookings_are_given_back_in_reverse_order_and_nothing_else_is(
    end: str, order: list[str], sound: bool
) -> None:
    assert trip_balance(end, Counter(order), order) == sound


def test_i16_an_end_that_does_not_fit_the_ledger_is_seen() -> None:
    assert order_balance("Delivered", Counter(charge_card=1), [])
    assert not order_balance("Delivered", Counter(charge_card=2), [])
    assert not order_balance("Refunded", Counter(charge_card=1), [])
    assert not order_balance("Expired", Counter(charge_card=1), [])
    assert not expense_balance("Paid", Counter(), [])
    assert not expense_balance("Expired", Counter(pay=1), [])


# --- the whole -----------------------------------------------------------------------------


@pytest.mark.parametrize("store", EACH_STORE)
def test_i18_the_same_faults_give_the_same_trace_to_the_byte(store: str) -> None:
    for story in ("order refunded", "trip sold out"):
        for faults in sampled(singles(story, store), 8, f"i18 {story}"):
            assert tell(STORIES[story], store, faults).trace == tell(STORIES[story], store, faults).trace


def test_i19_the_file_is_sound_after_faults_and_an_unsound_one_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    bench = _on_file("trip sold out", path, sampled(singles("trip sold out", "sqlite"), 1, "i19")[0])
    bench.store.close()
    assert damage(path) == []
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("UPDATE runs SET contract = 99")
    connection.close()
    assert numbers(damage(path)) == {19}


def _on_file(story: str, path: Path, faults: tuple[Fault, ...]) -> Bench:
    bench = Bench(STORIES[story], "memory", faults)
    bench.store = SqliteStore(path, clock=bench._now)
    run_virtually(bench.story_(), bench.clock)
    return bench


Ask = Callable[[Engine], Any]
REFUSALS: list[tuple[str, Ask]] = [
    ("run_unknown", lambda engine: engine.send_event("Nobody/none", "confirm", {}, role="traveller")),
    ("event_unknown", lambda engine: engine.send_event("TripBooking/t1", "nonsense", {}, role="traveller")),
    ("role_required", lambda engine: engine.send_event("TripBooking/t1", "confirm", {}, role="nobody")),
    (
        "input_invalid",
        lambda engine: engine.send_event("TripBooking/t1", "confirm", {"x": 1}, role="traveller"),
    ),
    ("not_in_doubt", lambda engine: engine.client.resolve("TripBooking/t1", happened=True, actor="root")),
    ("not_stalled", lambda engine: engine.client.resume("TripBooking/t1", actor="root")),
]


def test_i21_every_refusal_has_a_stable_code_and_changes_nothing() -> None:
    bench = Bench(STORIES["trip booked"], FIRST_STORE, ())
    answers: list[str] = []

    async def ask_all() -> None:
        await bench.revive()
        await bench.start()
        await bench.until("Offered")
        engine = bench.lives[0].engine
        assert engine is not None
        before = bench._plain()
        other = dict(bench.story.input["trip"]) | {"to": "Rome"}
        asks = [
            *REFUSALS,
            ("start_conflict", lambda engine: engine.start_run(bench.subject.program, {"trip": other})),
        ]
        for code, ask in asks:
            with pytest.raises(errors.Refused) as refusal:
                await ask(engine)
            answers.append(refusal.value.code)
            assert refusal.value.code == code
            assert str(refusal.value)
            assert bench._plain() == before, code

    run_virtually(ask_all(), bench.clock)
    assert len(answers) == len(REFUSALS) + 1
    codes = [
        one.code
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.EngineError)
    ]
    assert len(set(codes)) >= len(codes) - 1, "two refusals share a code"


def test_i22_faults_leave_no_file_or_transaction_open(tmp_path: Path) -> None:
    """Descriptors and the file's log are as before, and no transaction is left open."""
    opened = []
    for number, faults in enumerate(sampled(singles("order refunded", "sqlite"), 15, "i22")):
        path = tmp_path / f"runs{number}.db"
        bench = _on_file("order refunded", path, faults)
        bench.store.close()
        log = path.with_name(f"{path.name}-wal")
        assert not log.exists() or not log.stat().st_size
        connection = apsw.Connection(str(path))
        connection.execute("BEGIN EXCLUSIVE")
        connection.close()
        opened.append(len(os.listdir("/proc/self/fd")))
    assert max(opened[1:]) <= opened[0] + 1, opened


def test_i22_no_task_outlives_its_engine() -> None:
    left: list[int] = []

    async def story(bench: Bench) -> None:
        await bench.story_()
        await asyncio.sleep(1000.0)
        left.append(len(asyncio.all_tasks()) - 1)

    for faults in [(), *sampled(singles("order refunded", FIRST_STORE), 25, "i22 tasks")]:
        bench = Bench(STORIES["order refunded"], FIRST_STORE, faults)
        run_virtually(story(bench), bench.clock)
    assert max(left) <= 1
